"""What a city tells the public of its AI systems: the public version of the weekly report, as plain data.

It is made of the same report as the internal one and names each thing that it takes over. What is not named
here does not come out: no name of a person below a role, no mail, no note, no incident, no reason of a
refused row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sundial.engine.in_effect import in_effect, standing
from sundial.register.exports.standard import Withheld, plain, withheld
from sundial.register.given import LifecycleChange, RegisterVersion
from sundial.register.lifecycle import Lifecycle
from sundial.register.models import System
from sundial.register.paths import value_at
from sundial.register.principles import Principle
from sundial.report.health import SystemHealth
from sundial.report.page import IN_PART, LOOKS, Look
from sundial.report.plain import clean
from sundial.report.public_figures import PublicTable, PublicWindow
from sundial.report.weekly import WeeklyReport
from sundial.store.cases import Cases, Event
from sundial.store.records import Status
from sundial.store.register import Row
from sundial.sunset.course import course_of
from sundial.sunset.questions import CANNOT_SAY, EXCEPTION, HALT, NO, PHASE_OUT, RETURN, YES

LONGEST = 1_500
"""Characters of a text that are shown."""
NO_ENTRY = "not said yet"

SECTIONS: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    (
        "What it is for",
        (
            ("What it does", "description"),
            ("Department", "department"),
            ("Meant for", "scope.intended"),
            ("Where it is used", "scope.area"),
            ("What it decides", "risk.decides"),
            ("What is at stake", "risk.tier"),
            ("Harm that is watched for", "harm.reason"),
        ),
    ),
    (
        "People and decisions",
        (
            ("Who is affected, and how", "impact.people"),
            ("What people still decide", "decision.human_intervention"),
            ("How to object to a result", "decision.appeal"),
            ("Whether effects can be undone", "decision.rollback"),
            ("By what right", "lawful_basis.text"),
        ),
    ),
    (
        "How it works",
        (
            ("Maker", "vendor.name"),
            ("Product", "vendor.product"),
            ("Version", "vendor.version"),
            ("Kind of algorithm", "algorithm.type"),
            ("How it works", "algorithm.description"),
            ("Uses data about persons", "data.personal"),
            ("How long data is kept", "data.retention"),
            ("FactSheet of", "fact_sheet.date"),
            ("Last AI Review", "ai_review.date"),
            ("Next AI Review due", "ai_review.next_due"),
            ("How often the City looks", "monitoring_plan.frequency"),
        ),
    ),
    (
        "Ask about it",
        (
            ("Team", "contact.name"),
            ("Mail", "contact.email"),
            ("Telephone", "contact.phone"),
            ("Page to ask on", "contact.page"),
            ("Public notice", "notice_page"),
        ),
    ),
)
"""The fields of an entry that are public, by part of the page, each with its label; no other one is."""

_STATUS: Mapping[Lifecycle, str] = {
    Lifecycle.PROPOSED: "proposed, not in use",
    Lifecycle.IN_REVIEW: "in review, not in use",
    Lifecycle.PILOT: "in use as a pilot",
    Lifecycle.DEPLOYED: "in use",
    Lifecycle.SUSPENDED: "suspended",
    Lifecycle.PHASING_OUT: "being phased out",
    Lifecycle.RETIRED: "retired",
}
_DETERMINED = {
    NO: "The Digital Privacy Officer determined that it no longer provides a positive outcome.",
    CANNOT_SAY: "The Digital Privacy Officer could not say whether it still provides a positive outcome.",
    YES: "The Digital Privacy Officer determined that it still provides a positive outcome.",
}
_DECIDED = {
    HALT: "The Chief Information Officer decided to halt it.",
    PHASE_OUT: "The Chief Information Officer decided to phase it out.",
    EXCEPTION: "The Chief Information Officer granted an exception: it may go on for a time.",
}
_AFTER = {
    "silent": "Verified: it puts out nothing any more.",
    "exception_expired": "The exception ran out.",
    "closed": "The sunset case was closed.",
}
"""Events of a case that are told once the CIO has decided."""


@dataclass(frozen=True)
class Fact:
    """A field of the entry as it is shown; `link` where it is an address."""

    path: str
    label: str
    text: str
    withheld: bool = False
    link: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a system's page: what the entry says, and the labels of what it does not say yet."""

    title: str
    facts: tuple[Fact, ...]
    unsaid: tuple[str, ...]


@dataclass(frozen=True)
class Happened:
    """One thing that happened, in a sentence."""

    day: date
    what: str


@dataclass(frozen=True)
class PublicCell:
    """The status of one principle."""

    principle: str
    looks: tuple[Look, ...]


