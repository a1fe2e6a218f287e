"""The portfolio: every system by the eight principles, with filters, counts and an order of the reader's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from sundial.engine.clock import WEEK, week_name
from sundial.pages.frame import Visit, Visiting
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System
from sundial.register.principles import Principle
from sundial.report.health import WORST_FIRST, PrincipleCell, principle_cell
from sundial.report.page import LOOKS, Look
from sundial.store.overview import Counts, OpenCase, Overview, overview
from sundial.store.records import Status

router = APIRouter()

ORDERS = {
    "worst": "Worst first",
    "name": "Name",
    "department": "Department",
    "judged": "Longest not judged",
    "case": "Oldest open case",
}
SHOWN_STATUSES = tuple(status for status in WORST_FIRST if status is not Status.NOT_APPLICABLE)


@dataclass(frozen=True)
class Cell:
    """One principle of one system, with where it leads; `past` where the week that is due was not judged."""

    principle: Principle
    shown: PrincipleCell
    link: str
    past: bool = False

    @property
    def of_worst(self) -> int:
        """How many findings have the status that is shown."""
        return dict(self.shown.counts).get(self.shown.status, 0)

    @property
    def statuses(self) -> frozenset[Status]:
        """Every status that it has; what was never judged, or was ok in an earlier week, is not measured."""
        found = frozenset(status for status, _ in self.shown.counts) or frozenset({Status.NOT_MEASURED})
        return found if not self.past else found - {Status.OK} | {Status.NOT_MEASURED}


@dataclass(frozen=True)
class Row:
    """One system.

    Attributes:
        judged: name of its last judged week; None where it never was.
        behind: weeks that are due and not judged.
        case: its oldest open sunset case, if there is one.
        case_days: age of that case.
    """

    system: System
    lifecycle: str
    cells: tuple[Cell, ...]
    judged: str | None
    behind: int
    case: OpenCase | None
    case_days: int

    @property
    def at_rest(self) -> bool:
        """Whether it is retired, and nothing says that it goes on all the same."""
        goes_on = any(
            c.principle is Principle.ACCOUNTABILITY and Status.BREACH in c.statuses for c in self.cells
        )
        return self.lifecycle == Lifecycle.RETIRED and not goes_on

    @property
    def statuses(self) -> frozenset[Status]:
        """Every status that a finding of the shown principles has."""
        return frozenset().union(*(cell.statuses for cell in self.cells))

    @property
    def severity(self) -> tuple[int, ...]:
        """Sorts by how many principles show each status, the gravest status first."""
        counted = Counter(status for cell in self.cells for status in cell.statuses)
        gravest = (Status.BREACH, Status.ERROR, Status.WATCH, Status.NOT_MEASURED)
        return tuple(-counted[status] for status in gravest)


@dataclass(frozen=True)
class Asked:
    """What the reader asked for; a word that means nothing here is as if it were not there."""

    department: str
    principle: str
    status: str
    order: str

    def link(self, **changes: str) -> str:
        """Returns the query of the same page with some of it changed."""
        asked = {**vars(self), **changes}
        return "?" + urlencode({name: value for name, value in asked.items() if value})


@dataclass(frozen=True)
class Tile:
    """How many systems have a finding of a status, with the query that shows them."""

    status: Status
    systems: int

    @property
    def look(self) -> Look:
        """How the status is shown."""
        return LOOKS[self.status]


@router.get("/", response_class=HTMLResponse)
def portfolio(
    visit: Visiting, department: str = "", principle: str = "", status: str = "", order: str = ""
) -> HTMLResponse:
    """The matrix of systems and principles."""
    asked = Asked(
        department,
        principle if principle in list(Principle) else "",
        status if status in list(Status) else "",
        order if order in ORDERS else "",
    )
    every = _rows(visit, asked.principle)
    rows = [row for row in every if not row.at_rest]
    departments = sorted({row.system.department for row in rows})
    chosen = [row for row in rows if not asked.department or row.system.department == asked.department]
    counted = Counter(status for row in chosen for status in row.statuses)
    shown = [row for row in chosen if not asked.status or Status(asked.status) in row.statuses]
    return visit.page(
        "portfolio.html.j2",
        asked=asked,
        orders=ORDERS,
        departments=departments,
        principles=list(Principle),
        columns=[Principle(asked.principle)] if asked.principle else list(Principle),
        tiles=[Tile(status, counted[status]) for status in SHOWN_STATUSES if counted[status]],
        statuses=[(status, LOOKS[status]) for status in SHOWN_STATUSES],
        rows=sorted(shown, key=_ORDER[asked.order or "worst"]),
        among=len(rows),
        retired=sorted((row for row in every if row.at_rest), key=_name),
        due=week_name(visit.city.week),
    )


def _name(row: Row) -> tuple[str, str]:
    return row.system.name.casefold(), row.system.id


_ORDER: Mapping[str, Any] = {
    "worst": lambda row: (*row.severity, *_name(row)),
    "name": _name,
    "department": lambda row: (row.system.department.casefold(), *_name(row)),
    "judged": lambda row: (row.judged or "", *_name(row)),
    "case": lambda row: (-row.case_days if row.case else 1, *_name(row)),
}


def _rows(visit: Visit, principle: str) -> Sequence[Row]:
    found = overview(visit.city.store)
    today, due = visit.city.today, visit.city.week
    columns = [Principle(principle)] if principle else list(Principle)
    return [
        _row(system, found, columns, f"{visit.base}/systems/{name}", today, due)
        for name, system in visit.systems.items()
    ]


def _row(
    system: System, found: Overview, columns: Iterable[Principle], link: str, today: date, due: date
) -> Row:
    week, counts = found.latest.get(system.id, (None, ()))
    behind = max(0, (due - week) // WEEK) if week else 0
    case = found.cases.get(system.id)
    by_principle = _by_principle(counts)
    when = week_name(week) if week and behind else ""
    return Row(
        system=system,
        lifecycle=_lifecycle(found.lifecycle.get(system.id, system.status.value)),
        cells=tuple(
            Cell(one, principle_cell(one, by_principle[one.value], when), f"{link}/{one.value}", bool(when))
            for one in columns
        ),
        judged=week_name(week) if week else None,
        behind=behind,
        case=case,
        case_days=(today - case.opened).days if case else 0,
    )


def _by_principle(counts: Counts) -> Mapping[str, tuple[tuple[Status, int], ...]]:
    found: defaultdict[str, dict[Status, int]] = defaultdict(dict)
    for principle, status, n in counts:
        found[principle][Status(status)] = n
    return defaultdict(
        tuple,
        {
            principle: tuple((status, of[status]) for status in WORST_FIRST if of.get(status))
            for principle, of in found.items()
        },
    )


def _lifecycle(word: str) -> str:
    """Returns a status other than the usual one as words."""
    return "" if word == Lifecycle.DEPLOYED else word.replace("_", " ")
