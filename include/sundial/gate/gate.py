"""The gate: a batch's rows become accepted partitions or quarantine with the reason; nothing is lost."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sundial.gate.contract import (
    Rule,
    contract_hash,
    rules_of_events,
    rules_of_outcomes,
    rules_of_outputs,
)
from sundial.gate.judged import Judged, RuleResult, partitions_of
from sundial.gate.plain import PlainValidation
from sundial.gate.rows import ANY, CHUNK, COUNTED, DAY, Rows, compact, dates, given
from sundial.gate.spool import Pile, Spool
from sundial.lake import Lake
from sundial.register.events import EventsFeed, FeedName
from sundial.register.feeds import Feed
from sundial.register.measures import Task
from sundial.register.models import OutcomesFeed, OutputsFeed, System
from sundial.sources.landing import Batch, Landing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sundial.gate.expectations import Validation


def without_contracts(system: System) -> System:
    """Returns the entry with feeds that expect nothing of their rows."""
    feeds = {name: feed and feed.model_copy(update={"contract": ()}) for name, feed in system.feeds}
    return system.model_copy(update={"feeds": system.feeds.model_copy(update=feeds)})


_FEEDS = 8
# Feeds whose manifests are kept.

_READ: dict[str, dict[str, tuple[Sequence[Any], Judged]]] = {}
# Manifests of this process by place, each with the version that was read: the principles of a run ask for
# the same, and there is one for each pull of years.


class Gate:
    """The gate of one system's feeds in the lake."""

    def __init__(self, system: System, lake: Lake, chunk: int = CHUNK, *, contracts: bool = True) -> None:
        """Takes the system's feeds in the lake.

        Args:
            system: its register entry.
            lake: where they lie.
            chunk: rows judged at once: it decides about memory, and about nothing else.
            contracts: whether rows must satisfy what the register entry expects of them; without it only
                what the shape of the feed implies is asked, and Great Expectations is not loaded. What was
                judged with contracts before stays as it is then.
        """
        if not contracts:
            system = without_contracts(system)
        self._contracts = contracts
        self._system = system
        self._lake = lake
        self._chunk = chunk
        self._folder = f"systems/{system.id}"

    @property
    def _task(self) -> Task:
        outputs = self._system.feeds.outputs
        return outputs.task if outputs else "binary"

    def manifests(self, feed: FeedName) -> Sequence[Judged]:
        """Returns the manifests of all judged batches, oldest first."""
        here = self._lake.uri(f"{self._folder}/gate/{feed}")
        before, now = _READ.get(here, {}), self._lake.versions(f"{self._folder}/gate/{feed}")
        # The versions were asked for first: what changes in between is read again the next time.
        changed = [path for path, version in now.items() if path not in before or before[path][0] != version]
        given = (_judged(json.loads(data)) for data in self._lake.get_each(changed))
        fresh = dict(zip(changed, given, strict=True))
        read = {path: (version, fresh.get(path) or before[path][1]) for path, version in now.items()}
        if here not in _READ and len(_READ) >= _FEEDS:
            _READ.clear()
        _READ[here] = read
        return [manifest for _, manifest in read.values()]

    def partitions(self, feed: FeedName) -> Mapping[date, Sequence[str]]:
        """Returns the paths of accepted rows by output day."""
        return partitions_of(self.manifests(feed))

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
        feed: Feed | None = getattr(self._system.feeds, name)
        if feed is None:
            return []
        rules = self._rules(feed, as_of)
        inputs = {
            "contract": contract_hash(rules),
            "as_of": as_of.isoformat(),
            # Not of outputs themselves: a run killed between two of their batches would find another state.
            "outputs": self._outputs_state() if feed.of_outputs else "",
        }
        earlier = {manifest.batch: manifest for manifest in self.manifests(name)}
        landing = Landing(self._lake, self._system.id, name)
        done = []
        for batch in landing.batches():
            before = earlier.get(batch.id)
            if before is not None and not self._stale(before, inputs, rules):
                continue
            rows = Rows(self._lake, landing.path(batch.id), self._chunk)
            beside = self._beside(rows, feed, batch, earlier)
            judged = self._judge_batch(batch, rows, beside, feed, rules, inputs, first_unjudged, before)
            earlier[batch.id] = judged
            done.append(judged)
        self._sweep(name, earlier.values())
        return done

    def _rules(self, feed: Feed, as_of: date) -> list[Rule]:
        match feed:
            case OutputsFeed():
                return rules_of_outputs(feed, as_of)
            case OutcomesFeed():
                return rules_of_outcomes(feed, as_of, self._task)
            case _:
                return rules_of_events(feed, as_of)

    def _stale(self, before: Judged, inputs: Mapping[str, str], rules: Sequence[Rule]) -> bool:
        """Tells whether a verdict may have changed; one that was given with contracts stands without them."""
        if self._contracts and before.inputs["contract"] != inputs["contract"]:
            return True
        reasons = {result.reason for result in before.rules if result.failed}
        needs = {rule.depends for rule in rules if rule.reason in reasons} - {"contract"}
        return any(before.inputs[name] != inputs[name] for name in needs)

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

    def _beside(self, rows: Rows, feed: Feed, batch: Batch, earlier: Mapping[str, Judged]) -> _Beside:
        """Looks up what the rows' keys are in the batch itself, in accepted outputs and in earlier verdicts.

        A row counts already when it was accepted once: by the batch's own files, or by the quarantine of the
        other batches, of which one may have had the key first.
        """
        same_key = rows.copies()
        before = earlier.get(batch.id)
        kept = {m.quarantine for m in earlier.values() if m.quarantine} | (before.files if before else set())
        counted = rows.of_keys(COUNTED, sorted(kept))
        if not isinstance(feed, OutcomesFeed):  # whose later batches correct the earlier ones
            others = [path for m in earlier.values() if m.batch != batch.id for path in m.partitions.values()]
            same_key = same_key + given(rows.of_keys(ANY, others))
        if not feed.of_outputs:
            return _Beside(same_key, None, counted)
        outputs = [path for m in self.manifests("outputs") for path in m.partitions.values()]
        return _Beside(same_key, rows.of_keys(DAY, outputs), counted)

    def _judge_batch(
        self,
        batch: Batch,
        rows: Rows,
        beside: _Beside,
        feed: Feed,
        rules: Sequence[Rule],
        inputs: Mapping[str, str],
        first_unjudged: date | None,
        before: Judged | None,
    ) -> Judged:
        # A batch that was landed before the register asked for a column cannot be judged by it.
        there = {*rows.columns, *_helpers(feed)}
        rules = [rule for rule in rules if rule.args["column"] in there]
        critical = [place for place, rule in enumerate(rules) if rule.severity == "critical"]
        validation: Validation | PlainValidation
        if self._contracts:
            # Imported here: who only reads manifests does without it, and it loads for seconds.
            from sundial.gate.expectations import Validation

            validation = Validation(rules, f"{self._system.id} · {batch.feed}")
        else:
            validation = PlainValidation(rules)
        validation.look_across(lambda wanted: rows.whole(_wanted(wanted, rows)))
        kept = _kept(feed, rows.columns)
        named = validation.columns()
        columns = _wanted(named and {"day", *named, *kept}, rows)
        as_of = date.fromisoformat(inputs["as_of"])
        failures = np.zeros(len(rules), dtype=int)
        n_refused = n_pending = start = 0
        first_seen: dict[str, tuple[int, int]] = {}
        doubled: dict[str, tuple[int, int]] = {}
        once = next(place for place, rule in enumerate(rules) if rule.args["column"] == "same_key")
        with closing(Spool(rows.count)) as accepted, closing(Pile()) as quarantine:
            for table in rows.chunks():
                here = beside.part(start, start := start + table.num_rows)
                frame = here.added(rows.frame(table.select(columns)), feed)
                failed = validation.judge(frame)
                pending = _pending(frame, feed)
                refused = np.logical_or.reduce([failed[place] for place in critical]) & ~pending
                failures += [int(marks.sum()) for marks in failed]
                n_refused, n_pending = n_refused + int(refused.sum()), n_pending + int(pending.sum())
                weeks = _seen(frame["day"], as_of, first_unjudged)
                _add_seen(first_seen, weeks, refused, ~pending)
                _add_seen(doubled, weeks, failed[once], ~pending)
                counted_before = pd.Series(dates(here.counted))
                counted = counted_before.fillna(_counted(frame, feed, first_unjudged))
                good = ~refused & ~pending
                if good.any():
                    accepted.add(
                        self._accepted(table.filter(good), frame[good], counted[good], feed, batch.id)
                    )
                if refused.any():
                    matrix = np.column_stack([failed[place] for place in critical])[refused]
                    reasons = [rules[place].reason for place in critical]
                    quarantine.add(
                        _refused(table, frame, counted_before, refused, batch.id, _why(matrix, reasons))
                    )
            verdict_of = json.dumps([inputs, str(first_unjudged)], sort_keys=True)
            stem = f"{batch.id}-{hashlib.sha256(verdict_of.encode()).hexdigest()[:8]}"
            partitions = {}
            for day, part in accepted.by_day():
                path = f"{self._folder}/accepted/{batch.feed}/{day}/{stem}.parquet"
                self._lake.put_table(path, part)
                partitions[day.isoformat()] = path
            quarantined = f"{self._folder}/quarantine/{batch.feed}/{stem}.parquet" if n_refused else None
            if quarantined:
                self._lake.put_table(quarantined, quarantine.rows())
        data_docs = f"{self._folder}/data_docs/{batch.feed}/{batch.id}.html"
        self._lake.put(data_docs, validation.page().encode())
        manifest = Judged(
            batch=batch.id,
            rows=rows.count,
            accepted=rows.count - n_refused - n_pending,
            refused=n_refused,
            pending=n_pending,
            rules=[
                RuleResult(rule.type, rule.args["column"], rule.severity, rule.reason, failed)
                for rule, failed in zip(rules, failures.tolist(), strict=True)
            ],
            partitions=dict(sorted(partitions.items())),
            quarantine=quarantined,
            data_docs=data_docs,
            first_seen=before.first_seen if before else dict(sorted(first_seen.items())),
            inputs=inputs,
            doubled=before.doubled if before else dict(sorted(doubled.items())),
        )
        self._lake.put_json(f"{self._folder}/gate/{batch.feed}/{batch.id}.json", asdict(manifest))
        return manifest

    def _accepted(
        self,
        table: pa.Table,
        frame: pd.DataFrame,
        counted: pd.Series[pd.Timestamp],
        feed: Feed,
        batch: str,
    ) -> pa.Table:
        """Returns the rows as their partitions have them."""
        table = _with_days(_no_nan(table), day=frame["output_day"])
        table = table.set_column(table.schema.get_field_index("key"), "key", compact(table["key"]))
        if isinstance(feed, OutputsFeed):
            table = _with_days(table, counted=counted)
            return table.append_column("batch", pa.repeat(batch, table.num_rows))
        kept = _kept(feed, table.column_names)
        if isinstance(feed, OutcomesFeed):
            truth = pa.array(_truth(frame[feed.outcome], feed, self._task), from_pandas=True)
            table = table.set_column(table.schema.get_field_index(feed.outcome), feed.outcome, truth)
        if isinstance(feed, EventsFeed):
            for column in feed.flags.values():  # whole numbers, however the source writes them
                flag = table[column].cast(pa.float64()).cast(pa.int8())
                table = table.set_column(table.schema.get_field_index(column), column, flag)
        named = table.select(["key", "day", *kept])
        named = _with_days(named.rename_columns(["key", "day", *kept.values()]), counted=counted)
        named = named.append_column("batch", pa.repeat(batch, named.num_rows))
        return named.select(["key", "day", "counted", "batch", *kept.values()])


