"""What the gate refused, with reasons and counts, never a value of a row; and judging it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.table import Table
from rich.text import Text

from sundial.cli.console import table
from sundial.engine.clock import WEEK
from sundial.gate.errors import ContractError
from sundial.gate.gate import Gate
from sundial.gate.judged import Judged
from sundial.lake import Lake
from sundial.register.events import FeedName
from sundial.register.models import System
from sundial.report.plain import clean
from sundial.store.results import Results


@dataclass(frozen=True)
class Refused:
    """A batch with refused rows."""

    system: str
    feed: FeedName
    manifest: Judged

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many rows fail each critical rule, the most first; a row may fail several."""
        failed = [r for r in self.manifest.rules if r.failed and r.severity == "critical"]
        return {rule.reason: rule.failed for rule in sorted(failed, key=lambda rule: -rule.failed)}

    def document(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {
            "system": self.system,
            "feed": self.feed,
            "batch": self.manifest.batch,
            "rows": self.manifest.rows,
            "refused": self.manifest.refused,
            "reasons": dict(self.reasons),
            "quarantine": self.manifest.quarantine,
            "data_docs": self.manifest.data_docs,
        }


@dataclass(frozen=True)
class Rejudged:
    """A batch that was judged again: its refused rows before and now."""

    system: str
    feed: FeedName
    batch: str
    before: int | None
    now: int


def refused_batches(systems: Sequence[System], lake: Lake) -> Iterator[Refused]:
    """Yields every batch with refused rows."""
    for system in systems:
        gate = Gate(system, lake)
        for feed in system.feeds.names:
            for manifest in gate.manifests(feed):
                if manifest.refused:
                    yield Refused(system.id, feed, manifest)


def combined_reasons(refused: Refused, lake: Lake) -> Mapping[str, int]:
    """Returns how many refused rows have each combination of reasons, the most first."""
    path = refused.manifest.quarantine
    if path is None:
        return {}
    import pyarrow.parquet as pq

    with lake.open(path) as file:
        reasons = pq.read_table(file, columns=["reason"])["reason"].to_pylist()
    return dict(sorted(Counter(reasons).items(), key=lambda one: (-one[1], one[0])))


def rejudge(system: System, lake: Lake, results: Results) -> tuple[Sequence[Rejudged], Sequence[str]]:
    """Judges the batches whose verdict may have changed, as of the feed's last pull.

    What is accepted now counts in no week that is judged already. Profiles and findings follow with the
    system's next run.

    Returns:
        What was judged, and what is wrong with contracts that cannot be run.
    """
    last = results.last_judged_week(system.id)
    pulls = results.latest_pulls(system.id)
    done: list[Rejudged] = []
    problems: list[str] = []
    for feed in system.feeds.names:
        if feed not in pulls:
            continue
        gate = Gate(system, lake)
        before = {manifest.batch: manifest.refused for manifest in gate.manifests(feed)}
        try:
            judged = gate.judge(feed, pulls[feed].as_of, _after(last))
        except ContractError as error:
            problems.append(str(error))
        else:
            done += [Rejudged(system.id, feed, m.batch, before.get(m.batch), m.refused) for m in judged]
    return done, problems


def _after(last: date | None) -> date | None:
    return last + WEEK if last else None


def list_table(found: Sequence[Refused]) -> Table:
    """Returns one row a batch, with its most frequent reason."""
    made = table(
        "system", "feed", "batch", "rows", "refused", "most frequent reason", right=("rows", "refused")
    )
    for one in found:
        reason, failed = next(iter(one.reasons.items()), ("", 0))
        more = f" (+{len(one.reasons) - 1} more)" if len(one.reasons) > 1 else ""
        made.add_row(
            one.system,
            one.feed,
            one.manifest.batch,
            f"{one.manifest.rows:,}",
            f"{one.manifest.refused:,}",
            Text(f"{failed:,}: {clean(reason)}{more}"),
        )
    return made


def reasons_table(reasons: Mapping[str, int]) -> Table:
    """Returns one row a combination of reasons."""
    made = table("rows", "reasons", right=("rows",))
    for reason, rows in reasons.items():
        made.add_row(f"{rows:,}", Text(clean(reason, 1000)))
    return made


def rejudged_table(done: Sequence[Rejudged]) -> Table:
    """Returns one row a batch that was judged."""
    made = table("system", "feed", "batch", "refused before", "now", right=("refused before", "now"))
    for one in done:
        before = "not judged" if one.before is None else f"{one.before:,}"
        made.add_row(one.system, one.feed, one.batch, before, f"{one.now:,}")
    return made
