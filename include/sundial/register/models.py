"""The register entry of one system: what `include/systems/*.yaml` may say, as frozen models."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from sundial.register.principles import Principle
from sundial.register.source import Source


class Entry(BaseModel):
    """Every part of the register: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder of zones
        raise ValueError(
            f"no such time zone: {name!r}; use an IANA name such as America/Los_Angeles"
        ) from error
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]
Column = Annotated[str, Field(min_length=1, description="Name of a column in the feed.")]
# A class with a field called `date` hides the type from its own annotations.
Day = date
ApprovedBy = Annotated[str, Field(min_length=1, description="Who approved it: name and role.")]
ApprovedOn = Annotated[date, Field(description="Day of the approval.")]
Cadence = Annotated[
    Literal["daily", "weekly", "monthly", "yearly"],
    Field(description="How often the feed brings something new; silence for longer is a finding."),
]
MAX_DAYS = 36_600  # a century: a longer term is a typing error, and no date could be reckoned with it
CADENCE_DAYS: dict[str, int] = {"daily": 1, "weekly": 7, "monthly": 31, "yearly": 366}


class Person(Entry):
    """A named person who answers for something."""

    name: str = Field(min_length=1, description="First and last name.")
    email: str = Field(
        pattern=r"^[^@\s]+@[^@\s]+$",
        examples=["name@city.gov"],
        description="Where mail about the system goes.",
    )


class Vendor(Entry):
    """Who makes the system, and what it is called there."""

    name: str = Field(description="The company, or the City's own team.")
    product: str = Field(description="What the maker calls it.")
    version: str | None = Field(default=None, description="Version the contract names.")


class Outcome(Entry):
    """The positive outcome that the system is there for."""

    statement: str = Field(min_length=10, description="One sentence a resident understands.")
    metric: Literal["accuracy", "precision", "recall", "false_positive_rate"] = Field(
        description="The measure of it; confirmed below target it opens a sunset recommendation."
    )
    target: float = Field(
        gt=0, lt=1, description="Value of the metric that was approved, strictly between 0 and 1."
    )
    approved_by: ApprovedBy
    approved_on: ApprovedOn
    reviewed: date = Field(description="Day on which the outcome was last reviewed.")


class Risk(Entry):
    """How much depends on the system."""

    tier: Literal["rights", "safety", "service", "internal"] = Field(
        description="What is at stake: people's rights, their safety, a service to them, or internal work."
    )
    decides: str = Field(
        min_length=5, description="What the output decides, and what a person still decides."
    )


class Attestation(Entry):
    """A dated document, with who answers for it; it goes stale by the policy's terms."""

    by: str = Field(description="Who answers for the document.")
    date: Annotated[date, Field(description="Day of the document.")]
    version: str | None = Field(default=None, description="Version of the document.")
    link: str | None = Field(default=None, description="Where to read it.")


class Expectation(Entry):
    """One rule of a contract, in Great Expectations' own words."""

    type: str = Field(
        pattern=r"^expect_column_",
        examples=["expect_column_values_to_not_be_null"],
        description="A column expectation of Great Expectations.",
    )
    severity: Literal["critical", "warning"] = Field(
        default="critical", description="A row that fails a critical one goes to quarantine."
    )
    args: dict[str, Any] = Field(alias="with", description="The expectation's arguments, such as column.")

    @model_validator(mode="after")
    def _has_column(self) -> Self:
        if not isinstance(self.args.get("column"), str):
            raise ValueError("with: needs 'column', the column that the expectation is about")
        return self


