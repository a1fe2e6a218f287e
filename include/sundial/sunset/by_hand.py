"""A case that people open themselves: staff or the CDPO doubt a system, whatever was measured."""

from __future__ import annotations

from datetime import date, timedelta

from sundial.register.models import Policy, System
from sundial.store.cases import Cases, Detection
from sundial.sunset.detect import registered
from sundial.sunset.questions import DETERMINATION, ask
from sundial.sunset.rules import policy_hash

FAMILY = "by_hand"

SENTENCE = "Staff or the CDPO ask whether the system still provides a positive outcome."


class OpeningRefused(ValueError):  # noqa: N818
    """A case cannot be opened; the message says why."""


def open_by_hand(
    cases: Cases, policy: Policy, system: System, *, key: str, by: str, reasons: str, as_of: date
) -> str:
    """Opens a case, or adds to the one that was opened by hand before, and asks for a determination.

    Evidence may be empty; the record says so.

    Args:
        cases: the store's cases.
        policy: who has a role.
        system: the system in doubt.
        key: names the asking: the same again is the same case.
        by: user name of who asks.
        reasons: why, in a sentence or more.
        as_of: the day.

    Returns:
        The case's id.

    Raises:
        OpeningRefused: the person has no role in the policy, or gives no reasons.
    """
    if by not in {user for role in policy.roles.values() for user in role.users}:
        raise OpeningRefused(
            f"{by or 'nobody'} has no role in policy.yaml; only people whom it names open a case"
        )
    if sum(character.isalnum() for character in reasons) < 8:
        raise OpeningRefused("reasons: say why the system may no longer provide a positive outcome")
    detection = Detection(
        system=system.id,
        family=FAMILY,
        rule=FAMILY,
        week=as_of - timedelta(days=as_of.weekday()),
        as_of=as_of,
        policy_hash=policy_hash(policy),
        record={
            "rule": {"id": FAMILY, "sentence": SENTENCE, "approved_by": policy.sunset_terms.approved_by},
            "principles": [],
            **registered(system),
        },
        evidence={},
    )
    episode, _ = cases.open_by_hand(detection, key, by, reasons)
    opened = cases.episode(episode)
    if opened.open and not cases.questions(episode):
        ask(cases, opened, DETERMINATION, system, as_of)
    return episode
