"""The City's policy as configuration: `include/policy.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sundial.register.entry import MAX_DAYS, ApprovedBy, ApprovedOn, Entry, Zone
from sundial.register.principles import Principle
from sundial.register.problems import dotted
from sundial.register.sunset_rules import (
    TIERS,
    OwnRules,
    RuleInForce,
    SunsetRule,
    Tier,
    inherited,
    wrong_rules,
)
from sundial.register.thresholds import possible


class Role(Entry):
    """Who fills a role: Airflow user names that may answer, and where mail goes."""

    users: tuple[str, ...] = Field(min_length=1, description="Airflow user names that may answer.")
    email: tuple[str, ...] = Field(default=(), description="Where mail to the role goes.")


RoleName = Literal["cio", "cdpo", "ciso", "oer", "staff", "operator", "engineer"]


class Approved(Entry):
    """A number of this City's choice."""

    value: float = Field(description="The number in force.")
    meaning: str = Field(description="What the number decides, in one sentence.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class Grace(Entry):
    """How old a fact may get before it is `watch`, and how much longer before it is `breach`."""

    limit_days: int = Field(ge=0, le=MAX_DAYS, description="Age in days from which on it is `watch`.")
    grace_days: int = Field(
        ge=0, le=MAX_DAYS, description="Days beyond the limit, after which it is `breach`."
    )
    meaning: str = Field(description="What gets old, and why it matters.")
    tiers: tuple[Tier, ...] = Field(default=TIERS, description="Risk tiers that it is asked of.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class Choice(Entry):
    """A number chosen for some systems in the place of the City's own."""

    value: float = Field(description="The number in force.")
    reason: str = Field(min_length=10, description="Why another number than the City's.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class OfTier(Entry):
    """What is chosen for all systems of one risk tier."""

    thresholds: dict[str, Choice] = Field(default={}, description="Thresholds of the tier, by name.")
    sunset: OwnRules = Field(default=OwnRules(), description="Sunset rules of the tier.")


class NoticeHosts(Entry):
    """Whom the pipeline may ask whether a system's public page is there."""

    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.:-]+$", examples=["www.city.gov"])], ...] = Field(
        description=(
            "Names of hosts in small letters; for a host in a private network its IP address, too. No other "
            "host is asked."
        )
    )
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class EvidenceBudget(Entry):
    """How rarely the portfolio may cry wolf."""

    weeks_between_false_breaches: float = Field(
        gt=0, description="Average weeks between two false breaches, over all systems."
    )
    stream_weight: float = Field(gt=0, lt=1, description="Share of the budget of one stream.")
    reserve: float = Field(
        default=0.2, ge=0, lt=1, description="Share of the budget kept for streams to come."
    )
    years_between_false_recommendations: float = Field(
        gt=0, description="Average years between two false sunset recommendations."
    )
    false_share_of_report: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Expected share of false ones among what the report lists first, by e-BH.",
    )
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class ClosingStep(Entry):
    """Something that somebody does after a decision to stop a system, before its case is closed."""

    id: str = Field(pattern=r"^[a-z][a-z_]+$", examples=["notify_vendor"])
    what: str = Field(min_length=10, description="What is to be done, as whoever does it reads it.")
    owner: RoleName = Field(description="The role that answers for it.")
    within_days: int = Field(ge=0, le=3650, description="Days from the decision in which it is due.")
    source_off: bool = Field(
        default=False,
        description="Whether a source that gives no answer counts as switched off once this is done.",
    )


