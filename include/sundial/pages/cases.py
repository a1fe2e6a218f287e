"""A sunset case as the queue and its own page show it: where it stands, how old it is, who is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from sundial.pages.frame import Visit
from sundial.register.models import System
from sundial.report.page import Look
from sundial.report.plain import clean
from sundial.report.waiting import role_name
from sundial.store.cases import CLOSING, Episode, Event, Question
from sundial.sunset.course import Course, State, course_of
from sundial.sunset.steps import Step, steps_of

_WAITS = ("#5c3b00", "#fff1cc", "solid #9a6700")
_GOES_ON = ("#29415e", "#e8eef6", "solid #5b7595")
_HAS_ENDED = ("#444b54", "#ffffff", "dashed #6b737d")

STATES: Mapping[State, Look] = {
    State.DRAFT: Look("waits for the determination", "▲", "watch", *_WAITS),
    State.SUBMITTED: Look("waits for the decision", "▲", "watch", *_WAITS),
    State.EXCEPTED: Look("exception", "◇", "few", *_GOES_ON),
    State.DECIDED: Look("decided", "◐", "few", *_GOES_ON),
    State.EXECUTING: Look("being stopped", "◐", "few", *_GOES_ON),
    State.VERIFIED: Look("verified silent", "●", "few", *_GOES_ON),
    State.CLOSED: Look("closed", "–", "none", *_HAS_ENDED),
    State.WITHDRAWN: Look("withdrawn", "–", "none", *_HAS_ENDED),
    State.SUPERSEDED: Look("superseded", "–", "none", *_HAS_ENDED),
}
"""States of a case. None is red or green: those are of what was measured."""

_KINDS = {"determination": "determination", "decision": "decision", "closure": "closing the case"}


@dataclass(frozen=True)
class Asked:
    """A question that waits for an answer.

    Attributes:
        what: what is asked for, in words.
        role: of the policy, as it is called there; `who` is what people call it.
        users: names of those who may answer.
        days: since it was asked.
        reminded: whether it is so old that whoever is asked is reminded; `escalated`, that CIO and CDPO are.
        again: why it is asked once more; empty for the first time, and for who sees no small counts.
        mine: whether the visitor may answer it.
        link: the page in Airflow where it is answered; empty while no run asks it.
    """

    what: str
    role: str
    who: str
    users: str
    since: date
    days: int
    reminded: bool
    escalated: bool
    again: str
    mine: bool
    link: str


@dataclass(frozen=True)
class Case:
    """A case on a day.

    Attributes:
        system: its entry as written; None where its file is gone or wrong.
        days: from its opening to today, or to its end.
        ended: the day on which it ended; None while it is open.
        adverse: Monday of the first week with an adverse finding behind it.
        adverse_days: from then to today, or to its end.
    """

    episode: Episode
    system: System | None
    course: Course
    days: int
    ended: date | None
    adverse: date
    adverse_days: int
    asked: tuple[Asked, ...]
    steps: tuple[Step, ...]
    link: str

    @property
    def name(self) -> str:
        """The system's name, or what is known of it."""
        return self.system.name if self.system else self.episode.system

    @property
    def department(self) -> str:
        """The department that uses the system; empty where its entry cannot be read."""
        return self.system.department if self.system else ""

    @property
    def sentence(self) -> str:
        """The sentence of the rule that opened it, or what the person said who did."""
        return str(self.episode.record["rule"]["sentence"])

    @property
    def look(self) -> Look:
        """How its state is shown."""
        return STATES[self.course.state]

    @property
    def undecided(self) -> bool:
        """Whether the City has not said yet what is to become of the system."""
        return self.course.state in (State.DRAFT, State.SUBMITTED)

    @property
    def waiting_days(self) -> int:
        """How long its oldest open question waits; 0 without one."""
        return max((one.days for one in self.asked), default=0)

    @property
    def steps_done(self) -> int:
        """How many of the closing steps are done."""
        return sum(step.done is not None for step in self.steps)


def case_of(
    visit: Visit,
    episode: Episode,
    happened: Sequence[Event],
    questions: Sequence[Question],
    adverse: date,
) -> Case:
    """Returns a case as it stands today.

    Args:
        visit: who looks.
        episode: the case.
        happened: its events in the order of recording; evidence may be left out.
        questions: its questions, answered ones, too.
        adverse: first week with an adverse finding behind it.
    """
    today = visit.city.today
    ended = next((event.at for event in reversed(happened) if event.kind in CLOSING), None)
    until = ended or today
    return Case(
        episode=episode,
        system=visit.systems.get(episode.system),
        course=course_of(happened),
        days=(until - episode.opened_as_of).days,
        ended=ended,
        adverse=adverse,
        adverse_days=(until - adverse).days,
        asked=tuple(_asked(visit, question, today) for question in questions if question.open),
        steps=tuple(steps_of(happened)),
        link=f"{visit.base}/sunset/{quote(episode.id, safe='')}",
    )


def _asked(visit: Visit, question: Question, today: date) -> Asked:
    policy, role = visit.city.policy, question.role
    filled = {str(name): one for name, one in policy.roles.items()}
    days = (today - question.asked_as_of).days
    return Asked(
        what=_KINDS.get(question.kind, question.kind.replace("_", " ")),
        role=role,
        who=role_name(role),
        users=", ".join(clean(user, 80) for user in filled[role].users) if role in filled else "nobody",
        since=question.asked_as_of,
        days=days,
        reminded=days >= policy.sunset_terms.remind_days,
        escalated=days >= policy.sunset_terms.escalate_days,
        again=(question.reason_reopened or "") if visit.visitor.sees_small_cells else "",
        mine=role in visit.visitor.roles,
        link=visit.site.question(question.claimed_by) if question.claimed_by else "",
    )
