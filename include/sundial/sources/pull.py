"""Pull: what a feed has that is not landed yet, pseudonymised, with the columns that somebody needs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sundial.lake import Lake, parquet_bytes
from sundial.register.columns import OF_TEXTS
from sundial.register.events import EventsFeed, FeedName
from sundial.register.feeds import Feed
from sundial.register.models import OutputsFeed, System
from sundial.register.used import feed_of, needed_columns
from sundial.sources.connection import Resolve
from sundial.sources.days import civil_days
from sundial.sources.errors import SourceBroken
from sundial.sources.fetch import fetch
from sundial.sources.landing import Batch, Landing, watermark
from sundial.sources.learnt import Learnt
from sundial.sources.oldest import Days, oldest_of
from sundial.sources.pseudonyms import hashed
from sundial.sources.texts import without_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PSEUDONYM_CONNECTION = "sundial_pseudonym"
"""The Airflow Connection whose password keys the hashes."""

OWN_NAMES = frozenset(
    {
        *("key", "day", "counted", "batch", "reason", "same_key", "output_day", "matures_on"),
        *("outcome_counted", "truth_", "place_", "cluster_", "cluster_week_", "cluster_size_"),
        *OF_TEXTS,
    }
)
"""Columns that Sundial adds to a feed's rows."""

_NAMES, _NAME = 1_000, 100
# Names of offered columns that a manifest keeps, and signs of each: of a source of JSON anything may come.

_PLACE = "place_in_pull"


@dataclass(frozen=True)
class Clock:
    """The one clock of a run.

    Attributes:
        as_of: "now" in the City's calendar; nothing later is asked for.
        today: the recording day. A row dated after it cannot be true in any replay; it is taken for the
            gate to refuse, while a row between the two is simply not there yet.
    """

    as_of: date
    today: date


def pull(
    system: System, name: FeedName, clock: Clock, *, zone: ZoneInfo, lake: Lake, resolve: Resolve
) -> Batch | None:
    """Lands what is new in one feed; asked twice, the second finds nothing.

    Returns:
        The new batch, or None when the feed has nothing new.

    Raises:
        SourceError: the feed cannot be reached, refuses, or is not what the register says.
    """
    feed = feed_of(system, name)
    where = f"{system.id} · {name}"
    landing = Landing(lake, system.id, name)
    earlier = landing.batches()
    mark = watermark(earlier)
    dated = feed.dated_by
    since = mark - timedelta(days=feed.lookback_days) if mark and dated else None
    wanted = needed_columns(system, name)
    _no_clash(wanted, feed, where)
    secret = _secret(resolve, where)
    offered: set[str] = set()
    days = Days(dated, zone, where) if dated and _is_kept_for_a_while(feed, clock) else None
    chunks = fetch(
        feed.source,
        columns=wanted,
        since=since,
        date_column=dated,
        resolve=resolve,
        where=where,
        offered=offered,
        seen=days.see if days else None,
    )
    taken = [_take(chunk, feed, clock, zone, secret, where) for chunk in chunks]
    if days is not None and dated is not None:
        learnt = oldest_of(
            feed.source, days, dated, clock.as_of, whole=since is None, resolve=resolve, where=where
        )
        Learnt(lake, system.id).keep_oldest(learnt)
    table = pa.concat_tables(taken, promote_options="permissive").combine_chunks()
    _same_types(table, earlier, where)
    # What is said of a text may change while the row does not, with the register or a library.
    compared = [name for name in table.column_names if name not in OF_TEXTS and (name != "day" or dated)]
    overlapping = [batch for batch in earlier if _may_overlap(batch, since)]
    fresh = _not_landed(table, overlapping, compared, since, clock.as_of, landing, lake)
    if fresh.num_rows == 0:
        return None
    order = dict.fromkeys(
        ["key", "day", *fresh.column_names]
    )  # a source may give the same rows in another order
    content = parquet_bytes(fresh.sort_by([(name, "ascending") for name in order]))
    number = 1 + sum(batch.as_of == clock.as_of.isoformat() for batch in earlier)
    manifest = _manifest(fresh, number, hashlib.sha256(content).hexdigest(), system.id, name, feed, clock)
    batch = replace(manifest, offered=[column[:_NAME] for column in sorted(offered)[:_NAMES]])
    landing.add(batch, content)
    return batch


