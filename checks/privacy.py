"""6 Privacy: do outputs give away personal data, and is the use of data reported?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from checks.attestations import attested
from checks.flags import flagged
from checks.measures import measure_of, whole
from sundial.api import (
    UNKNOWN,
    Check,
    Finding,
    Kind,
    OutputsFeed,
    Principle,
    Side,
    Statistic,
    Status,
    System,
    View,
    counts,
)

METRIC = "pii_share"
KINDS = counts("outputs", ["pii_kinds"])


class PersonalData(Check):
    """Share of outputs in whose text a pattern of personal data was found, against the policy's ceiling.

    The text was read where it arrived and never kept: of a hit nothing is known but its kind. Names, postal
    addresses and what is written in words have no pattern; without a hit a text is not proven clean.

    Formula:
        pii_share = outputs with a pattern of personal data / outputs with a text.

    Read:
        Look at `details.by_kind`, then at the source: the texts themselves are not kept. A hit is a pattern,
        not yet a leak.

    Source:
        NIST AI RMF, MEASURE 2.10; the libraries and their limits are in `docs/privacy.md`; Wilson 1927,
        Robbins 1970.
    """

    name = "privacy.pii"
    principle = Principle.PRIVACY
    feeds = ("outputs",)

    def statistics(self, system: System) -> Sequence[Statistic]:
        if not _read(system.feeds.outputs):
            return []
        return [measure_of(system, METRIC).statistic, KINDS]

    def measure(self, view: View) -> Iterator[Finding]:
        outputs = view.system.feeds.outputs
        if _read(outputs):
            nothing = "No output in the window has a text."
            finding = flagged(view, METRIC, Side.CEILING, nothing=nothing)
            yield replace(finding, details={"by_kind": _by_kind(view)})
        elif outputs is not None and outputs.task == "text":
            reason = "The outputs are texts that nobody looks through; name them as feeds.outputs.text."
            yield view.finding(METRIC, Status.NOT_MEASURED, reason)
        else:
            reason = "The entry names no text among the outputs; where there is one, add feeds.outputs.text."
            yield view.finding(METRIC, Status.NOT_APPLICABLE, reason)


def _read(outputs: OutputsFeed | None) -> bool:
    return outputs is not None and outputs.text is not None


def _by_kind(view: View) -> dict[str, float]:
    """Returns outputs by kind of pattern, most first; an output with two kinds counts in both."""
    found: Counter[str] = Counter()
    cells = view.cells(KINDS)
    for kinds, n in zip(cells["pii_kinds"], cells["n"], strict=True):
        if kinds not in (UNKNOWN, "none"):
            found.update(dict.fromkeys(str(kinds).split(","), n))
    return {kind: whole(float(n)) for kind, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))}


class DataUsageReport(Check):
    """The report on how the system uses data was renewed within the policy's term.

    Formula:
        age = Sunday of the week − date of the report; days beyond the term's limit = age − limit.

    Read:
        `watch` from the day after the limit, `breach` when the grace has passed, too. Record it as
        `attestations.data_usage_report`.

    Source:
        The City's AI policy, Privacy; the yearly term is the City's choice.
    """

    name = "privacy.data_usage_report"
    principle = Principle.PRIVACY
    kind = Kind.FACTUAL

    def measure(self, view: View) -> Iterator[Finding]:
        yield attested(view, "data_usage_report_age", "The data usage report")
