"""The figures of a system that are public: by windows that do not overlap, filed once, never told otherwise.

Of a window is published what `sundial.stats.suppression` lets through: the intended outcome's rate over
all, and the rate that the register names as harm by each group column. The figures are those of the week in
which the window was judged first. What came out later is not told of it: a figure that is corrected by
three people tells of three people. The record in the lake (`published/<system>.json`) is what was ever
published of a system; it is added to and never changed, so that neither another window length nor another
measure tells the same people twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sundial.lake import Lake
from sundial.register.exports.standard import withheld
from sundial.register.models import System
from sundial.sources.learnt import published_path
from sundial.stats.suppression import Cell, Table, release
from sundial.store.records import Finding, Kind, Status, Window
from sundial.store.results import Judgement, Results

OUTCOME, GROUPS = "effectiveness.rates", "equity.groups"
"""The checks whose figures are published."""
COUNTED = frozenset(
    {
        "accuracy",
        "precision",
        "recall",
        "specificity",
        "false_positive_rate",
        "false_negative_rate",
        "within_tolerance",
        "hit_rate",
        "resolution_rate",
        "escalation_rate",
        "correction_rate",
    }
)
"""Measures that are a count of people or cases out of others; of no other one a figure is published."""
MERGED = "Other groups together"
_ORIGINAL = date.min
"""As of this day no finding has been restated yet."""
_WHOLE = 1e-6
"""How far from a whole number a count may be for the rounding of a share; more are weights, not people."""


@dataclass(frozen=True)
class Row:
    """A published row: `hits` of `n` people; `group` is empty for everybody, `merged` for a table's rest."""

    group: str
    hits: int
    n: int
    status: str | None
    merged: bool = False


@dataclass(frozen=True)
class PublicTable:
    """One measure of one window: over all, where `column` is empty, or by the levels of a column.

    Attributes:
        area: whether the groups are areas and not people.
        complete: whether each level has a row of its own.
        target: what the measure is held against; None for groups.
    """

    measure: str
    column: str
    rows: tuple[Row, ...]
    area: bool = False
    complete: bool = True
    target: float | None = None


@dataclass(frozen=True)
class PublicWindow:
    """What is published of some days of outputs.

    Attributes:
        start: first day of the outputs.
        end: last day, included.
        week: Monday of the week in which it was judged.
        published: day from which on it is public.
        suppressed: how many cells are withheld or merged.
        tables: empty where nothing can be published.
    """

    start: date
    end: date
    week: date
    published: date
    suppressed: int
    tables: tuple[PublicTable, ...]


def file_figures(system: System, results: Results, lake: Lake, as_of: date) -> tuple[PublicWindow, ...]:
    """Files the windows that are judged and not filed yet; returns all that are public as of a day.

    Returns:
        The windows, the oldest first.
    """
    filed = filed_figures(lake, system.id)
    new = [*_new_windows(system, results, filed, as_of)]
    if new:
        lake.put_json(published_path(system.id), {"windows": [_plain(one) for one in (*filed, *new)]})
    return tuple(one for one in (*filed, *new) if one.published <= as_of)


def filed_figures(lake: Lake, system: str) -> tuple[PublicWindow, ...]:
    """Returns all that was ever published of a system, as filed; the oldest window first."""
    path = published_path(system)
    return tuple(window_from(one) for one in lake.get_json(path)["windows"]) if lake.exists(path) else ()


def window_from(plain: Mapping[str, Any]) -> PublicWindow:
    """Returns the window that a filed record came from."""
    days = {name: date.fromisoformat(plain[name]) for name in ("start", "end", "week", "published")}
    tables = tuple(
        PublicTable(**{**table, "rows": tuple(Row(**row) for row in table["rows"])})
        for table in plain["tables"]
    )
    return PublicWindow(**{**plain, **days, "tables": tables})


def _new_windows(
    system: System, results: Results, filed: Sequence[PublicWindow], as_of: date
) -> Iterable[PublicWindow]:
    last = filed[-1] if filed else None
    for judgement in results.judged(system.id):
        if judgement.as_of > as_of or (last is not None and judgement.week < _next(last)):
            continue
        found = _window_of(system, results, judgement, last, as_of)
        if found is not None:
            last = found
            yield found


