"""Sunset rules: each a sentence that a CIO understands, and the condition that it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from sundial.register.entry import ApprovedBy, ApprovedOn, Entry
from sundial.register.problems import FieldPath

Tier = Literal["rights", "safety", "service", "internal"]
TIERS: tuple[Tier, ...] = get_args(Tier)

SILENCE = "drift.silence"
"""A check of a fact that lies among those of drift: that nothing comes any more moves no distribution."""

MAX_WEEKS = 520

_RULE_ID = Annotated[str, Field(pattern=r"^[a-z][a-z_]+$", examples=["harm_to_a_group"])]


def is_drift(check: str) -> bool:
    """Whether a check is one of drift, by its name."""
    return "drift" in check.lower() and check != SILENCE


def _no_drift(check: str) -> str:
    if is_drift(check):
        raise ValueError(
            "is a check of drift, and drift alone never opens a sunset case: it explains, and says where to "
            "look; name a check of outcomes, of groups or of a fact"
        )
    return check


_Check = Annotated[str, AfterValidator(_no_drift)]


class EvidenceCondition(Entry):
    """Carried evidence of a check has reached the sunset alarm; one week's estimate never does."""

    kind: Literal["evidence"]
    check: _Check = Field(description="The check whose evidence counts.", examples=["effectiveness.rates"])
    metric: Literal["harm", "intended_outcome", "process"] = Field(
        description=(
            "Which of the system's metrics: the gap of its registered harm, its intended outcome, or how it "
            "compares with the process without AI."
        )
    )


class ProhibitedUseCondition(Entry):
    """A tripwire of a prohibited use is in breach: any finding whose details name the use."""

    kind: Literal["prohibited_use"]


class FactCondition(Entry):
    """A fact is in breach: it has held longer than its grace. Asked of systems in use only."""

    kind: Literal["fact"]
    check: _Check = Field(description="The check that finds the fact.", examples=[SILENCE])


class UnmeasuredCondition(Entry):
    """The intended outcome could not be measured for longer than some weeks. Asked of systems in use only."""

    kind: Literal["unmeasured"]
    check: _Check = Field(default="effectiveness.rates", description="The check that measures it.")
    weeks: int = Field(ge=1, le=MAX_WEEKS, description="Weeks without a measured finding that are tolerated.")
    tiers: tuple[Tier, ...] = Field(
        default=("rights", "safety"), description="Risk tiers whose monitoring is mandatory."
    )


class IncidentsCondition(Entry):
    """So many incidents were reported within some weeks, or a grave one."""

    kind: Literal["incidents"]
    count: int = Field(ge=1, description="Incidents, grave or not, that are too many.")
    weeks: int = Field(ge=1, le=MAX_WEEKS, description="Weeks, up to the judged one, in which they count.")
    one_grave: bool = Field(default=True, description="Whether a single grave one is enough.")


Condition = Annotated[
    EvidenceCondition | ProhibitedUseCondition | FactCondition | UnmeasuredCondition | IncidentsCondition,
    Field(discriminator="kind"),
]


class SunsetRule(Entry):
    """A sentence the CIO understands, and the condition that it stands for."""

    id: _RULE_ID = Field(description="Names the trigger family.")
    sentence: str = Field(min_length=10, description="The rule, as the CIO reads it.")
    when: Condition = Field(description="The condition; one of the kinds below.")
    remediation_weeks: int = Field(
        default=0,
        ge=0,
        le=MAX_WEEKS,
        description="Weeks to put it right: from the first week in which the condition holds to the case.",
    )
    rest_weeks: int = Field(
        default=26,
        ge=0,
        le=MAX_WEEKS,
        description="Weeks after a case was ended before the next one opens.",
    )
    approved_by: ApprovedBy
    approved_on: ApprovedOn

    @model_validator(mode="after")
    def _at_once(self) -> Self:
        if isinstance(self.when, ProhibitedUseCondition) and self.remediation_weeks:
            raise ValueError("remediation_weeks: a prohibited use opens a case at once; leave it out")
        return self


class AddedRule(SunsetRule):
    """A rule that holds beside the City's for a risk tier or a system."""

    reason: str = Field(min_length=10, description="Why the City's rules are not enough.")


