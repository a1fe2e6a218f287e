"""The register in effect: every entry with its status, owner, versions and next dates; and its exports."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from sundial.engine.in_effect import in_effect, standing
from sundial.pages.frame import Visit, Visiting
from sundial.pages.site import PageError
from sundial.pages.system import Attested, attested
from sundial.register.exports import STANDARDS, unpublished
from sundial.register.exports.layouts import Layout, json_of, written_as
from sundial.register.exports.whole import whole
from sundial.register.given import LifecycleChange, RegisterVersion
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System
from sundial.register.sunset_rules import TIERS
from sundial.store.register import RegisterRows
from sundial.store.register import Row as LedgerRow

router = APIRouter(prefix="/register")

ORDERS = {
    "name": "Name",
    "department": "Department",
    "tier": "What is at stake",
    "status": "Status",
    "due": "Next date",
}
_WHOLE = "entries"
_TYPES = {Layout.JSON: "application/json", Layout.CSV: "text/csv"}


@dataclass(frozen=True)
class Row:
    """One entry in effect.

    Attributes:
        version: content hash and day of the version of the entry that the ledger has last; empty for none.
        versions: how many versions the ledger has.
        due: the document whose date comes next; None where none is asked for.
        missing: documents that are asked for and not there, or no longer hold.
        changed: its last change of status, if it had one.
    """

    system: System
    version: str
    versions: int
    due: Attested | None
    missing: tuple[Attested, ...]
    changed: LifecycleChange | None

    @property
    def status(self) -> str:
        """Its status as words."""
        return self.system.status.value.replace("_", " ")


@dataclass(frozen=True)
class Filters:
    """What the reader asked for; a word that means nothing here is as if it were not there."""

    status: str
    department: str
    tier: str
    order: str

    def link(self, **changes: str) -> str:
        """Returns the query of the same page with some of it changed."""
        asked = {**vars(self), **changes}
        return "?" + urlencode({name: value for name, value in asked.items() if value})


@router.get("/", response_class=HTMLResponse)
def register(
    visit: Visiting, status: str = "", department: str = "", tier: str = "", order: str = ""
) -> HTMLResponse:
    """Every entry that the visitor may see."""
    asked = Filters(
        status if status in list(Lifecycle) else "", department, tier, order if order in ORDERS else ""
    )
    rows = _rows(visit)
    found = [
        row
        for row in rows
        if (not asked.department or row.system.department == asked.department)
        and (not asked.tier or row.system.risk.tier == asked.tier)
    ]
    counted = Counter(row.system.status for row in found)
    shown = [row for row in found if not asked.status or row.system.status == asked.status]
    retired = [row for row in shown if row.system.status is Lifecycle.RETIRED]
    published = [row for row in rows if not unpublished(row.system)]
    return visit.page(
        "register.html.j2",
        asked=asked,
        orders=ORDERS,
        statuses=[(one, counted[one]) for one in Lifecycle],
        tiers=sorted({row.system.risk.tier for row in rows}),
        departments=sorted({row.system.department for row in rows}),
        rows=sorted((row for row in shown if row not in retired), key=_ORDER[asked.order or "name"]),
        retired=sorted(retired, key=lambda row: row.changed is None or -row.changed.holds_from.toordinal()),
        shown=len(shown),
        among=len(rows),
        today=visit.city.today,
        published=len(published),
        left_out=sorted(
            (row.system.name, why) for row in rows if (why := unpublished(row.system)) is not None
        ),
        standards=STANDARDS,
    )


@router.get("/exports/{name}.{ending}")
def export(visit: Visiting, name: str, ending: str) -> Response:
    """The register in the words of a standard, or as it stands; what is not published is left out."""
    if ending not in list(Layout) or (name not in STANDARDS and (name, ending) != (_WHOLE, Layout.JSON)):
        raise PageError(
            404, "There is no such export", "The page of the register lists those that there are."
        )
    layout, city = Layout(ending), visit.city.policy.city
    systems = [row.system for row in _rows(visit) if not unpublished(row.system)]
    if name == _WHOLE:
        text = json_of([whole(system, system.status) for system in systems])
    else:
        standard = STANDARDS[name]
        records = [standard.record(system, system.status, city) for system in systems]
        text = written_as(standard, records, layout)
    headers = {"Content-Disposition": f'attachment; filename="register-{name}.{ending}"'}
    return Response(text.encode(), media_type=f"{_TYPES[layout]}; charset=utf-8", headers=headers)


def _due(row: Row) -> date:
    return (row.due.until if row.due else None) or date.max


def _name(row: Row) -> tuple[str, str]:
    return row.system.name.casefold(), row.system.id


_ORDER: Mapping[str, Any] = {
    "name": _name,
    "department": lambda row: (row.system.department.casefold(), *_name(row)),
    "tier": lambda row: (TIERS.index(row.system.risk.tier), *_name(row)),
    "status": lambda row: (list(Lifecycle).index(row.system.status), *_name(row)),
    "due": lambda row: (not row.missing, _due(row), *_name(row)),
}


def _rows(visit: Visit) -> Sequence[Row]:
    today = visit.city.today
    of: defaultdict[str, list[LedgerRow]] = defaultdict(list)
    for row in RegisterRows(visit.city.store).rows():
        of[row.system].append(row)
    return [_row(visit, system, of[name], today) for name, system in visit.systems.items()]


def _row(visit: Visit, written: System, rows: Sequence[LedgerRow], today: date) -> Row:
    system = in_effect(written, rows, today)
    versions = [one for _, one in standing(rows, RegisterVersion, today)]
    changes = [one for _, one in standing(rows, LifecycleChange, today)]
    asked = attested(system, visit.city.policy, today)
    return Row(
        system=system,
        version=f"{versions[-1].content_hash[:8]} of {versions[-1].authored_on}" if versions else "",
        versions=len(versions),
        due=next((one for one in asked if one.word == "holds"), None),
        missing=tuple(one for one in asked if one.word != "holds"),
        changed=changes[-1] if changes else None,
    )
