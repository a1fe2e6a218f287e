"""The questions of a sunset episode: who is asked, and what they may answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sundial.register.models import System
from sundial.store.cases import Cases, Episode
from sundial.sunset.case import case_body
from sundial.sunset.stages import HOW

RoleName = Literal["cdpo", "cio"]


@dataclass(frozen=True)
class Field:
    """One field of a question's form.

    Attributes:
        name: its key in the answer.
        title: what the person reads.
        needed_for: the choices that cannot be recorded without it; empty: always optional.
        format: `date` for a day, else free text.
    """

    name: str
    title: str
    needed_for: tuple[str, ...]
    format: Literal["text", "date"] = "text"


@dataclass(frozen=True)
class Form:
    """A kind of question.

    Attributes:
        kind: its name in the store.
        role: who answers.
        subject: the headline, for one system.
        choices: what the person may choose, as shown.
        fields: what the person writes.
    """

    kind: str
    role: RoleName
    subject: str
    choices: tuple[str, ...]
    fields: tuple[Field, ...]


YES, NO, CANNOT_SAY, COVERED = "Yes", "No", "Cannot say", "Another case covers it"
HALT, PHASE_OUT, EXCEPTION, RETURN = "Halt", "Phase out", "Exception", "Return for information"
CLOSE = "Close"

CONSIDERATIONS = ("data_ownership", "portability", "impact")
"""The three that the policy makes mandatory before a case goes to the CIO."""

DETERMINATION = Form(
    kind="determination",
    role="cdpo",
    subject="{name}: does it still provide a positive outcome to the City?",
    choices=(NO, CANNOT_SAY, YES, COVERED),
    fields=(
        Field("reasons", "Reasons for the determination", (NO, CANNOT_SAY, YES, COVERED)),
        Field("data_ownership", "Ownership of the data, and access to it afterwards", (NO, CANNOT_SAY)),
        Field("portability", "Portability of model, algorithm and data", (NO, CANNOT_SAY)),
        Field("impact", "Impact on services, users and residents", (NO, CANNOT_SAY)),
        Field("covered_by", "The open case of this system that covers it", (COVERED,)),
    ),
)

DECISION = Form(
    kind="decision",
    role="cio",
    subject="{name}: halt, phase out, or grant an exception?",
    choices=(HALT, PHASE_OUT, EXCEPTION, RETURN),
    fields=(
        Field("reasons", "Reasons for the decision", (HALT, PHASE_OUT, EXCEPTION, RETURN)),
        Field("scope_and_conditions", "Exception: its scope and conditions", (EXCEPTION,)),
        Field("expires_on", "Exception: the day on which it expires", (EXCEPTION,), "date"),
        Field("stages", f"Phase-out: its stages, {HOW}", (PHASE_OUT,)),
        Field("substitute", "Phase-out: the process that takes the system's place", (PHASE_OUT,)),
    ),
)

CLOSURE = Form(
    kind="closure",
    role="cdpo",
    subject="{name}: is its sunset case closed?",
    choices=(CLOSE,),
    fields=(Field("lessons", "What the City learnt from it", (CLOSE,)),),
)

FORMS: Mapping[str, Form] = {form.kind: form for form in (DETERMINATION, DECISION, CLOSURE)}


def ask(
    cases: Cases,
    episode: Episode,
    form: Form,
    system: System,
    as_of: date,
    reason_reopened: str | None = None,
) -> int:
    """Opens the question with the case in its body and returns its number within the episode."""
    body = case_body(cases, episode, system)
    return cases.ask(
        episode.id, role=form.role, kind=form.kind, body=body, as_of=as_of, reason_reopened=reason_reopened
    )