@dataclass(frozen=True)
class _Beside:
    """What is known of each row by its key; days are days since 1970.

    Attributes:
        same_key: rows with its key, accepted ones of other batches included.
        output_day: day of its accepted output; None where the rows are outputs.
        counted: the week in which it counts already, since it was accepted once.
    """

    same_key: NDArray[np.int32]
    output_day: NDArray[np.int32] | None
    counted: NDArray[np.int32]

    def part(self, start: int, end: int) -> _Beside:
        """Returns the same of some of the rows."""
        days = self.output_day
        return _Beside(
            self.same_key[start:end], None if days is None else days[start:end], self.counted[start:end]
        )

    def added(self, frame: pd.DataFrame, feed: Feed) -> pd.DataFrame:
        """Returns the frame with the columns that the implied rules speak of."""
        frame["same_key"] = self.same_key
        frame["output_day"] = frame["day"] if self.output_day is None else dates(self.output_day)
        if feed.matures_after is not None:
            frame["matures_on"] = frame["output_day"] + pd.to_timedelta(feed.matures_after, "D")
        return frame


def _helpers(feed: Feed) -> list[str]:
    return ["same_key", "output_day", *(["matures_on"] if feed.matures_after is not None else [])]


def _kept(feed: Feed, there: Collection[str]) -> dict[str, str]:
    """Returns the columns of accepted rows beside key and days, with the names that they get."""
    kept = {} if isinstance(feed, OutputsFeed) else feed.kept
    return {column: name for column, name in kept.items() if column in there}


