"""How a recorded number came about: measure, evidence, configuration, code, and the batches behind it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sundial.cli.findings import interval
from sundial.engine.clock import week_name
from sundial.engine.discover import code_version, discover
from sundial.gate.gate import Gate
from sundial.gate.judged import Judged
from sundial.lake import Lake
from sundial.register.load import config_hash
from sundial.register.models import Policy, System
from sundial.register.principles import Principle
from sundial.report.plain import clean, count, figure, one_in, sentence
from sundial.sources.landing import Batch, Landing
from sundial.store.records import Evidence, Finding, Threshold
from sundial.store.results import Judgement, Results

_MOST_BATCHES = 20


@dataclass(frozen=True)
class Source:
    """One batch that has rows of the finding's days: its manifest of the pull, and the gate's."""

    batch: Batch
    verdict: Judged
    days: Sequence[str]

    def document(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "batch": self.batch.id,
            "feed": self.batch.feed,
            "as_of": self.batch.as_of,
            "sha256": self.batch.sha256,
            "rows": self.verdict.rows,
            "accepted": self.verdict.accepted,
            "refused": self.verdict.refused,
            "pending": self.verdict.pending,
            "contract": self.verdict.inputs["contract"],
            "days": list(self.days),
            "partitions": {day: self.verdict.partitions[day] for day in self.days},
        }


@dataclass(frozen=True)
class Explained:
    """A finding with all that it came from.

    Attributes:
        revisions: as it was judged and each restatement, the oldest first; the last one is `finding`.
        judged: the run that judged its week.
        fed: the weeks with data that its evidence stream has counted up to its week.
        check: what its check says of itself; None where this version has no such check.
        same_config: whether entry and policy are still those that were in force.
        sources: its batches, the oldest first.
    """

    finding: Finding
    revisions: Sequence[Finding]
    judged: Judgement
    fed: Sequence[date]
    check: str | None
    same_config: bool
    sources: Sequence[Source]

    def document(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "id": self.finding.id,
            "key": self.finding.key,
            "sentence": sentence(self.finding),
            "finding": self.finding.payload(),
            "payload_hash": self.finding.payload_hash(),
            "earlier_revisions": [revision.payload() for revision in self.revisions[:-1]],
            "judged": {
                "as_of": self.judged.as_of.isoformat(),
                "recorded_at": self.judged.recorded_at.isoformat(),
                "run_id": self.judged.run_id,
                "config_hash": self.judged.config_hash,
                "config_is_in_force": self.same_config,
                "code_version": self.judged.code_version,
                "code_is_in_force": self.judged.code_version == code_version(),
            },
            "evidence_weeks": [week.isoformat() for week in self.fed],
            "check": self.check,
            "batches": [source.document() for source in self.sources],
        }


def explain(key: str, results: Results, lake: Lake, system: System | None, policy: Policy) -> Explained:
    """Returns the finding with this key and what it came from.

    Args:
        key: of a recorded finding.
        results: the store.
        lake: where its batches lie.
        system: the register entry; None where it is gone.
        policy: the policy in force.
    """
    revisions = results.revisions(key)
    finding = revisions[-1]
    (judged,) = [one for one in results.judged(finding.system) if one.week == finding.week]
    stream = finding.evidence.stream if finding.evidence else None
    fed = results.evidence(finding.system).get(stream, []) if stream else []
    return Explained(
        finding=finding,
        revisions=revisions,
        judged=judged,
        fed=[week for week, counts in fed if week <= finding.week and any(counts)],
        check=next((inspect.getdoc(check) for check in discover() if check.name == finding.check), None),
        same_config=system is not None and config_hash(system, policy) == judged.config_hash,
        sources=list(_sources(finding, judged, lake, system)) if system else [],
    )


def _sources(finding: Finding, judged: Judgement, lake: Lake, system: System) -> Iterator[Source]:
    """Yields the batches with accepted rows of the finding's window that the run could know."""
    window = finding.window
    if window is None:
        return
    gate = Gate(system, lake)
    for feed in system.feeds.names:
        batches = {batch.id: batch for batch in Landing(lake, system.id, feed).batches()}
        for verdict in gate.manifests(feed):
            batch = batches.get(verdict.batch)
            days = [day for day in verdict.partitions if f"{window.start}" <= day <= f"{window.end}"]
            if batch is not None and days and date.fromisoformat(batch.as_of) <= judged.as_of:
                yield Source(batch, verdict, days)


