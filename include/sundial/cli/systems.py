"""What is registered, and where each system stands by the last week that was judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.table import Table
from rich.text import Text

from sundial.cli.console import coloured, table
from sundial.lake import Lake
from sundial.register.events import FeedName
from sundial.register.models import System
from sundial.report.health import WORST_FIRST
from sundial.report.plain import clean
from sundial.sources.landing import Landing, watermark
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.records import Finding, Status
from sundial.store.results import Pull, Results

SHOWN = (Status.ERROR, Status.BREACH, Status.WATCH, Status.INSUFFICIENT, Status.OK, Status.NOT_MEASURED)


@dataclass(frozen=True)
class Standing:
    """Where a system stands.

    Attributes:
        week: Monday of the last judged week; None where none was.
        counts: its findings by status.
        cases: ids of the open sunset cases.
    """

    system: System
    week: date | None
    counts: Mapping[Status, int]
    cases: Sequence[str]

    def document(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "id": self.system.id,
            "name": self.system.name,
            "department": self.system.department,
            "tier": self.system.risk.tier,
            "status": self.system.status.value,
            "schedule": self.system.schedule,
            "last_judged_week": self.week.isoformat() if self.week else None,
            "findings": {status.value: self.counts.get(status, 0) for status in WORST_FIRST},
            "open_cases": list(self.cases),
        }


@dataclass(frozen=True)
class FeedStanding:
    """What is known of a feed: its last pull, what the lake has landed, and its latest day."""

    name: str
    source: str
    cadence: str
    pull: Pull | None
    rows: int
    until: date | None

    def document(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        pull = self.pull
        return {
            "feed": self.name,
            "source": self.source,
            "cadence": self.cadence,
            "rows_landed": self.rows,
            "latest_day": self.until.isoformat() if self.until else None,
            "last_pull": pull
            and {
                "as_of": pull.as_of.isoformat(),
                "status": pull.status,
                "rows": pull.rows,
                "error": pull.error,
            },
        }


def standings(systems: Sequence[System], store: Database | None) -> Sequence[Standing]:
    """Returns where the systems stand; nothing is known of them without a store."""
    if store is None:
        return [Standing(system, None, {}, ()) for system in systems]
    results, cases = Results(store), Cases(store)
    return [
        Standing(
            system,
            results.last_judged_week(system.id),
            Counter(finding.status for finding in results.latest_findings(system.id)),
            [episode.id for episode in cases.open_episodes(system.id)],
        )
        for system in systems
    ]


def feed_standings(system: System, store: Database | None, lake: Lake) -> Sequence[FeedStanding]:
    """Returns what is known of each feed of the register entry."""
    pulls = Results(store).latest_pulls(system.id) if store else {}
    return [feed_standing(system, name, pulls.get(name), lake) for name in system.feeds.names]


def feed_standing(system: System, name: FeedName, pull: Pull | None, lake: Lake) -> FeedStanding:
    """Returns what is known of one feed."""
    feed = getattr(system.feeds, name)
    batches = Landing(lake, system.id, name).batches()
    source = f"{feed.source.kind}{f' through {feed.source.connection}' if feed.source.connection else ''}"
    return FeedStanding(
        name, source, feed.cadence, pull, sum(batch.rows for batch in batches), watermark(batches)
    )


def standings_table(found: Sequence[Standing]) -> Table:
    """Returns one row a system."""
    words = [status.value.replace("_", " ") for status in SHOWN]
    counts = (*words, "cases")
    made = table("id", "name", "department", "tier", "schedule", "last week", *counts, right=counts)
    for one in found:
        numbers = [
            coloured(status.value, str(one.counts[status])) if one.counts.get(status) else Text("·")
            for status in SHOWN
        ]
        made.add_row(
            one.system.id,
            Text(clean(one.system.name)),
            Text(clean(one.system.department)),
            one.system.risk.tier,
            one.system.schedule,
            one.week.isoformat() if one.week else "–",
            *numbers,
            str(len(one.cases)) if one.cases else "·",
        )
    return made


def feeds_table(found: Sequence[FeedStanding]) -> Table:
    """Returns one row a feed."""
    made = table(
        "feed", "source", "cadence", "last pull", "rows", "landed", "latest day", right=("rows", "landed")
    )
    for one in found:
        pull = one.pull
        made.add_row(
            one.name,
            Text(clean(one.source)),
            one.cadence,
            Text(f"{pull.as_of} {pull.status}" if pull else "never"),
            f"{pull.rows:,}" if pull else "",
            f"{one.rows:,}",
            one.until.isoformat() if one.until else "–",
        )
        if pull is not None and pull.error:
            made.add_row("", coloured("problem", clean(pull.error)))
    return made


def entry_lines(system: System) -> Sequence[str]:
    """Returns the register entry in short."""
    intended = system.intended_outcome
    lines = [
        f"{system.name} ({system.id})",
        system.description,
        *([system.notice] if system.notice else []),
        f"{system.department} · owner {system.owner.name} · tier {system.risk.tier} · runs {system.schedule}",
        f"Status: {system.status.value.replace('_', ' ')}",
        f"Intended outcome: {intended.statement}",
        f"Target: {intended.metric} {intended.target:g}, by {intended.approved_by} on {intended.approved_on}",
        f"Decides: {system.risk.decides}",
        f"Report window: {system.window_weeks} weeks"
        + (f" · baseline {system.baseline.start} to {system.baseline.end}" if system.baseline else ""),
    ]
    return [clean(line) for line in lines]


def system_document(
    standing: Standing, feeds: Sequence[FeedStanding], findings: Sequence[Finding]
) -> dict[str, Any]:
    """Returns all that `sundial system` shows as JSON values."""
    return {
        **standing.document(),
        "description": standing.system.description,
        "owner": standing.system.owner.name,
        "feeds": [feed.document() for feed in feeds],
        "newest_findings": [{"id": finding.id, **finding.payload()} for finding in findings],
    }