def _is_kept_for_a_while(feed: Feed, clock: Clock) -> bool:
    # How old the rows are today says nothing about a week long past.
    recent = clock.today - clock.as_of <= timedelta(days=7)
    return isinstance(feed, OutputsFeed) and feed.retention_days is not None and recent


def _no_clash(wanted: Sequence[str], feed: Feed, where: str) -> None:
    others = {*wanted} - {feed.keyed_by, feed.dated_by}
    clash = sorted(name for name in others if name.lower() in OWN_NAMES)
    if clash:
        raise SourceBroken(
            f"{where}: column {', '.join(clash)} has a name that Sundial gives to a column of its own; have "
            "the source give it another name, and name that in the register entry"
        )


def _secret(resolve: Resolve, where: str) -> bytes:
    try:
        password = resolve(PSEUDONYM_CONNECTION).password
    except LookupError:
        password = ""
    if not password:
        raise SourceBroken(
            f"{where}: connection {PSEUDONYM_CONNECTION} is missing or has no password: keys cannot be "
            "pseudonymised; set one that never changes"
        )
    return password.encode()


def _take(chunk: pa.Table, feed: Feed, clock: Clock, zone: ZoneInfo, secret: bytes, where: str) -> pa.Table:
    """Returns the chunk's rows up to the clock, the key hashed into `key` and the civil day in `day`."""
    column = feed.dated_by
    if column is None:  # known when it came
        day: pa.ChunkedArray = pa.chunked_array([pa.array([clock.as_of] * chunk.num_rows, pa.date32())])
    else:
        day = civil_days(chunk[column], zone, where, column)
    not_yet = pc.and_(pc.greater(day, clock.as_of), pc.less_equal(day, clock.today))
    there = pc.invert(pc.fill_null(not_yet, False))
    chunk, day = chunk.filter(there), day.filter(there)
    for named in _names_of_people(feed):
        place = chunk.schema.get_field_index(named)
        chunk = chunk.set_column(place, named, hashed(chunk[named].cast(pa.string()), secret))
    if isinstance(feed, OutputsFeed):
        chunk = without_texts(chunk, feed, where)
    table = chunk.drop_columns([named for named in (feed.keyed_by, column) if named is not None])
    return table.append_column(
        "key", hashed(_keys(chunk, feed, day).cast(pa.string()), secret)
    ).append_column("day", day)