def lines(explained: Explained) -> Iterator[str]:
    """Yields the explanation as lines."""
    finding = explained.finding
    yield f"{sentence(finding)}"
    yield ""
    yield f"system       {finding.system}"
    yield f"week         {week_name(finding.week)}, from {finding.week}"
    yield f"principle    {Principle(finding.principle).label}"
    yield f"check        {finding.check} ({finding.kind.value})"
    yield f"status       {finding.status.value}: {clean(finding.reason)}"
    if finding.slice:
        yield f"slice        {clean(', '.join(f'{column} = {level}' for column, level in finding.slice))}"
    yield from _figures(finding)
    if finding.threshold is not None:
        yield f"threshold    {_threshold(finding.metric, finding.threshold)}"
    if finding.evidence is not None:
        yield from _evidence(finding.evidence, explained.fed)
    for number, revision in enumerate(explained.revisions[:-1]):
        what = "judged as" if number == 0 else "restated to"
        yield f"before       {what}: {revision.status.value}, {_estimate(revision)}"
    yield ""
    yield from _provenance(explained)
    yield ""
    if explained.check is None:
        yield f"This version of Sundial has no check {finding.check}; its code version is above."
    else:
        yield from (f"  {line}".rstrip() for line in explained.check.splitlines())


def _estimate(finding: Finding) -> str:
    return "no estimate" if finding.estimate is None else figure(finding.metric, finding.estimate)


def _figures(finding: Finding) -> Iterator[str]:
    if finding.window is not None:
        window = finding.window
        yield f"window       outputs of {window.start} to {window.end} ({count(window.weeks, 'week')})"
    if finding.n is not None:
        yield f"n            {finding.n:,g}"
    if finding.estimate is not None:
        yield f"estimate     {_estimate(finding)}  ({finding.estimate!r})"
    if finding.interval is not None:
        yield f"interval     95 %: {interval(finding)}, method {finding.interval.method}"


def _threshold(metric: str, threshold: Threshold) -> str:
    words = {"floor": "at least", "ceiling": "at most", "tolerance": "up to"}
    value = figure(metric, threshold.value)
    return (
        f"{threshold.name}: {words[threshold.side.value]} {value}, approved by "
        f"{clean(threshold.approved_by)} on {threshold.approved_on}{_whose(threshold)}"
    )


def _whose(threshold: Threshold) -> str:
    """Returns for whom the number was chosen, where that is not every system of the City."""
    words = {"city": "", "system": ", for this system"}
    return words.get(threshold.set_for, f", for {clean(threshold.set_for)}")


def _evidence(evidence: Evidence, fed: Sequence[date]) -> Iterator[str]:
    yield f"evidence     stream {clean(evidence.stream)}"
    weeks = count(evidence.weeks, "week")
    since = f", from {fed[0]} to {fed[-1]}" if fed else ""
    yield f"             {weeks} with data{since}"
    chance = one_in(evidence.log_e) if evidence.log_e > math.log(2) else "not small"
    yield f"             e-process ln {evidence.log_e:.3f}: chance under the null at most {chance}"
    verdict = "reached" if evidence.confirmed else "not reached"
    yield (
        f"             detector ln {evidence.log_detector:.3f}; the alarm is at ln {evidence.log_alarm:.3f}: "
        f"{verdict}"
    )
    if evidence.recovering:
        yield "             a repair is recorded and not yet shown to hold"
    if evidence.supersedes is not None:
        yield f"             {clean(evidence.supersedes.reason)}"


def _provenance(explained: Explained) -> Iterator[str]:
    judged, provenance = explained.judged, explained.finding.provenance
    now = "as it is now" if explained.same_config else "another one is in force now"
    yield f"judged       as of {judged.as_of} by run {clean(judged.run_id)}"
    yield f"recorded     {judged.recorded_at:%Y-%m-%d %H:%M} UTC"
    yield f"config       {judged.config_hash[:16]} ({now})"
    same = judged.code_version == code_version()
    yield f"code         {judged.code_version} ({'this one' if same else f'this one is {code_version()}'})"
    yield f"profiles     {provenance.get('partitions', '')}"
    yield f"baseline     {provenance.get('baseline') or 'none'}"
    if explained.finding.window is None:
        yield "batches      none: it rests on the register entry or the gate's counts, on no window of rows"
        return
    found = explained.sources
    if not found:
        yield "batches      none in the lake"
    for source in found[-_MOST_BATCHES:]:
        verdict, batch = source.verdict, source.batch
        span = source.days[0] if len(source.days) == 1 else f"{source.days[0]} to {source.days[-1]}"
        yield f"batch        {batch.feed} {batch.id}"
        yield (
            f"             {verdict.rows:,} rows: {verdict.accepted:,} accepted, "
            f"{verdict.refused:,} refused, {verdict.pending:,} pending; sha256 {batch.sha256[:16]}…"
        )
        yield f"             {count(len(source.days), 'day')} of the window: {span}"
    if len(found) > _MOST_BATCHES:
        yield f"             and {len(found) - _MOST_BATCHES} earlier batches; --json has all"
