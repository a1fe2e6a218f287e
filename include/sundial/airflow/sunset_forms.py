"""The forms of sunset cases: opening one by hand, and saying that a closing step is done."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings
from sundial.engine.today import day_of
from sundial.register.load import load_policy, load_register
from sundial.register.wording import did_you_mean
from sundial.store.cases import Cases
from sundial.store.database import UnknownRecord

OPEN_DOC = """Trigger it by hand when you doubt that a system still provides a positive outcome to the City:
say which one, and why. Nothing needs to have been measured. The CDPO is asked for a determination at once.

Only people whom `policy.yaml` names in a role can; the record keeps who, when and why.
"""

STEP_DOC = """Trigger it by hand when a closing step of a sunset case is done: the letter to the vendor sent,
the jobs stopped, the export tested. The mail about the case, and `sundial sunset show`, list its steps.

The role that the policy names for the step can say so, and the CDPO.
"""


def open_form() -> dict[str, Param]:
    """Returns the fields of the form that opens a case."""
    systems = sorted(path.stem for path in settings().register.glob("*.yaml"))
    return {
        "system": Param(
            None, type=["null", "string"], examples=systems, title="System", description="Its id."
        ),
        "reasons": _text("Reasons", "Why it may no longer provide one.", format="multiline"),
    }


def step_form() -> dict[str, Param]:
    """Returns the fields of the form for a step that is done."""
    steps = [step.id for step in load_policy(settings().policy).sunset_terms.closing]
    return {
        "case": _text("Case", "Its id, such as street-lights-2026-001."),
        "step": _text("Step", "", enum=[None, *steps]),
        "note": _text("What was done", "And what came of it.", format="multiline"),
        "link": _text("Link", "Where to read it; may be empty."),
    }


@remedy_first
def open_case() -> str:
    """Opens the case of this run's form, once, and returns its id.

    Raises:
        AirflowFailException: the form cannot stand; with the remedy.
    """
    from sundial.sunset.by_hand import OpeningRefused, open_by_hand

    context: Any = get_current_context()
    run, filled, where = context["dag_run"], context["params"], settings()
    policy, systems = load_policy(where.policy), load_register(where.register).systems
    if filled["system"] not in systems:
        raise AirflowFailException(
            f"system: there is no system {filled['system']!r}; {did_you_mean(str(filled['system']), systems)}"
        )
    try:
        return open_by_hand(
            Cases(where.open_store()),
            policy,
            systems[filled["system"]],
            key=run.run_id,
            by=run.triggering_user_name or "",
            reasons=filled["reasons"] or "",
            as_of=day_of(run.run_after, policy.timezone),
        )
    except OpeningRefused as error:
        raise AirflowFailException(str(error)) from None


@remedy_first
def finish_step() -> None:
    """Records the step of this run's form, once.

    Raises:
        AirflowFailException: the form cannot stand; with the remedy.
    """
    from sundial.sunset.steps import StepRefused, finish

    context: Any = get_current_context()
    run, filled, where = context["dag_run"], context["params"], settings()
    policy = load_policy(where.policy)
    try:
        finish(
            Cases(where.open_store()),
            policy,
            filled["case"] or "",
            filled["step"] or "",
            by=run.triggering_user_name or "",
            note=filled["note"] or "",
            link=filled["link"] or "",
            as_of=day_of(run.run_after, policy.timezone),
        )
    except (StepRefused, UnknownRecord) as error:
        raise AirflowFailException(str(error)) from None


def _text(title: str, description: str, **schema: Any) -> Param:
    return Param(None, type=["null", "string"], title=title, description=description, **schema)