def _wanted(named: Collection[str] | None, rows: Rows) -> list[str]:
    """Returns which landed columns to read for rules on the named ones; None asks for all."""
    return [column for column in rows.columns if named is None or column == "day" or column in named]


def _no_nan(table: pa.Table) -> pa.Table:
    """Returns the table with nulls for what is no number: accepted rows have one kind of missing value."""
    for place, of_table in enumerate(table.schema):
        if pa.types.is_floating(of_table.type):
            column = table.column(place)
            numbers = pc.if_else(pc.is_nan(column), pa.scalar(None, of_table.type), column)
            table = table.set_column(place, of_table.name, numbers)
    return table


def _with_days(table: pa.Table, **days: pd.Series[pd.Timestamp]) -> pa.Table:
    """Returns the table with these columns as dates, in their places or at the end."""
    for name, column in days.items():
        values = pa.array(column, from_pandas=True).cast(pa.date32())
        place = table.schema.get_field_index(name)
        table = table.append_column(name, values) if place < 0 else table.set_column(place, name, values)
    return table


def _refused(
    table: pa.Table,
    frame: pd.DataFrame,
    counted: pd.Series[pd.Timestamp],
    refused: NDArray[np.bool_],
    batch: str,
    why: Sequence[str],
) -> pa.Table:
    """Returns the refused rows as quarantine has them."""
    table = _no_nan(table.filter(refused))
    added = frame[[name for name in ("output_day", "matures_on") if name in frame]].assign(counted=counted)
    for name, days in added[refused].items():
        table = table.append_column(str(name), pa.array(days, from_pandas=True).cast(pa.date32()))
    table = table.append_column("batch", pa.repeat(batch, table.num_rows))
    return table.append_column("reason", pa.array(why, pa.string()))