class RuleChange(Entry):
    """What is different about a rule of the City for a risk tier or a system."""

    switched_off: bool = Field(default=False, description="Whether the rule is not asked at all.")
    weeks: int | None = Field(
        default=None, ge=1, le=MAX_WEEKS, description="The condition's own weeks, where it has some."
    )
    remediation_weeks: int | None = Field(
        default=None, ge=0, le=MAX_WEEKS, description="Weeks to put it right."
    )
    rest_weeks: int | None = Field(
        default=None, ge=0, le=MAX_WEEKS, description="Weeks after a case was ended before the next one."
    )
    reason: str = Field(min_length=10, description="Why it is different here.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        numbers = [n for n in (self.weeks, self.remediation_weeks, self.rest_weeks) if n is not None]
        if self.switched_off and numbers:
            raise ValueError("switched_off: a rule that is off has no weeks; give one or the other")
        if not self.switched_off and not numbers:
            raise ValueError(
                "changes nothing; give switched_off: true, weeks, remediation_weeks or rest_weeks"
            )
        return self

    def applied_to(self, rule: SunsetRule) -> SunsetRule:
        """Returns the rule as it is here. Raises ValueError where the rule cannot be changed so."""
        if isinstance(rule.when, ProhibitedUseCondition):
            raise ValueError(
                "is a rule on a prohibited use: nobody may switch it off or delay it; remove the change"
            )
        changes: dict[str, object] = {}
        if self.weeks is not None:
            if not isinstance(rule.when, UnmeasuredCondition | IncidentsCondition):
                raise ValueError(
                    f"weeks: a condition of kind {rule.when.kind} has none; change remediation_weeks instead"
                )
            changes["when"] = rule.when.model_copy(update={"weeks": self.weeks})
        for name in ("remediation_weeks", "rest_weeks"):
            if (weeks := getattr(self, name)) is not None:
                changes[name] = weeks
        return rule.model_copy(update=changes)


class OwnRules(Entry):
    """What a risk tier or a system changes of the sunset rules that it inherits."""

    change: dict[_RULE_ID, RuleChange] = Field(default={}, description="Changes of rules, by their id.")
    add: tuple[AddedRule, ...] = Field(default=(), description="Rules that hold beside those inherited.")


@dataclass(frozen=True)
class RuleInForce:
    """A rule as it holds for one system.

    Attributes:
        rule: with its changes applied.
        set_for: for whom it was chosen: "city", "tier rights", "system".
        approved_by: who approved it, or its last change.
        approved_on: when.
        reason: why it is not the City's own; None where it is.
    """

    rule: SunsetRule
    set_for: str
    approved_by: str
    approved_on: date
    reason: str | None = None


def inherited(above: Sequence[RuleInForce], own: OwnRules, set_for: str) -> Sequence[RuleInForce]:
    """Returns the rules in force once a tier's or system's own say is heard; what cannot stand has none."""
    wrong = {where[:2] for where, _ in wrong_rules([one.rule for one in above], own)}
    found: list[RuleInForce] = []
    for one in above:
        change = own.change.get(one.rule.id)
        if change is None or ("change", one.rule.id) in wrong:
            found.append(one)
        elif not change.switched_off:
            rule = change.applied_to(one.rule)
            found.append(RuleInForce(rule, set_for, change.approved_by, change.approved_on, change.reason))
    return [
        *found,
        *(
            RuleInForce(added, set_for, added.approved_by, added.approved_on, added.reason)
            for place, added in enumerate(own.add)
            if ("add", place) not in wrong
        ),
    ]


def wrong_rules(above: Sequence[SunsetRule], own: OwnRules) -> Iterator[tuple[FieldPath, str]]:
    """Yields what a tier or a system may not say of the rules above it: the field, and message; remedy."""
    known = {rule.id: rule for rule in above}
    for name, change in own.change.items():
        if name not in known:
            yield ("change", name), f"is no rule that holds here; use one of {', '.join(known)}"
            continue
        try:
            change.applied_to(known[name])
        except ValueError as error:
            yield ("change", name), str(error)
    for place, added in enumerate(own.add):
        if added.id in known or added.id in {rule.id for rule in own.add[:place]}:
            yield ("add", place, "id"), f"{added.id} is the id of another rule; give it its own"
