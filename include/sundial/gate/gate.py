"""The gate: a batch's rows become accepted partitions or quarantine with the reason; nothing is lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from sundial.gate.contract import Rule, contract_hash, rules_of_outcomes, rules_of_outputs
from sundial.gate.expectations import validate
from sundial.lake import Lake
from sundial.register.measures import Task
from sundial.register.models import OutcomesFeed, OutputsFeed, System
from sundial.sources.landing import Batch, FeedName, Landing

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RuleResult:
    """How many rows of a batch fail one rule."""

    type: str
    column: str
    severity: str
    reason: str
    failed: int


@dataclass(frozen=True)
class Judged:
    """The gate's manifest of one batch: writing it is what makes its partitions exist.

    Attributes:
        partitions: path of the accepted rows by output day.
        pending: outcomes not known yet; neither accepted nor refused.
        first_seen: (refused, judged) rows by the week in which they count, as first judged.
        inputs: what the verdict rests on beside the rows; a change of it has the batch judged again.
    """

    batch: str
    rows: int
    accepted: int
    refused: int
    pending: int
    rules: Sequence[RuleResult]
    partitions: Mapping[str, str]
    quarantine: str | None
    data_docs: str
    first_seen: Mapping[str, tuple[int, int]]
    inputs: Mapping[str, str]

    @property
    def files(self) -> frozenset[str]:
        """Paths of all its rows, accepted and refused."""
        return frozenset([*self.partitions.values(), *([self.quarantine] if self.quarantine else [])])


class Gate:
    """The gate of one system's feeds in the lake."""

    def __init__(self, system: System, lake: Lake) -> None:
        self._system = system
        self._lake = lake
        self._folder = f"systems/{system.id}"

    @property
    def _task(self) -> Task:
        outputs = self._system.feeds.outputs
        return outputs.task if outputs else "binary"

    def manifests(self, feed: FeedName) -> Sequence[Judged]:
        """Returns the manifests of all judged batches, oldest first."""
        paths = self._lake.list(f"{self._folder}/gate/{feed}")
        return [_judged(self._lake.get_json(path)) for path in paths]

    def partitions(self, feed: FeedName) -> Mapping[date, Sequence[str]]:
        """Returns the paths of accepted rows by output day."""
        by_day: dict[date, list[str]] = {}
        for manifest in self.manifests(feed):
            for day, path in manifest.partitions.items():
                by_day.setdefault(date.fromisoformat(day), []).append(path)
        return dict(sorted(by_day.items()))

    def judge(self, name: FeedName, as_of: date, first_unjudged: date | None) -> Sequence[Judged]:
        """Judges every batch that is new, or whose verdict may have changed.

        Args:
            name: the feed; outputs come before outcomes.
            as_of: the run's now.
            first_unjudged: Monday of the first week that is not judged yet; what is accepted now counts in no
                earlier one.

        Returns:
            The manifests written now.

        Raises:
            ContractError: the contract cannot be run.
        """
        feed = self._system.feeds.outputs if name == "outputs" else self._system.feeds.outcomes
        if feed is None:
            return []
        rules = (
            rules_of_outputs(feed, as_of)
            if isinstance(feed, OutputsFeed)
            else rules_of_outcomes(feed, as_of, self._task)
        )
        inputs = {
            "contract": contract_hash(rules),
            "as_of": as_of.isoformat(),
            # Not of outputs themselves: a run killed between two of their batches would find another state.
            "outputs": self._outputs_state() if name == "outcomes" else "",
        }
        earlier = {manifest.batch: manifest for manifest in self.manifests(name)}
        landing = Landing(self._lake, self._system.id, name)
        done = []
        for batch in landing.batches():
            before = earlier.get(batch.id)
            if before is not None and not _stale(before, inputs, rules):
                continue
            rows = self._with_helpers(landing.rows(batch.id).to_pandas(), feed, batch)
            # A batch that was landed before the register asked for a column cannot be judged by it.
            known = [rule for rule in rules if rule.args["column"] in rows]
            refused = [manifest.quarantine for manifest in earlier.values() if manifest.quarantine]
            counted = self._counted_before(rows["key"], {*refused, *(before.files if before else ())})
            judged = self._judge_batch(batch, rows, feed, known, inputs, first_unjudged, before, counted)
            earlier[batch.id] = judged
            done.append(judged)
        self._sweep(name, earlier.values())
        return done

    def _sweep(self, feed: FeedName, manifests: Iterable[Judged]) -> None:
        """Removes what no manifest names: rows of a verdict that was replaced, or that a kill cut off."""
        named = {path for manifest in manifests for path in manifest.files}
        for kind in ("accepted", "quarantine"):
            for path in self._lake.list(f"{self._folder}/{kind}/{feed}"):
                if path not in named:
                    self._lake.delete(path)

    def _outputs_state(self) -> str:
        names = [f"{m.batch} {sorted(m.partitions.values())}" for m in self.manifests("outputs")]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]

    def _with_helpers(
        self, rows: pd.DataFrame, feed: OutputsFeed | OutcomesFeed, batch: Batch
    ) -> pd.DataFrame:
        """Adds the columns that the implied rules speak of."""
        rows["day"] = pd.to_datetime(rows["day"]).astype("datetime64[s]")
        rows["same_key"] = rows.groupby("key", dropna=False)["key"].transform("size")
        outputs = self.manifests("outputs")
        if isinstance(feed, OutputsFeed):
            others = [path for m in outputs if m.batch != batch.id for path in m.partitions.values()]
            rows["same_key"] += rows["key"].isin(self._days_of_keys(rows["key"], others).index)
            rows["output_day"] = rows["day"]
            return rows
        days = self._days_of_keys(rows["key"], [path for m in outputs for path in m.partitions.values()])
        rows["output_day"] = _of_keys(days, rows["key"])
        rows["matures_on"] = rows["output_day"] + pd.to_timedelta(feed.maturity_days, "D")
        return rows

    def _days_of_keys(self, keys: pd.Series[str], paths: Iterable[str]) -> pd.Series[pd.Timestamp]:
        """Returns the output day by key, for those of the keys that accepted outputs have."""
        uris = [self._lake.uri(path) for path in paths]
        if not uris:
            return pd.Series(dtype="datetime64[s]")
        with duckdb.connect() as connection:
            self._lake.attach(connection)
            connection.register("asked", pa.table({"key": pa.array(keys.dropna().unique(), pa.string())}))
            connection.register("accepted", connection.read_parquet(uris, union_by_name=True))
            query = "SELECT key, min(day) AS day FROM accepted SEMI JOIN asked USING (key) GROUP BY key"
            frame = connection.sql(query).to_arrow_table().to_pandas()
        return pd.Series(pd.to_datetime(frame["day"]).to_numpy(), index=frame["key"])

    def _judge_batch(
        self,
        batch: Batch,
        rows: pd.DataFrame,
        feed: OutputsFeed | OutcomesFeed,
        rules: Sequence[Rule],
        inputs: Mapping[str, str],
        first_unjudged: date | None,
        before: Judged | None,
        counted_before: pd.Series[pd.Timestamp],
    ) -> Judged:
        where = f"{self._system.id} · {batch.feed}"
        verdict = validate(rows, rules, where)
        critical = [f for f, rule in zip(verdict.failed, rules, strict=True) if rule.severity == "critical"]
        pending = _pending(rows, feed)
        refused = np.logical_or.reduce(critical) & ~pending
        accepted = ~refused & ~pending
        seen = _seen(rows["day"], date.fromisoformat(inputs["as_of"]), first_unjudged)
        rows["counted"] = counted_before.fillna(_counted(rows, feed, first_unjudged))
        rows["batch"] = batch.id
        verdict_of = json.dumps([inputs, str(first_unjudged)], sort_keys=True)
        stem = f"{batch.id}-{hashlib.sha256(verdict_of.encode()).hexdigest()[:8]}"
        partitions = self._write_partitions(rows[accepted], feed, batch.feed, stem)
        rows["counted"] = counted_before
        quarantine = self._write_quarantine(rows, refused, verdict.failed, rules, batch.feed, stem)
        data_docs = f"{self._folder}/data_docs/{batch.feed}/{batch.id}.html"
        self._lake.put(data_docs, verdict.page.encode())
        manifest = Judged(
            batch=batch.id,
            rows=len(rows),
            accepted=int(accepted.sum()),
            refused=int(refused.sum()),
            pending=int(pending.sum()),
            rules=[
                RuleResult(r.type, r.args["column"], r.severity, r.reason, int(f.sum()))
                for r, f in zip(rules, verdict.failed, strict=True)
            ],
            partitions=partitions,
            quarantine=quarantine,
            data_docs=data_docs,
            first_seen=before.first_seen if before else _first_seen(seen, refused, ~pending),
            inputs=inputs,
        )
        self._lake.put_json(f"{self._folder}/gate/{batch.feed}/{batch.id}.json", asdict(manifest))
        return manifest

    def _counted_before(self, keys: pd.Series[str], paths: Collection[str]) -> pd.Series[pd.Timestamp]:
        """Returns the week in which a row counts already, since it was accepted once; NaT for the others.

        Args:
            keys: of the rows of a batch.
            paths: its own files, and the quarantine of the other batches: one may have had the key first.
        """
        if not paths:
            return pd.Series(pd.NaT, keys.index, dtype="datetime64[s]")
        tables = (self._lake.get_table(path).select(["key", "counted"]) for path in sorted(paths))
        kept = pd.concat(table.to_pandas() for table in tables)
        kept["counted"] = pd.to_datetime(kept["counted"]).astype("datetime64[s]")
        return _of_keys(kept.dropna().groupby("key")["counted"].min(), keys)

    def _write_partitions(
        self, rows: pd.DataFrame, feed: OutputsFeed | OutcomesFeed, name: FeedName, stem: str
    ) -> dict[str, str]:
        frame = rows.drop(columns=["same_key", "output_day", "matures_on"], errors="ignore")
        frame["day"] = rows["output_day"]
        if isinstance(feed, OutcomesFeed):
            named = {column: name for column, name in feed.kept.items() if column in frame}
            frame = frame[["key", "day", "counted", "batch", *named]].rename(columns=named)
            frame["outcome"] = _truth(frame["outcome"], feed, self._task)
        partitions = {}
        for day, part in frame.groupby("day"):
            label = pd.Timestamp(str(day)).date().isoformat()
            path = f"{self._folder}/accepted/{name}/{label}/{stem}.parquet"
            table = pa.Table.from_pandas(part, preserve_index=False)
            for column in ("day", "counted"):
                table = table.set_column(
                    table.schema.get_field_index(column), column, table[column].cast(pa.date32())
                )
            self._lake.put_table(path, table)
            partitions[label] = path
        return partitions

    def _write_quarantine(
        self,
        rows: pd.DataFrame,
        refused: NDArray[np.bool_],
        failed: Sequence[NDArray[np.bool_]],
        rules: Sequence[Rule],
        name: FeedName,
        stem: str,
    ) -> str | None:
        if not refused.any():
            return None
        matrix = np.column_stack(
            [f for f, rule in zip(failed, rules, strict=True) if rule.severity == "critical"]
        )
        reasons = np.array([rule.reason for rule in rules if rule.severity == "critical"], dtype=object)
        kept = rows[refused].drop(columns=["same_key"])
        kept["reason"] = ["; ".join(reasons[row]) for row in matrix[refused]]
        path = f"{self._folder}/quarantine/{name}/{stem}.parquet"
        self._lake.put_table(path, pa.Table.from_pandas(kept, preserve_index=False))
        return path


