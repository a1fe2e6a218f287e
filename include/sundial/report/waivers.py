"""Waivers in the report: those in force, with age and expiry, and those that ended while still in breach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sundial.engine.in_effect import standing
from sundial.engine.waive import covers, own
from sundial.register.given import Waiver
from sundial.report.page import LOOKS
from sundial.report.plain import clean, joined, metric_name, sentence
from sundial.store.records import Finding, Status
from sundial.store.register import Row


@dataclass(frozen=True)
class Waived:
    """One waiver.

    Attributes:
        number: of its row.
        what: check, metric and slice that it is of.
        days: from the day it was given to the report.
        would_be: what its findings of the last judged week would be, as counts; empty where it has none.
        still: what its findings in breach say, where it has ended; empty while it is in force.
    """

    number: int
    what: str
    approver: str
    reason: str
    link: str
    since: date
    expires: date
    days: int
    would_be: str
    still: tuple[str, ...]


def waivers_shown(rows: Sequence[Row], findings: Sequence[Finding], as_of: date) -> tuple[Waived, ...]:
    """Returns a system's waivers to show: ended ones in breach first, then those in force by expiry.

    Args:
        rows: the ledger's rows of the system.
        findings: of the last judged week.
        as_of: the report's date.
    """
    shown = []
    held = standing(rows, Waiver, as_of)
    in_force = [waiver for _, waiver in held if as_of <= waiver.expires]
    for number, waiver in held:
        of_it = [finding for finding in findings if covers(waiver, finding)]
        ended = waiver.expires < as_of
        breaches = [f for f in of_it if own(f).status is Status.BREACH]
        still = [f for f in breaches if not any(covers(other, f) for other in in_force)] if ended else []
        if not ended or still:
            shown.append(_shown(number, waiver, of_it, still, as_of))
    return tuple(sorted(shown, key=lambda one: (not one.still, one.expires, one.number)))


def _shown(
    number: int, waiver: Waiver, of_it: Sequence[Finding], still: Sequence[Finding], as_of: date
) -> Waived:
    counts = Counter(own(finding).status for finding in of_it if finding.status is Status.WAIVED)
    what = [waiver.check, *([metric_name(waiver.metric)] if waiver.metric else [])]
    what += [f"{column} {level}" for column, level in waiver.slice or ()]
    return Waived(
        number=number,
        what=clean(", ".join(what)),
        approver=clean(waiver.approver),
        reason=clean(waiver.reason).rstrip("."),
        link=clean(waiver.link),
        since=waiver.holds_from,
        expires=waiver.expires,
        days=(as_of - waiver.holds_from).days,
        would_be=joined([f"{counts[status]:,} {LOOKS[status].word}" for status in Status if counts[status]]),
        still=tuple(sentence(finding) for finding in map(own, still)),
    )
