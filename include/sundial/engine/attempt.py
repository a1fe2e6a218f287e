"""One attempt of a check at one week: its findings, or one plain reason why they cannot be used."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sundial.engine.check import Check, View
from sundial.engine.timelimit import TimeIsUp, time_limit
from sundial.profile.statistics import Statistic
from sundial.register.models import System
from sundial.store.canonical import canonical
from sundial.store.records import Finding, Kind, Status, finding_from_payload

SECONDS = 60.0
"""What a check may take for one week."""

MOST = 100_000
"""Findings that a check may make of one week."""

NEVER = {
    Kind.STATISTICAL: frozenset({Status.WAIVED}),
    Kind.FACTUAL: frozenset({Status.WAIVED, Status.INSUFFICIENT}),
}
"""Status that a finding of a kind cannot have: a waiver is the ledger's, and a fact needs no sample."""


class CheckError(Exception):
    """A check did what it must not; the message says what."""


class HangError(CheckError):
    """A check did not end in time."""


def findings_of(view: View) -> Sequence[Finding]:
    """Returns what the view's check finds in its week; all of it can be recorded.

    Raises:
        CheckError: it gave what is no finding of its own, it did not end, or tried to end the process.
        Exception: whatever the check raises.
    """
    check = view.check
    with _limited():
        given: Any = check.measure(view)
        if given is None:
            raise CheckError("measure returned nothing; have it yield findings made by view.finding")
        found = list(islice(given, MOST + 1))
    if len(found) > MOST:
        raise CheckError(f"it gave more than {MOST:,} findings for one week")
    seen: set[tuple[str, object]] = set()
    streams: set[str] = set()
    for finding in found:
        if (wrong := _wrong(finding, view)) is not None:
            raise CheckError(wrong)
        if (finding.metric, finding.slice) in seen:
            raise CheckError(f"it gave two findings of {_named(finding)}; a metric and slice names one")
        seen.add((finding.metric, finding.slice))
        if finding.evidence is not None:
            if finding.evidence.stream in streams:
                raise CheckError(f"two of its findings carry the stream {finding.evidence.stream}")
            streams.add(finding.evidence.stream)
    return found


def statistics_of(check: Check, system: System) -> Sequence[Statistic]:
    """Returns the statistics that a check asks for.

    Raises:
        CheckError: it gave what is none, did not end, or tried to end the process.
        Exception: whatever the check raises.
    """
    with _limited():
        asked = list(check.statistics(system))
    for one in asked:
        if not isinstance(one, Statistic):
            raise CheckError(f"statistics gave a {type(one).__name__}; make statistics by counts or the like")
    return asked


@contextmanager
def _limited() -> Iterator[None]:
    try:
        with time_limit(SECONDS):
            yield
    except TimeIsUp:
        raise HangError(f"it did not end within {SECONDS:g} seconds") from None
    except SystemExit:
        raise CheckError("it tried to end the process") from None


def _wrong(finding: object, view: View) -> str | None:
    """Returns what is wrong with one thing that a check gave; None when it is a finding to record."""
    if not isinstance(finding, Finding):
        return f"it gave a {type(finding).__name__}, which is no finding; make findings by view.finding"
    return _of_another(finding, view) or _no_result(finding, view.check.name) or _not_to_be_kept(finding)


def _of_another(finding: Finding, view: View) -> str | None:
    check = view.check
    for what, given, own in (
        ("system", finding.system, view.system.id),
        ("week", finding.week, view.week),
        ("check", finding.check, check.name),
        ("principle", finding.principle, check.principle.value),
        ("kind", finding.kind, check.kind),
        ("provenance", finding.provenance, view.provenance),
    ):
        if given != own:
            return f"it gave a finding of another {what} than its own; make findings by view.finding"
    return None


def _no_result(finding: Finding, check: str) -> str | None:
    if not isinstance(finding.metric, str) or not finding.metric:
        return "it gave a finding without a metric; name what was measured"
    name, evidence = _named(finding), finding.evidence
    if not isinstance(finding.status, Status) or not isinstance(finding.reason, str):
        return f"{name} has no status and reason; give a Status and a sentence"
    if finding.status in NEVER[finding.kind]:
        return f"{name} is {finding.status}, which a {finding.kind} finding of a check cannot be"
    if evidence is not None and not str(getattr(evidence, "stream", "")).startswith(f"{check}:"):
        return f"{name} carries evidence that is none of the check's own; take it from view.advance"
    confirmed = evidence is not None and evidence.confirmed
    if finding.kind is Kind.STATISTICAL and finding.status is Status.BREACH and not confirmed:
        return f"{name} is breach without confirmed evidence; an estimate alone makes it watch at most"
    for what, number in (("estimate", finding.estimate), ("n", finding.n)):
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
            return f"the {what} of {name} is no number; give None where there is none"
    return None


def _not_to_be_kept(finding: Finding) -> str | None:
    """Returns what keeps a finding from being stored as it is: record appends all findings or none."""
    try:
        payload = finding.payload()
        text = canonical(payload)
        text.encode()
        kept = json.loads(text)
        finding_from_payload(kept)
    except Exception as error:  # noqa: BLE001 - whatever the values raise, they are no JSON
        return f"{_named(finding)} cannot be kept: {error}; details and figures must be JSON values"
    if kept != payload:
        fields = ", ".join(name for name in payload if payload[name] != kept[name])
        return f"{_named(finding)} cannot be kept as it is: {fields} must be JSON values with texts as names"
    return None


def _named(finding: Finding) -> str:
    where = ", ".join(f"{column} {level}" for column, level in finding.slice)
    return f"{finding.metric} ({where})" if where else finding.metric