def _of_keys(days: pd.Series[pd.Timestamp], keys: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    """Returns the day of each key, NaT where there is none; `map` would take no empty `days`."""
    return pd.Series(days.reindex(keys).to_numpy(), keys.index, dtype="datetime64[s]")


def _stale(before: Judged, inputs: Mapping[str, str], rules: Sequence[Rule]) -> bool:
    if before.inputs["contract"] != inputs["contract"]:
        return True
    reasons = {result.reason for result in before.rules if result.failed}
    needs = {rule.depends for rule in rules if rule.reason in reasons} - {"contract"}
    return any(before.inputs[name] != inputs[name] for name in needs)


def _truth(words: pd.Series, feed: OutcomesFeed, task: Task) -> pd.Series:
    """Returns the accepted truth: a class, a number, or 1 confirmed, 0 unfounded, 2 indeterminate."""
    if feed.truth is not None:
        code = dict.fromkeys(feed.truth.confirmed, 1) | dict.fromkeys(feed.truth.unfounded, 0)
        words = words.map(code | dict.fromkeys(feed.truth.indeterminate, 2))
    if task == "multiclass":
        return words.astype("str")
    return words.astype("float64" if task == "regression" else "int64")


def _pending(rows: pd.DataFrame, feed: OutputsFeed | OutcomesFeed) -> NDArray[np.bool_]:
    if isinstance(feed, OutcomesFeed):
        return rows[feed.outcome].isna().to_numpy()
    return np.zeros(len(rows), dtype=bool)


def _counted(
    rows: pd.DataFrame, feed: OutputsFeed | OutcomesFeed, first_unjudged: date | None
) -> pd.Series[pd.Timestamp]:
    """Returns the Monday of the week in which each row counts as evidence.

    That is the week of its day, or in which its cohort matured, and never one already judged.
    """
    day = rows["day"]
    if isinstance(feed, OutcomesFeed):
        day = pd.concat([day, rows["matures_on"]], axis=1).max(axis=1).astype("datetime64[s]")
    return _not_before(_mondays(day), first_unjudged)


def _seen(day: pd.Series[pd.Timestamp], as_of: date, first_unjudged: date | None) -> pd.Series[pd.Timestamp]:
    """Returns the Monday of the week in which each row is judged first, whatever is wrong with its day."""
    week, now = _mondays(day), pd.Timestamp(as_of - timedelta(days=as_of.weekday()))
    return _not_before(week.where(week <= now, now), first_unjudged)


def _mondays(day: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
    return day - pd.to_timedelta(day.dt.day_of_week.fillna(0), "D")


def _not_before(weeks: pd.Series[pd.Timestamp], first: date | None) -> pd.Series[pd.Timestamp]:
    bounded = weeks if first is None else weeks.where(weeks >= pd.Timestamp(first), pd.Timestamp(first))
    return bounded.astype("datetime64[s]")


def _first_seen(
    weeks: pd.Series[pd.Timestamp], refused: NDArray[np.bool_], known: NDArray[np.bool_]
) -> dict[str, tuple[int, int]]:
    seen = pd.DataFrame({"week": weeks, "refused": refused, "judged": 1})[known]
    totals = seen.groupby("week")[["refused", "judged"]].sum()
    return {
        pd.Timestamp(str(week)).date().isoformat(): (int(row.refused), int(row.judged))
        for week, row in totals.iterrows()
    }


def _judged(data: dict[str, object]) -> Judged:
    rules = [RuleResult(**rule) for rule in data.pop("rules")]  # type: ignore[attr-defined]
    return Judged(**data, rules=rules)  # type: ignore[arg-type]