def _why(failed: NDArray[np.bool_], reasons: Sequence[str]) -> list[str]:
    """Returns what is wrong with each row, by which rules (columns) it fails."""
    words: dict[bytes, str] = {}
    for row in failed:
        if (key := row.tobytes()) not in words:
            words[key] = "; ".join(itertools.compress(reasons, row))
    return [words[row.tobytes()] for row in failed]


def _truth(words: pd.Series, feed: OutcomesFeed, task: Task) -> pd.Series:
    """Returns the accepted truth: a class, a number, or 1 confirmed, 0 unfounded, 2 indeterminate."""
    if feed.truth is not None:
        code = dict.fromkeys(feed.truth.confirmed, 1) | dict.fromkeys(feed.truth.unfounded, 0)
        words = words.map(code | dict.fromkeys(feed.truth.indeterminate, 2))
    if task == "multiclass":
        return words.astype("str")
    return words.astype("float64" if task == "regression" else "int64")


def _pending(rows: pd.DataFrame, feed: Feed) -> NDArray[np.bool_]:
    if feed.awaited is not None:
        return rows[feed.awaited].isna().to_numpy()
    return np.zeros(len(rows), dtype=bool)


def _counted(rows: pd.DataFrame, feed: Feed, first_unjudged: date | None) -> pd.Series[pd.Timestamp]:
    """Returns the Monday of the week in which each row counts as evidence.

    That is the week of its day, or in which its cohort matured, and never one already judged.
    """
    day = rows["day"]
    if feed.matures_after is not None:
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


def _add_seen(
    seen: dict[str, tuple[int, int]],
    weeks: pd.Series[pd.Timestamp],
    refused: NDArray[np.bool_],
    known: NDArray[np.bool_],
) -> None:
    """Adds these rows to those (refused, judged) by the week in which they count."""
    rows = pd.DataFrame({"week": weeks, "refused": refused, "judged": 1})[known]
    totals = rows.groupby("week")[["refused", "judged"]].sum()
    for day, row in totals.iterrows():
        week = pd.Timestamp(str(day)).date().isoformat()
        before = seen.get(week, (0, 0))
        seen[week] = (before[0] + int(row.refused), before[1] + int(row.judged))


def _judged(data: dict[str, object]) -> Judged:
    rules = [RuleResult(**rule) for rule in data.pop("rules")]  # type: ignore[attr-defined]
    return Judged(**data, rules=rules)  # type: ignore[arg-type]