@dataclass(frozen=True)
class PublicSystem:
    """What is public of one system.

    Attributes:
        example: whether it is no system of the City.
        status: where in its life it is, in words.
        judged: name of the last judged week; None where it was never judged.
        case_open: whether a sunset case is open and not decided: no more is told of it.
        retired: when and why it was retired; None where it is not.
        history: the latest first.
    """

    id: str
    name: str
    notice: str
    example: bool
    department: str
    description: str
    lifecycle: Lifecycle
    status: str
    judged: str | None
    behind: int
    cells: tuple[PublicCell, ...]
    outcome: str
    outcome_met: str
    outcome_look: Look
    target: str
    sections: tuple[Section, ...]
    case_open: bool
    retired: Happened | None
    history: tuple[Happened, ...]
    windows: tuple[PublicWindow, ...]


@dataclass(frozen=True)
class PublicRegister:
    """The public register as of a day: the City's systems by name, and examples apart."""

    city: str
    week: str
    start: date
    end: date
    as_of: date
    principles: tuple[str, ...]
    systems: tuple[PublicSystem, ...]

    @property
    def living(self) -> tuple[PublicSystem, ...]:
        """The City's systems that are not retired."""
        return tuple(one for one in self.systems if not one.example and one.retired is None)

    @property
    def gone(self) -> tuple[PublicSystem, ...]:
        """The City's systems that are retired."""
        return tuple(one for one in self.systems if not one.example and one.retired is not None)

    @property
    def examples(self) -> tuple[PublicSystem, ...]:
        """What is no system of the City."""
        return tuple(one for one in self.systems if one.example)


def public_register(
    report: WeeklyReport,
    systems: Mapping[str, System],
    rows: Sequence[Row],
    cases: Cases,
    figures: Mapping[str, Sequence[PublicWindow]],
) -> PublicRegister:
    """Returns what is public of a weekly report and of the register behind it.

    Invented examples and rejected systems are left out. Historical data, which the City does not operate,
    is in it as an example.

    Args:
        report: the internal report.
        systems: the register by id, as written.
        rows: the ledger's rows of all systems.
        cases: the sunset cases.
        figures: the filed windows of each system, by id.
    """
    of_system: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_system[row.system].append(row)
    found = []
    for health in report.systems:
        own = of_system[health.id]
        entry = in_effect(systems[health.id], own, report.as_of)
        if entry.example or entry.status is Lifecycle.REJECTED:
            continue
        windows = tuple(_told_of(entry, window) for window in figures.get(health.id, ()))
        found.append(_system(entry, health, own, cases, windows, report.as_of))
    return PublicRegister(
        city=report.city,
        week=report.week,
        start=report.start,
        end=report.end,
        as_of=report.as_of,
        principles=report.principles,
        systems=tuple(sorted(found, key=lambda one: (one.name.lower(), one.id))),
    )


def _system(
    entry: System,
    health: SystemHealth,
    rows: Sequence[Row],
    cases: Cases,
    windows: tuple[PublicWindow, ...],
    as_of: date,
) -> PublicSystem:
    undecided, course = _case(cases, entry.id, as_of)
    told = sorted([*course, *_register_history(rows, as_of)], key=lambda one: one.day)
    retired = _retired(entry, rows, as_of)
    hidden = withheld(entry, "intended_outcome")
    return PublicSystem(
        id=entry.id,
        name=health.name,
        notice=health.notice,
        example=not entry.operated,
        department=_text(entry, "department"),
        description=_text(entry, "description"),
        lifecycle=entry.status,
        status=_STATUS[entry.status],
        judged=health.judged,
        behind=health.behind,
        cells=_cells(health, windows),
        outcome=f"Not published: {clean(hidden)}" if hidden else health.outcome.statement,
        outcome_met="" if hidden else health.outcome.met,
        outcome_look=LOOKS[Status.NOT_MEASURED] if hidden else health.outcome.look,
        target="" if hidden else health.outcome.target,
        sections=tuple(_section(entry, title, fields) for title, fields in SECTIONS),
        case_open=undecided,
        retired=retired,
        history=tuple(told[::-1]),
        windows=windows,
    )


def _told_of(entry: System, window: PublicWindow) -> PublicWindow:
    """Returns a filed window without what the entry withholds by now; telling less is always safe."""
    return replace(window, tables=tuple(table for table in window.tables if not _hides(entry, table)))


def _hides(entry: System, table: PublicTable) -> bool:
    paths = ("harm", "groups") if table.column else ("intended_outcome",)
    return any(withheld(entry, path) for path in paths)


