"""What may be published of counts of people, so that nobody can work out a small one.

A cell counts some people out of a group: so many of whom something holds, so many of whom it does not. Both
halves of a cell are counts. A count from 1 to 10 is small and is never published (the cell size policy of
the US Centers for Medicare & Medicaid Services: nothing below 11, nor a percentage that gives it back).

What is published of one window is at most the total of one measure, and tables of one measure by one column
each. The rule of this module makes every difference of what is published a count that is not small:

1. A table is published whole: its rows add up to everybody. Levels with a small half are merged, with the
   next smallest ones if need be, until both halves of what was merged hold 11 or more; the parts are not
   told.
2. A table that would have fewer than two rows is not published.
3. Tables of one window have the same totals, to the last person.
4. Where a count of the total and one of the tables' totals are of people of whom the ones are among the
   others, they do not differ by 1 to 10: else the difference would tell of those few.

So of a merged level nothing is known but that it is a part of a row of 11 or more, of which another part is
left; `docs/public.md` has the proof. Windows must not overlap: the caller sees to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

SMALLEST = 11
"""The smallest count, other than zero, that is published."""

_PARTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    measure: (frozenset(hits.split()), frozenset(others.split()))
    for measure, hits, others in (
        ("accuracy", "tp tn", "fp fn"),
        ("precision", "tp", "fp"),
        ("recall", "tp", "fn"),
        ("true_positive_rate", "tp", "fn"),
        ("false_negative_rate", "fn", "tp"),
        ("specificity", "tn", "fp"),
        ("false_positive_rate", "fp", "tn"),
        ("selection_rate", "tp fp up", "tn fn un"),
    )
}
"""Who counts in a measure: true and false positives and negatives, and those whose truth is not known."""


@dataclass(frozen=True)
class Cell:
    """Some people: of `hits` of them something holds, of `others` it does not."""

    hits: int
    others: int

    @property
    def n(self) -> int:
        """How many people that are."""
        return self.hits + self.others

    @property
    def small(self) -> bool:
        """Whether one of the halves is a small count."""
        return small(self.hits) or small(self.others)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Every count that who sees the cell knows."""
        return self.hits, self.others, self.n


@dataclass(frozen=True)
class Table:
    """A table as it is published.

    Attributes:
        shown: cells of the levels that stand by themselves, by name.
        merged: all other levels as one cell; None where every level stands by itself.
    """

    shown: Mapping[str, Cell]
    merged: Cell | None

    @property
    def total(self) -> Cell:
        """Everybody: what the rows add up to."""
        return together([*self.shown.values(), *([self.merged] if self.merged else [])])


@dataclass(frozen=True)
class Release:
    """What is published of one window.

    Attributes:
        total: of one measure; None where it is withheld.
        tables: of one measure, by column; a column that is withheld is missing.
        withheld: how many cells that were counted are not shown by themselves.
    """

    total: Cell | None
    tables: Mapping[str, Table]
    withheld: int


def small(count: int) -> bool:
    """Returns whether a count is one that is never published: 1 to 10."""
    return 0 < count < SMALLEST


def together(cells: Iterable[Cell]) -> Cell:
    """Returns the people of disjoint cells as one cell."""
    found = [*cells]
    return Cell(sum(cell.hits for cell in found), sum(cell.others for cell in found))


def merged(levels: Mapping[str, Cell]) -> Table | None:
    """Returns a table by the first two parts of the rule; None where it is not published.

    Args:
        levels: the cell of every level of one column, by name; levels without anybody count for nothing.
    """
    there = {name: cell for name, cell in levels.items() if cell.n}
    shown = {name: cell for name, cell in there.items() if not cell.small}
    rest = [cell for cell in there.values() if cell.small]
    while rest and not _holds(rest) and shown:
        rest.append(shown.pop(min(shown, key=lambda name: (min(shown[name].counts), name))))
    if rest and not _holds(rest):
        return None
    table = Table(shown, together(rest) if rest else None)
    return table if len(shown) + bool(rest) > 1 else None


def release(
    total: Cell | None,
    columns: Mapping[str, Mapping[str, Cell]],
    of_total: str = "",
    of_columns: str = "",
) -> Release:
    """Returns what may be published of one window, by the rule of this module.

    Args:
        total: of one measure over everybody; None where there is none.
        columns: of one measure, the same or another: the cell of every level, by column; the first column
            counts most.
        of_total: name of the total's measure; of one that is not known, anybody may count in it.
        of_columns: name of the columns' measure, likewise.
    """
    nested = _nested(of_total, of_columns)
    open_total = total if total is not None and total.n and not total.small else None
    tables: dict[str, Table] = {}
    for column, levels in columns.items():
        table = merged(levels)
        if table is None or (tables and table.total != next(iter(tables.values())).total):
            continue
        if open_total is None or apart(open_total, table.total, nested):
            tables[column] = table
    counted = sum(cell.n > 0 for levels in columns.values() for cell in levels.values()) + (total is not None)
    shown = sum(len(table.shown) for table in tables.values()) + (open_total is not None)
    return Release(open_total, tables, counted - shown)


def apart(one: Cell, other: Cell, nested: Iterable[tuple[int, int]]) -> bool:
    """Returns whether no count of one cell differs by a small count from one of the other that it nests with.

    Args:
        one: hits, others and n are its counts 0, 1 and 2.
        other: likewise.
        nested: which count of the one and which of the other are of people among each other.
    """
    return not any(small(abs(one.counts[mine] - other.counts[theirs])) for mine, theirs in nested)


def _nested(one: str, other: str) -> Sequence[tuple[int, int]]:
    """Returns which counts of two measures are of people of whom the ones are among the others."""
    pairs = [*product(range(3), range(3))]
    if one not in _PARTS or other not in _PARTS:
        return pairs
    mine, theirs = ((hits, others, hits | others) for hits, others in (_PARTS[one], _PARTS[other]))
    return [(m, t) for m, t in pairs if mine[m] <= theirs[t] or mine[m] >= theirs[t]]


def _holds(cells: Sequence[Cell]) -> bool:
    """Returns whether a merged row keeps its parts: two of them at least, and enough in both halves."""
    row = together(cells)
    return len(cells) > 1 and min(row.hits, row.others) >= SMALLEST
