"""The ledger: each row of the store as a line of a link, each link hashed onto the one before in its chain.

A transaction adds one link to each chain that it wrote to: one chain for each system, one for the City.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, func, insert, select, text

from sundial.store import tables
from sundial.store.canonical import canonical, digest

CITY = "CITY"
"""The chain of what belongs to no system; ids of systems are in lower case."""

UNCHAINED = ("ledger", "question_claims", "personal_texts")
"""Tables that are in no link: the ledger, which run asks a question, texts that may be destroyed."""

FIRST = "0" * 64
"""What the first link of a chain follows."""

_NUMBERED = {"findings": ("id",)}
# Columns that the database counts up: nobody knows them before the row is in.

_WAITING = "sundial_ledger"


@dataclass(frozen=True)
class Line:
    """One row of the store as a link has it: its table, its key within it, and the hash of its columns."""

    table: str
    key: str
    hash: str


@dataclass(frozen=True)
class Link:
    """Rows that one transaction added to one chain; `hash` covers all else, `previous` the link before."""

    chain: str
    number: int
    previous: str
    lines: tuple[Line, ...]
    recorded_at: datetime
    hash: str

    @property
    def content_hash(self) -> str:
        """The hash that this content has."""
        content = {
            "chain": self.chain,
            "number": self.number,
            "previous": self.previous,
            "lines": _plain(self.lines),
            "recorded_at": self.recorded_at.isoformat(),
        }
        return digest(canonical(content))


@dataclass(frozen=True)
class Head:
    """The last link of a chain."""

    chain: str
    number: int
    hash: str


@dataclass(frozen=True)
class Fault:
    """What does not fit in a chain, in words; `number` is of the link, where one is concerned."""

    chain: str
    number: int | None
    what: str


def append(connection: Connection, table: Table, *rows: Mapping[str, Any]) -> None:
    """Adds rows to a table and, when the transaction ends, to the ledger.

    Args:
        connection: of `Database.write`.
        table: any but those of `UNCHAINED`.
        rows: values by the name of the column.
    """
    if not rows:
        return
    connection.execute(insert(table), [dict(row) for row in rows])
    waiting: dict[str, list[Line]] = connection.info.setdefault(_WAITING, {})
    for row in rows:
        waiting.setdefault(_chain_of(connection, table, row), []).append(line_of(table, row))


def seal(connection: Connection) -> None:
    """Adds what the transaction appended as one link to each of its chains.

    The chain is held until the transaction ends, and chains are taken in order: nobody else links to the same
    head, and no two transactions wait for each other.
    """
    waiting: dict[str, list[Line]] = connection.info.pop(_WAITING, {})
    for chain in sorted(waiting):
        if connection.dialect.name == "postgresql":
            key = int.from_bytes(hashlib.sha256(f"sundial/chain/{chain}".encode()).digest()[:8], signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
        last = head(connection, chain)
        _insert_link(connection, chain, last, waiting[chain])


def adopt(connection: Connection, present: Mapping[str, Iterable[str]]) -> None:
    """Links all rows that are there before the ledger is, one link for each chain.

    Args:
        connection: of a migration.
        present: the columns that each table has by now.
    """
    found: dict[str, list[Line]] = {}
    for name in present:
        if name in UNCHAINED or name not in tables.metadata.tables:
            continue
        table = tables.metadata.tables[name]
        columns = [column for column in table.columns if column.name in set(present[name])]
        for row in connection.execute(select(*columns).order_by(*table.primary_key.columns)):
            values = dict(row._mapping)
            found.setdefault(_chain_of(connection, table, values), []).append(line_of(table, values))
    for chain in sorted(found):
        _insert_link(connection, chain, None, found[chain])


def line_of(table: Table, row: Mapping[str, Any]) -> Line:
    """Returns the line of a row. What is null is left out, so that a later column leaves old hashes alone."""
    values = {
        column.name: _value(row[column.name])
        for column in table.columns
        if column.name not in _NUMBERED.get(table.name, ()) and row.get(column.name) is not None
    }
    return Line(table.name, "/".join(str(row[name]) for name in _key(table)), digest(canonical(values)))


def head(connection: Connection, chain: str) -> Head | None:
    """Returns the last link of a chain; None before the first."""
    row = connection.execute(
        select(tables.ledger.c.number, tables.ledger.c.hash)
        .where(tables.ledger.c.chain == chain)
        .order_by(tables.ledger.c.number.desc())
        .limit(1)
    ).first()
    return None if row is None else Head(chain, row.number, row.hash)


def heads(connection: Connection) -> tuple[Head, ...]:
    """Returns the last link of every chain, by the name of the chain."""
    last = select(tables.ledger.c.chain, func.max(tables.ledger.c.number).label("number"))
    newest = last.group_by(tables.ledger.c.chain).subquery()
    query = select(tables.ledger).join(
        newest, (tables.ledger.c.chain == newest.c.chain) & (tables.ledger.c.number == newest.c.number)
    )
    found = [Head(row.chain, row.number, row.hash) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda one: one.chain))


def links(connection: Connection, chain: str, after: int = 0) -> Iterator[Link]:
    """Yields the links of a chain with numbers above `after`, the first one first."""
    of_chain = select(tables.ledger).where(tables.ledger.c.chain == chain, tables.ledger.c.number > after)
    query = of_chain.order_by(tables.ledger.c.number)
    for row in connection.execute(query, execution_options={"yield_per": 100}):
        yield _link(row)


def broken(connection: Connection, chain: str, after: Head | None = None) -> Fault | None:
    """Returns the first link of a chain, after a trusted one, that does not fit; None where all do."""
    before, number = (after.hash, after.number) if after else (FIRST, 0)
    for link in links(connection, chain, number):
        if what := _broken(link, number + 1, before):
            return Fault(chain, link.number, what)
        before, number = link.hash, link.number
    return None


def faults(connection: Connection, chain: str) -> tuple[Fault, ...]:
    """Returns what does not fit in one chain: its first broken link, and rows that are not as recorded."""
    recorded: dict[tuple[str, str], tuple[str, int]] = {}
    for link in links(connection, chain):
        recorded.update({(line.table, line.key): (line.hash, link.number) for line in link.lines})
    wrong: list[Fault] = []
    for line in _rows(connection, chain):
        said, of_link = recorded.pop((line.table, line.key), (None, None))
        if said is None:
            wrong.append(Fault(chain, None, f"{line.table} {line.key}: inserted, it was never recorded"))
        elif said != line.hash:
            wrong.append(Fault(chain, of_link, f"{line.table} {line.key}: changed, it is not as recorded"))
    wrong += [
        Fault(chain, of_link, f"{table} {key}: removed, it was recorded")
        for (table, key), (_, of_link) in recorded.items()
    ]
    first = broken(connection, chain)
    return (*([first] if first else []), *sorted(wrong, key=lambda one: (one.number or 0, one.what)))


def hashes(connection: Connection, chain: str) -> Mapping[int, str]:
    """Returns the hash of each link of a chain by its number."""
    query = select(tables.ledger.c.number, tables.ledger.c.hash).where(tables.ledger.c.chain == chain)
    return {row.number: row.hash for row in connection.execute(query)}


def chains(connection: Connection) -> tuple[str, ...]:
    """Returns the names of all chains, also of those that have rows and no link."""
    known = set(connection.scalars(select(tables.ledger.c.chain).distinct()))
    for table in _chained():
        if "system" in table.c:
            known |= {name or CITY for name in connection.scalars(select(table.c.system).distinct())}
        elif "episode" not in table.c and connection.execute(select(table).limit(1)).first() is not None:
            known.add(CITY)
    return tuple(sorted(known))


def _broken(link: Link, number: int, previous: str) -> str | None:
    if link.number != number:
        return f"link {number} is missing before it"
    if link.previous != previous:
        return "does not follow the link before it: one of them was replaced, or their order"
    return None if link.hash == link.content_hash else "its content is not what its hash says: changed"


def _insert_link(connection: Connection, chain: str, last: Head | None, lines: Sequence[Line]) -> None:
    link = Link(
        chain,
        last.number + 1 if last else 1,
        last.hash if last else FIRST,
        tuple(lines),
        datetime.now(UTC),
        "",
    )
    connection.execute(
        insert(tables.ledger).values(
            chain=chain,
            number=link.number,
            previous=link.previous,
            lines=canonical(_plain(lines)),
            recorded_at=link.recorded_at,
            hash=link.content_hash,
        )
    )


def _link(row: Row[Any]) -> Link:
    lines = tuple(Line(*line) for line in json.loads(row.lines))
    return Link(row.chain, row.number, row.previous, lines, row.recorded_at, row.hash)


def _plain(lines: Sequence[Line]) -> list[list[str]]:
    return [[line.table, line.key, line.hash] for line in lines]


def _chained() -> Iterator[Table]:
    return (table for table in tables.metadata.sorted_tables if table.name not in UNCHAINED)


def _rows(connection: Connection, chain: str) -> Iterator[Line]:
    """Yields the lines of all rows that belong to a chain."""
    at_once = {"yield_per": 1000}
    for table in _chained():
        query: Select[Any] | None = select(table)
        if "system" in table.c:
            of_chain = table.c.system.is_(None) if chain == CITY else table.c.system == chain
            query = select(table).where(of_chain)
        elif "episode" in table.c:
            of_system = select(tables.episodes.c.id).where(tables.episodes.c.system == chain)
            query = select(table).where(table.c.episode.in_(of_system))
        elif chain != CITY:
            query = None
        if query is not None:
            yield from (
                line_of(table, dict(row._mapping))
                for row in connection.execute(query, execution_options=at_once)
            )


def _chain_of(connection: Connection, table: Table, row: Mapping[str, Any]) -> str:
    if "system" in table.c:
        return row["system"] or CITY
    if "episode" in table.c:
        query = select(tables.episodes.c.system).where(tables.episodes.c.id == row["episode"])
        return str(connection.scalar(query))
    return CITY


def _key(table: Table) -> Sequence[str]:
    return ["key"] if table.name in _NUMBERED else [column.name for column in table.primary_key.columns]


def _value(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case float():  # JSON has neither infinity nor one way to write a number
            return value.hex() if math.isfinite(value) else str(value)
        case _:
            return value