class SunsetTerms(Entry):
    """How long a sunset case may wait, and how its decision is verified."""

    act_days: int = Field(
        default=28,
        ge=1,
        description="Days within which somebody acts upon a confirmed breach: by repair, waiver or case.",
    )
    remind_days: int = Field(ge=1, description="Days after which an open question is asked for again.")
    escalate_days: int = Field(ge=1, description="Days from which on CIO and CDPO are both told.")
    silent_days: int = Field(ge=0, description="Days without an output after which a halt is verified.")
    stage_days: int = Field(
        ge=1, description="Days over which the volume of a phase-out's stage is measured."
    )
    before_days: int = Field(
        default=28, ge=1, description="Days before the decision whose volume a stage is a share of."
    )
    closing: tuple[ClosingStep, ...] = Field(description="What is done before a case is closed.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class IncidentTerms(Entry):
    """How soon a harm is reported to the supervisor, the CDPO and the Office of Employee Relations."""

    hours: float = Field(
        gt=0, le=24 * 30, examples=[24], description="Hours from the discovery of a harm to its notices."
    )
    warn_hours_before: float = Field(
        gt=0,
        examples=[4],
        description="Hours before the end from which on CDPO and CIO are told what is missing.",
    )
    approved_by: ApprovedBy
    approved_on: ApprovedOn

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.warn_hours_before >= self.hours:
            raise ValueError(
                f"warn_hours_before: {self.warn_hours_before:g} is not less than hours; the warning comes "
                f"before the {self.hours:g} hours end"
            )
        return self


class Policy(Entry):
    """The City's policy as configuration: `include/policy.yaml`."""

    city: str = Field(description="Name of the City.")
    timezone: Zone = Field(description="Civil days and weeks of the City, as an IANA name.")
    principles: tuple[Principle, ...] = Field(
        description="The eight guiding principles, in the policy's order."
    )
    roles: dict[RoleName, Role] = Field(description="Who may answer what; cio and cdpo must be filled.")
    thresholds: dict[str, Approved] = Field(description="Numbers that checks judge by, by name.")
    tiers: dict[Tier, OfTier] = Field(
        default={},
        description="Thresholds and sunset rules that hold for a risk tier in the place of the City's.",
    )
    terms: dict[str, Grace] = Field(description="How old facts may get, by name.")
    notice_hosts: NoticeHosts | None = Field(
        default=None, description="Hosts of the systems' public pages; without any no page is asked."
    )
    evidence: EvidenceBudget
    report_schedule: Literal["weekly", "manual"] = Field(
        default="weekly",
        description="When the health report goes out: Monday morning, or only when asked for.",
    )
    report_to: tuple[RoleName, ...] = Field(
        default=("cdpo",), min_length=1, description="Roles that the health report is mailed to."
    )
    report_alarm_to: tuple[RoleName, ...] = Field(
        default=("operator", "cdpo"),
        min_length=1,
        description="Roles that are told when a health report did not go out.",
    )
    report_hours: float = Field(
        default=2,
        gt=0,
        le=72,
        description="Hours from the start of its run in which a health report has to be out.",
    )
    sunset: tuple[SunsetRule, ...] = Field(description="When a sunset recommendation opens.")
    sunset_terms: SunsetTerms = Field(description="How long a case may wait, and how a decision is verified.")
    incident_terms: IncidentTerms = Field(description="How soon an incident is told to whom.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.principles != tuple(Principle):
            raise ValueError(
                f"principles must be the policy's eight, in its order: {[p.value for p in Principle]}"
            )
        missing = {"cio", "cdpo"} - set(self.roles)
        if missing:
            raise ValueError(f"roles: {sorted(missing)} missing; nobody could decide")
        possible(self.thresholds)
        for tier, chosen in self.tiers.items():
            possible(chosen.thresholds)
            if strangers := sorted(set(chosen.thresholds) - set(self.thresholds)):
                raise ValueError(
                    f"tiers.{tier}.thresholds: {strangers[0]} is none of the City's thresholds; name one of "
                    f"{sorted(self.thresholds)}"
                )
        return self

    @model_validator(mode="after")
    def _rules_of_tiers(self) -> Self:
        ids = [rule.id for rule in self.sunset]
        for place, rule in enumerate(ids):
            if rule in ids[:place]:
                raise ValueError(f"sunset[{place}].id: {rule} is the id of another rule; give it its own")
        for tier, chosen in self.tiers.items():
            for path, wrong in wrong_rules(self.sunset, chosen.sunset):
                raise ValueError(f"{dotted(('tiers', tier, 'sunset', *path))}: {wrong}")
        return self


def rules_of_tier(policy: Policy, tier: Tier) -> Sequence[RuleInForce]:
    """Returns the sunset rules in force for the systems of a tier that say nothing themselves."""
    city = [RuleInForce(rule, "city", rule.approved_by, rule.approved_on) for rule in policy.sunset]
    return inherited(city, policy.tiers[tier].sunset, f"tier {tier}") if tier in policy.tiers else city