class Score(Entry):
    """A number by which the system ranks or decides."""

    column: Column
    low: float = Field(description="Smallest value the system can give.")
    high: float = Field(description="Largest value the system can give.")
    positive_at: float | None = Field(
        default=None,
        description="The score from which on the output counts as positive (>=); above low, at most high.",
    )
    probability: bool = Field(default=False, description="Whether the score claims to be a probability.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        if self.probability and (self.low < 0 or self.high > 1):
            raise ValueError("a probability lies within low: 0 and high: 1")
        if self.positive_at is not None and not self.low < self.positive_at <= self.high:
            raise ValueError(
                f"positive_at must be above low ({self.low}) and at most high ({self.high}); correct it, or "
                "every output would be positive, or none"
            )
        return self


class OutputsFeed(Entry):
    """What the system put out: one row an output."""

    source: Source
    key: Column = Field(description="Identifies the output; stored only as a keyed hash.")
    date: Column = Field(description="Day (or time) of the output.")
    score: Score | None = None
    prediction: Column | None = Field(default=None, description="Column with the decision, 0 or 1.")
    model_version: Column | None = Field(default=None, description="Column with the version of the model.")
    categories: tuple[Column, ...] = Field(default=(), description="Category columns watched for drift.")
    cadence: Cadence = "daily"
    ends: Day | None = Field(default=None, description="Last day of outputs, where the system has stopped.")
    lookback_days: int = Field(
        default=7, ge=0, le=MAX_DAYS, description="Days before the watermark asked for again."
    )
    contract: tuple[Expectation, ...] = Field(default=(), description="What each row must satisfy.")

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if self.prediction is None and (self.score is None or self.score.positive_at is None):
            raise ValueError(
                "give prediction: COLUMN, or score.positive_at, so that an output is positive or not"
            )
        return self


class OutcomesFeed(Entry):
    """The truth of an output, known later."""

    source: Source
    key: Column = Field(description="The output's key.")
    outcome: Column = Field(description="Column with the truth, 0 or 1.")
    known_on: Column | None = Field(
        default=None, description="Day the truth was known; else the day it was pulled."
    )
    maturity_days: int = Field(
        ge=0, le=MAX_DAYS, description="Days an outcome gets before its output is judged."
    )
    observed_until: date | None = Field(
        default=None, description="End of follow-up: an outcome must mature before this day to be used."
    )
    cadence: Cadence = "daily"
    lookback_days: int = Field(
        default=31, ge=0, le=MAX_DAYS, description="Days before the watermark asked for again."
    )
    contract: tuple[Expectation, ...] = Field(default=(), description="What each row must satisfy.")


class Feeds(Entry):
    """The named sources of a system; none at all is valid, and then nothing can be measured from data."""

    outputs: OutputsFeed | None = None
    outcomes: OutcomesFeed | None = None

    @model_validator(mode="after")
    def _outcomes_need_outputs(self) -> Self:
        if self.outcomes is not None and self.outputs is None:
            raise ValueError("outcomes need outputs: an outcome is the truth of an output")
        return self


class Groups(Entry):
    """Whom to compare."""

    columns: tuple[Column, ...] = Field(min_length=1, description="Columns of the outputs that name a group.")
    intersections: tuple[tuple[Column, ...], ...] = Field(
        default=(), description="Columns that are also compared in combination, such as [[sex, race]]."
    )

    @model_validator(mode="after")
    def _of_columns(self) -> Self:
        strangers = {c for combination in self.intersections for c in combination} - set(self.columns)
        if strangers:
            raise ValueError(
                f"intersections name {sorted(strangers)}, not among columns {list(self.columns)}"
            )
        return self


class Harm(Entry):
    """Which unequal rate does the harm, and why."""

    metric: Literal["selection_rate", "true_positive_rate", "false_positive_rate"] = Field(
        description="The rate whose difference between groups does the harm."
    )
    reason: str = Field(min_length=20, description="Why this one, in a sentence a resident understands.")


class Baseline(Entry):
    """The approved reference window."""

    start: date = Field(description="First day.")
    end: date = Field(description="Last day, included.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start > self.end:
            raise ValueError(f"start ({self.start}) is after end ({self.end})")
        return self


class System(Entry):
    """One AI system in the City's register."""

    id: str = Field(
        pattern=r"^[a-z][a-z0-9-]{2,59}$",
        examples=["street-light-triage"],
        description="Stable, never used again.",
    )
    name: str = Field(min_length=3, description="What residents know the system by.")
    notice: str | None = Field(default=None, description="Shown wherever the system is shown.")
    description: str = Field(min_length=10, max_length=150, description="One sentence: what it is for.")
    department: str = Field(description="The department that uses it.")
    owner: Person
    vendor: Vendor | None = None
    intended_outcome: Outcome
    risk: Risk
    timezone: Zone | None = Field(
        default=None, description="Civil days of the system; the City's by default."
    )
    operated: bool = Field(
        default=True, description="Whether the City operates it; historical data has nobody to attest to it."
    )
    schedule: Literal["daily", "weekly", "manual"] = Field(
        default="daily", description="How often its DAG runs by itself."
    )
    window_weeks: Literal[1, 4, 13, 26, 52] = Field(default=13, description="Weeks that an estimate covers.")
    feeds: Feeds = Feeds()
    groups: Groups | None = None
    harm: Harm | None = None
    baseline: Baseline | None = None
    fact_sheet: Attestation | None = Field(default=None, description="The vendor's AI FactSheet.")
    ai_review: Attestation | None = Field(default=None, description="The City's AI Review of the system.")
    checks: tuple[str, ...] | Literal["all"] = Field(
        default="all", description="Checks that are enabled, by name."
    )

    @field_validator("checks")
    @classmethod
    def _some_check(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        if not value:
            raise ValueError("no check is enabled; leave the field out for all")
        return value

    @model_validator(mode="after")
    def _harm_has_groups(self) -> Self:
        if self.harm is not None and self.groups is None:
            raise ValueError("harm needs groups: name the columns to compare")
        return self

    @property
    def maturity(self) -> timedelta:
        """How long after its output a truth is judged; zero without outcomes."""
        return timedelta(days=self.feeds.outcomes.maturity_days if self.feeds.outcomes else 0)


class Role(Entry):
    """Who fills a role: Airflow user names that may answer, and where mail goes."""

    users: tuple[str, ...] = Field(min_length=1, description="Airflow user names that may answer.")
    email: tuple[str, ...] = Field(default=(), description="Where mail to the role goes.")


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
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class SunsetRule(Entry):
    """A sentence the CIO understands, and the condition on carried evidence that it stands for."""

    id: str = Field(
        pattern=r"^[a-z][a-z_]+$", examples=["harm_to_a_group"], description="Names the trigger family."
    )
    sentence: str = Field(description="The rule, as the CIO reads it.")
    check: str = Field(description="The check whose evidence counts.")
    metric: Literal["harm", "intended_outcome"] = Field(description="Which of the system's metrics.")
    rest_weeks: int = Field(
        default=26,
        ge=0,
        le=520,
        description="Weeks after a case was ended before evidence opens the next one.",
    )
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class Policy(Entry):
    """The City's policy as configuration: `include/policy.yaml`."""

    city: str = Field(description="Name of the City.")
    timezone: Zone = Field(description="Civil days and weeks of the City, as an IANA name.")
    principles: tuple[Principle, ...] = Field(
        description="The eight guiding principles, in the policy's order."
    )
    roles: dict[Literal["cio", "cdpo", "ciso", "oer", "staff", "operator", "engineer"], Role] = Field(
        description="Who may answer what; cio and cdpo must be filled."
    )
    thresholds: dict[str, Approved] = Field(description="Numbers that checks judge by, by name.")
    terms: dict[str, Grace] = Field(description="How old facts may get, by name.")
    evidence: EvidenceBudget
    report_schedule: Literal["weekly", "manual"] = Field(
        default="weekly",
        description="When the health report goes out: Monday morning, or only when asked for.",
    )
    sunset: tuple[SunsetRule, ...] = Field(description="When a sunset recommendation opens.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.principles != tuple(Principle):
            raise ValueError(
                f"principles must be the policy's eight, in its order: {[p.value for p in Principle]}"
            )
        missing = {"cio", "cdpo"} - set(self.roles)
        if missing:
            raise ValueError(f"roles: {sorted(missing)} missing; nobody could decide")
        return self