def _next(window: PublicWindow) -> date:
    """Returns the week from which on a window of the same length begins after this one."""
    return window.week + (window.end - window.start) + timedelta(days=1)


def _window_of(
    system: System, results: Results, judgement: Judgement, before: PublicWindow | None, as_of: date
) -> PublicWindow | None:
    """Returns what is published of the window that a week judged; None where it has none of its own."""
    week = judgement.week
    found = results.findings_between(week, week, system.id, _ORIGINAL, (OUTCOME, GROUPS))
    outcome = next((f for f in found if _intended(f)), None)
    groups = [f for f in found if _of_harm(system, f)]
    asked = [*([outcome] if outcome else []), *groups]
    if not asked or any(f.status is Status.ERROR for f in asked):  # a later week may know more
        return None
    window = asked[0].window
    if window is None or (before is not None and window.start <= before.end):
        return None
    return _released(system, outcome, [f for f in groups if f.window == window], window, judgement, as_of)


def _released(
    system: System,
    outcome: Finding | None,
    groups: Sequence[Finding],
    window: Window,
    judgement: Judgement,
    as_of: date,
) -> PublicWindow:
    columns: defaultdict[str, dict[str, Cell]] = defaultdict(dict)
    statuses: dict[tuple[str, str], Status] = {}
    weighed = set()
    for found in groups:
        ((column, level),) = found.slice
        cell = _cell(found)
        statuses[column, level] = found.status
        if cell is None:
            weighed.add(column)
        else:
            columns[column][level] = cell
    for column in weighed | ({*columns} if withheld(system, "harm") or withheld(system, "groups") else set()):
        columns.pop(column, None)
    total = None if outcome is None or withheld(system, "intended_outcome") else _cell(outcome)
    measure = groups[0].metric if groups else ""
    let_through = release(total, columns, outcome.metric if outcome else "", measure)
    tables = []
    if let_through.total is not None and outcome is not None:
        row = Row("", let_through.total.hits, let_through.total.n, outcome.status.value)
        limit = outcome.threshold.value if outcome.threshold else None
        tables.append(PublicTable(outcome.metric, "", (row,), target=limit))
    area = any(found.details.get("level") == "area" for found in groups)
    for column, table in let_through.tables.items():
        rows = _rows(table, {level: status for (of, level), status in statuses.items() if of == column})
        tables.append(PublicTable(measure, column, rows, area=area, complete=table.merged is None))
    return PublicWindow(window.start, window.end, judgement.week, as_of, let_through.withheld, tuple(tables))


def _rows(table: Table, statuses: Mapping[str, Status]) -> tuple[Row, ...]:
    rows = [
        Row(level, cell.hits, cell.n, statuses[level].value) for level, cell in sorted(table.shown.items())
    ]
    if table.merged is not None:
        rows.append(Row(MERGED, table.merged.hits, table.merged.n, None, merged=True))
    return tuple(rows)


def _intended(finding: Finding) -> bool:
    """Returns whether a finding measures the intended outcome over all."""
    return (
        finding.check == OUTCOME
        and finding.metric in COUNTED
        and not finding.slice
        and finding.threshold is not None
        and finding.threshold.name == "intended_outcome.target"
        and finding.n is not None
    )


def _of_harm(system: System, finding: Finding) -> bool:
    """Returns whether a finding is of one group's rate of the registered harm; intersections are not."""
    return (
        system.harm is not None
        and system.groups is not None
        and finding.check == GROUPS
        and finding.kind is Kind.STATISTICAL
        and finding.metric == system.harm.metric
        and len(finding.slice) == 1
        and finding.slice[0][0] in system.groups.columns
        and finding.n is not None
    )


def _cell(finding: Finding) -> Cell | None:
    """Returns the people behind a share; None where it is no share, or its n are weights."""
    if finding.n is None or finding.estimate is None or not 0 <= finding.estimate <= 1:
        return Cell(0, 0) if finding.n == 0 else None
    hits = finding.estimate * finding.n
    if abs(hits - round(hits)) > _WHOLE * max(1.0, hits) or finding.n != round(finding.n):
        return None
    return Cell(round(hits), round(finding.n) - round(hits))


def _plain(window: PublicWindow) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(window).items()
    }