def _cells(health: SystemHealth, windows: Sequence[PublicWindow]) -> tuple[PublicCell, ...]:
    """Returns the statuses; Equity is ok in part at best where not every group is shown by itself.

    A plain "ok" would say of groups that are not shown that they are large and fare alike.
    """
    every_group = bool(windows) and any(table.column for table in windows[-1].tables)
    every_group = every_group and all(table.complete for table in windows[-1].tables)
    cells = []
    for cell in health.cells:
        looks = cell.looks
        if cell.principle == Principle.EQUITY.label and cell.status is Status.OK and not every_group:
            looks = tuple(IN_PART if look is LOOKS[Status.OK] else look for look in looks)
        cells.append(PublicCell(cell.principle, looks))
    return tuple(cells)


def _section(entry: System, title: str, fields: Sequence[tuple[str, str]]) -> Section:
    facts, unsaid = [], []
    for label, path in fields:
        found = _fact(entry, label, path)
        if found is None:
            unsaid.append(label)
        else:
            facts.append(found)
    return Section(title, tuple(facts), tuple(unsaid))


def _fact(entry: System, label: str, path: str) -> Fact | None:
    if reason := withheld(entry, path):
        return Fact(path, label, f"Not published: {clean(reason, LONGEST)}", withheld=True)
    value = plain(value_at(entry, path))
    if value is None or isinstance(value, Withheld):
        return None
    text = clean("; ".join(value) if isinstance(value, tuple) else value, LONGEST)
    if path == "contact.email":
        return Fact(path, label, text, link=f"mailto:{text}")
    return Fact(path, label, text, link=text if text.startswith(("https://", "http://")) else "")


def _text(entry: System, path: str) -> str:
    found = _fact(entry, "", path)
    return found.text if found is not None else NO_ENTRY


def _register_history(rows: Sequence[Row], as_of: date) -> Iterable[Happened]:
    """Yields changes of status and versions of the entry; who made them is not told."""
    for _, change in standing(rows, LifecycleChange, as_of):
        why = f" Reason: {clean(change.reason, LONGEST)}" if _tells_why(change) and change.reason else ""
        yield Happened(change.holds_from, f"Status: {_status(change.status)}.{why}")
    for _, version in standing(rows, RegisterVersion, as_of):
        yield Happened(
            version.authored_on,
            f"A version of the register entry was recorded ({version.content_hash[:12]}).",
        )


def _tells_why(change: LifecycleChange) -> bool:
    return change.status is Lifecycle.RETIRED


def _status(status: Lifecycle) -> str:
    return _STATUS.get(status, "not taken into use")


def _retired(entry: System, rows: Sequence[Row], as_of: date) -> Happened | None:
    if entry.status is not Lifecycle.RETIRED:
        return None
    changes = [c for _, c in standing(rows, LifecycleChange, as_of) if c.status is Lifecycle.RETIRED]
    if changes:
        return Happened(changes[-1].holds_from, clean(changes[-1].reason or NO_ENTRY, LONGEST))
    lifetime = entry.lifetime
    end = date.fromisoformat(f"{lifetime.end}-01") if lifetime and lifetime.end else as_of
    return Happened(end, _text(entry, "lifetime.end_reason"))


def _case(cases: Cases, system: str, as_of: date) -> tuple[bool, Sequence[Happened]]:
    """Returns whether a case waits for a decision, and what was determined and decided, in sentences.

    Of a case that is not decided only its state is public.
    """
    undecided, told = False, list[Happened]()
    for episode in cases.episodes(system):
        if episode.opened_as_of > as_of:
            continue
        events = [event for event in cases.events(episode.id) if event.at <= as_of]
        decided = [n for n, event in enumerate(events) if _decides(event)]
        undecided = undecided or (episode.open and course_of(events).decision is None)
        if decided:
            told += _told(events[: decided[-1] + 1], {"determination", "decision"})
            told += _told(events[decided[-1] + 1 :], {*_AFTER})
    return undecided, told


def _decides(event: Event) -> bool:
    return event.kind == "decision" and event.payload["chosen"] != RETURN


def _told(events: Sequence[Event], kinds: set[str]) -> Iterable[Happened]:
    for event in events:
        if event.kind not in kinds:
            continue
        chosen = str(event.payload.get("chosen", ""))
        said = {"determination": _DETERMINED.get(chosen), "decision": _DECIDED.get(chosen)}
        if sentence := said.get(event.kind) or _AFTER.get(event.kind):
            yield Happened(event.at, sentence)