def _keys(chunk: pa.Table, feed: Feed, day: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns what identifies each row: its key, of a snapshot with its day, or the day alone."""
    keyed_by = feed.keyed_by
    if keyed_by is None:
        return day.cast(pa.string())
    if isinstance(feed, EventsFeed) and feed.snapshot:
        return pc.binary_join_element_wise(day.cast(pa.string()), chunk[keyed_by].cast(pa.string()), "|")
    return chunk[keyed_by]


def _names_of_people(feed: Feed) -> list[str]:
    """Returns the columns beside the key that may name a person: they are only ever compared."""
    if not isinstance(feed, OutputsFeed):
        return []
    named = {feed.cluster, feed.ranked.list if feed.ranked else None} - {None, feed.key}
    return sorted(column for column in named if column is not None)


def _same_types(table: pa.Table, earlier: Sequence[Batch], where: str) -> None:
    before = {name: kind for batch in earlier for name, kind in batch.columns.items() if kind != "null"}
    for field in table.schema:
        was, now = before.get(field.name), _kind(field.type)
        if was is not None and now not in ("null", was):
            raise SourceBroken(
                f"{where}: column {field.name} was {was} and is now {now}; mend the feed, or register the "
                "new one as a new system version"
            )


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"  # an integer column that met a missing value is still that column
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return "text"
    return str(kind)


def _may_overlap(batch: Batch, since: date | None) -> bool:
    # An instant may be written a day later than it is in the system's zone: sources keep those, too.
    return since is None or batch.open or date.fromisoformat(batch.last or "") >= since - timedelta(days=1)


def _not_landed(
    table: pa.Table,
    landed: Sequence[Batch],
    compared: Sequence[str],
    since: date | None,
    as_of: date,
    landing: Landing,
    lake: Lake,
) -> pa.Table:
    """Returns the rows of the table that are new, by those of the columns that it and a landed batch have.

    A row is new when no batch has it, and again when the feed has gone back to it: when a later batch has
    other rows of its key, and the feed has none of these any more though it was asked for them.
    """
    if not landed:
        return table
    known = np.zeros(table.num_rows, dtype=bool)
    current = np.zeros(table.num_rows, dtype=bool)
    numbered = table.append_column(_PLACE, pa.array(np.arange(table.num_rows)))
    gone, first = (f"DATE '{day}'" if day else "NULL" for day in (since, pc.min(table["day"]).as_py()))
    with duckdb.connect() as connection:
        lake.attach(connection)
        connection.register("new_rows", numbered)

        def places(join: str) -> NDArray[np.int64]:
            query = f"SELECT new.{_PLACE} FROM new_rows new {join}"  # noqa: S608
            found: NDArray[np.int64] = connection.sql(query).to_arrow_table()[_PLACE].to_numpy()
            return found

        for batch in landed:
            shared = [name for name in compared if name in batch.columns]
            same = " AND ".join(_same(name, _kind(table.schema.field(name).type)) for name in shared)
            old = connection.read_parquet(lake.uri(landing.path(batch.id)))
            # Of a history that came in one batch most rows are of other keys and days.
            keys = connection.sql("SELECT key, day FROM old SEMI JOIN new_rows USING (key)")
            connection.register("old_keys", keys.to_arrow_table())
            alike = old.filter(f"day IS NULL OR day >= {first}") if "day" in shared else old
            connection.register("old_rows", alike.select(*map(_quoted, shared)).to_arrow_table())
            matching = places(f"SEMI JOIN old_rows old ON {same}")
            known[matching] = True
            # That the feed has no longer what a run of a later date found, or what is older than it was asked
            # for, says nothing.
            asked = date.fromisoformat(batch.as_of) <= as_of
            current[places("SEMI JOIN old_keys old ON new.key = old.key")] = not asked
            current[places(f"SEMI JOIN old_keys old ON new.key = old.key AND old.day < {gone}")] = True
            current[matching] = True
    kept = pc.is_in(table["key"], table["key"].filter(pa.array(current))).to_numpy()
    without_key = table["key"].is_null().to_numpy()
    return table.filter(pa.array(~known | ~(kept | without_key)))


def _same(name: str, kind: str) -> str:
    # A column of whole numbers may come as floats once a value is missing: 5 and 5.0 are the same.
    common = "DOUBLE" if kind == "number" else "VARCHAR"
    column = _quoted(name)
    return f"TRY_CAST(new.{column} AS {common}) IS NOT DISTINCT FROM TRY_CAST(old.{column} AS {common})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _manifest(
    table: pa.Table, number: int, sha256: str, system: str, name: FeedName, feed: Feed, clock: Clock
) -> Batch:
    days = table["day"].filter(pc.less_equal(table["day"], clock.as_of))
    version = feed.model_version if isinstance(feed, OutputsFeed) else None
    versions = table[version].cast(pa.string()).value_counts().to_pylist() if version else []
    return Batch(
        id=f"{clock.as_of}-{number:04d}-{sha256[:12]}",
        system=system,
        feed=name,
        as_of=clock.as_of.isoformat(),
        rows=table.num_rows,
        sha256=sha256,
        first=_iso(pc.min(days).as_py()),
        last=_iso(pc.max(days).as_py()),
        open=len(days) < table.num_rows,
        columns={field.name: _kind(field.type) for field in table.schema},
        model_versions={str(entry["values"]): entry["counts"] for entry in versions},
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
