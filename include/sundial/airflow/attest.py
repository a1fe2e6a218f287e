"""The form for attestations: its fields, and what becomes of what a person filled in."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from sundial.airflow.remedy import remedy_first
from sundial.engine.settings import settings
from sundial.engine.today import day_of
from sundial.register.given import GivenAttestation, GivenError, given
from sundial.register.load import load_policy
from sundial.register.wording import did_you_mean

DOC = """Trigger it by hand and fill in the form: one run is one attestation to a document of a system,
recorded with the user who triggered it.

Only people whom `policy.yaml` names in a role can attest. The newest document of a kind counts, of the
register's YAML and of those given here; an attestation that was given in error is revoked with
`sundial revoke`.
"""

FIELDS = ("kind", "by", "date", "version", "link", "expires")


def form() -> dict[str, Param]:
    """Returns the fields of the form."""
    kinds = list(GivenAttestation.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr]
    systems = sorted(path.stem for path in settings().register.glob("*.yaml"))
    return {
        "system": Param(
            None, type=["null", "string"], examples=systems, title="System", description="Its id."
        ),
        "kind": Param(None, type=["null", "string"], enum=[None, *kinds], title="What is attested"),
        "by": _text("By", "Who answers for the document: name and role."),
        "date": _day("Day of the document", "Not after today."),
        "version": _text("Version", "Of the document; may be empty."),
        "link": _text("Link", "Where to read it; may be empty."),
        "expires": _day("Expires", "Last day on which it holds, if it says so; may be empty."),
    }


@remedy_first
def record() -> int:
    """Records the attestation of this run, once, and returns the number of its row.

    Raises:
        AirflowFailException: the form cannot stand, or who triggered the run may not attest; with the remedy.
    """
    from sundial.store.register import RegisterRows

    context: Any = get_current_context()
    run, filled = context["dag_run"], context["params"]
    where = settings()
    policy = load_policy(where.policy)
    user = run.triggering_user_name
    if user not in {name for role in policy.roles.values() for name in role.users}:
        raise AirflowFailException(
            f"{user or 'nobody'} has no role in policy.yaml; only people whom it names can attest"
        )
    system = filled["system"]
    known = sorted(path.stem for path in where.register.glob("*.yaml"))
    if system not in known:
        raise AirflowFailException(f"system: there is no system {system!r}; {did_you_mean(system, known)}")
    # The day on which it was triggered, also where the task runs again later: it is the same row then.
    day = day_of(run.run_after, policy.timezone)
    try:
        row = given(GivenAttestation, day, {name: filled.get(name) or None for name in FIELDS})
    except GivenError as error:
        raise AirflowFailException(str(error)) from None
    return RegisterRows(where.open_store()).add(system, row, user).number


def _text(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], title=title, description=description)


def _day(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title=title, description=description)
