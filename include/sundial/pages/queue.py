"""The sunset queue: every case with its age, and what is asked of whom."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from sundial.pages.cases import STATES, Case, case_of
from sundial.pages.frame import Visit, Visiting
from sundial.report.waiting import role_name
from sundial.store.cases import CLOSING, Cases, Question
from sundial.sunset.adverse import first_adverse_weeks
from sundial.sunset.course import State

router = APIRouter(prefix="/sunset")

ORDERS = {
    "waiting": "Longest undecided",
    "adverse": "Longest adverse",
    "opened": "Latest opened",
    "system": "System",
    "department": "Department",
}


@dataclass(frozen=True)
class Filters:
    """What the reader asked for; a word that means nothing here is as if it were not there."""

    state: str
    department: str
    role: str
    order: str

    def link(self, **changes: str) -> str:
        """Returns the query of the same page with some of it changed."""
        asked = {**vars(self), **changes}
        return "?" + urlencode({name: value for name, value in asked.items() if value})


@router.get("/", response_class=HTMLResponse)
def queue(
    visit: Visiting, state: str = "", department: str = "", role: str = "", order: str = ""
) -> HTMLResponse:
    """Every case of the systems that the visitor may see."""
    cases = _cases(visit)
    asked = Filters(state if state in list(State) else "", department, role, order if order in ORDERS else "")
    chosen = [case for case in cases if _is_chosen(case, asked)]
    counted = Counter(case.course.state for case in chosen)
    shown = sorted(
        (case for case in chosen if not asked.state or case.course.state == asked.state),
        key=_ORDER[asked.order or "waiting"],
    )
    return visit.page(
        "queue.html.j2",
        asked=asked,
        orders=ORDERS,
        states=STATES,
        tiles=[(state, STATES[state], counted[state]) for state in State if counted[state]],
        departments=sorted({case.department for case in cases if case.department}),
        roles=[
            (name, role_name(name)) for name in sorted({one.role for case in cases for one in case.asked})
        ],
        open_cases=[case for case in shown if case.ended is None],
        ended=[case for case in shown if case.ended is not None],
        among=len(cases),
        undecided=sum(case.undecided for case in cases if case.ended is None),
    )


def _is_chosen(case: Case, asked: Filters) -> bool:
    return (not asked.department or case.department == asked.department) and (
        not asked.role or any(one.role == asked.role for one in case.asked)
    )


def _system(case: Case) -> tuple[str, str]:
    return case.name.casefold(), case.episode.id


_ORDER: Mapping[str, Any] = {
    "waiting": lambda case: (-case.waiting_days if case.undecided else 1, -case.days, *_system(case)),
    "adverse": lambda case: (-case.adverse_days, *_system(case)),
    "opened": lambda case: (-case.episode.opened_as_of.toordinal(), *_system(case)),
    "system": _system,
    "department": lambda case: (case.department.casefold(), *_system(case)),
}


def _cases(visit: Visit) -> Sequence[Case]:
    store = Cases(visit.city.store)
    episodes = [episode for episode in store.episodes() if visit.visitor.may_see(episode.system)]
    happened = store.happened()
    questions: defaultdict[str, list[Question]] = defaultdict(list)
    for question in store.questions():
        questions[question.episode].append(question)
    ended = {name for name, events in happened.items() if any(event.kind in CLOSING for event in events)}
    adverse = first_adverse_weeks(
        visit.city.store,
        visit.city.policy,
        visit.systems,
        [episode for episode in episodes if episode.id not in ended],
    )
    return [
        case_of(
            visit,
            episode,
            happened.get(episode.id, ()),
            questions[episode.id],
            adverse.get(episode.id, episode.opened_week),
        )
        for episode in episodes
    ]
