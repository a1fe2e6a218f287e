"""The register entry of one system: what `include/systems/*.yaml` may say, as frozen models."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from sundial.register.about import Contact, Publication, Scope
from sundial.register.attestation import Attestation, AttestationKind
from sundial.register.columns import RESERVED
from sundial.register.entry import CADENCE_DAYS, ApprovedBy, ApprovedOn, Column, Day, Entry, WebAddress, Zone
from sundial.register.fact_sheet import FactSheet
from sundial.register.feeds import Feeds, OutcomesFeed, OutputsFeed
from sundial.register.impact import Algorithm, DataUse, Impact, LawfulBasis
from sundial.register.lifecycle import Lifecycle, Lifetime
from sundial.register.measures import MEASURES, MetricName
from sundial.register.oversight import AiReview, Decision, MonitoringPlan, Safeguards
from sundial.register.paths import is_field
from sundial.register.policy import Choice, Grace, Policy
from sundial.register.prohibited_uses import ProhibitedUses
from sundial.register.sunset_rules import OwnRules, SunsetRule, Tier
from sundial.register.thresholds import possible
from sundial.register.words import Words

__all__ = [
    "CADENCE_DAYS",
    "Feeds",
    "Grace",
    "OutcomesFeed",
    "OutputsFeed",
    "Policy",
    "SunsetRule",
    "System",
]


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
    sourcing: Literal["purchased", "in_house", "both"] | None = Field(
        default=None, description="Whether it was bought, made by the City, or both."
    )
    role: str | None = Field(default=None, description="What the vendor does in making and running it.")
    identifier: str | None = Field(default=None, description="Number in a register of companies.")
    data_access: str | None = Field(default=None, description="On what terms the vendor sees City data.")


class Outcome(Entry):
    """The positive outcome that the system is there for."""

    statement: str = Field(min_length=10, description="One sentence a resident understands.")
    metric: MetricName = Field(
        description="The measure of it; confirmed below target it opens a sunset recommendation."
    )
    target: float = Field(description="Value of the metric that was approved.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn
    reviewed: date = Field(description="Day on which the outcome was last reviewed.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _require_possible(self.metric, self.target)
        return self


def _require_possible(metric: str, target: float) -> None:
    """Raises ValueError for a target that no value of the metric could miss, or none could meet."""
    if metric in MEASURES and MEASURES[metric].unit == "number":
        return
    if target <= 0:
        raise ValueError(f"target: must be above 0, since {metric} is a share; give a larger number")
    if target >= 1:
        raise ValueError(f"target: must be below 1, since {metric} is a share; give a smaller number")


class ServiceLevel(Entry):
    """What the contract with the vendor promises: measured apart from the intended outcome."""

    metric: MetricName | Literal["late_share", "failed_share"] = Field(
        description="The measure promised; late and failed shares need outputs.latency and outputs.failed."
    )
    target: float = Field(description="Value that the contract promises.")
    clause: str = Field(min_length=3, description="Where the contract says so.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _require_possible(self.metric, self.target)
        return self


class Process(Entry):
    """How the work was done, or would be, without AI: measured once, on so many cases."""

    name: str = Field(min_length=3, description="What people would do instead.")
    metric: MetricName = Field(description="The measure that was taken; a share.")
    successes: int = Field(ge=0, description="Cases that count towards the metric.")
    n: int = Field(ge=30, description="Cases in its denominator; at least 30.")
    start: date = Field(description="First day on which it was measured.")
    end: date = Field(description="Last day, included.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if MEASURES[self.metric].unit != "share":
            raise ValueError(f"metric: {self.metric} is no share; choose one that is")
        if self.successes > self.n:
            raise ValueError(f"successes ({self.successes}) are more than n ({self.n})")
        if self.start > self.end:
            raise ValueError(f"start ({self.start}) is after end ({self.end})")
        return self


class Costs(Entry):
    """What a wrong output costs."""

    unit: str = Field(min_length=2, examples=["staff hours"], description="Unit of the numbers below.")
    false_positive: float = Field(ge=0, description="Cost of an output that was wrongly positive.")
    false_negative: float = Field(ge=0, description="Cost of an output that was wrongly negative.")
    approved_by: ApprovedBy
    approved_on: ApprovedOn


class Remediation(Entry):
    """A repair that was made: from then on a confirmed breach may recover."""

    on: Day = Field(description="Day on which the repair took effect.")
    what: str = Field(min_length=10, description="What was done.")
    checks: tuple[str, ...] | Literal["all"] = Field(
        default="all", description="Checks that it concerns, by name."
    )
    recorded_by: str = Field(min_length=1, description="Who recorded it: name and role.")


class Risk(Entry):
    """How much depends on the system."""

    tier: Tier = Field(
        description="What is at stake: people's rights, their safety, a service to them, or internal work."
    )
    decides: str = Field(
        min_length=5, description="What the output decides, and what a person still decides."
    )
    high_impact: bool | None = Field(
        default=None,
        description=(
            "Whether the use is high-impact in the federal sense; left out, the tiers rights and safety are."
        ),
    )
    basis: str | None = Field(default=None, min_length=10, description="Why it is, or is not.")

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.high_impact is False and self.tier in ("rights", "safety") and self.basis is None:
            raise ValueError(
                f"basis: is needed where a system of tier {self.tier} is called not high-impact; say why"
            )
        return self


class TimeSaved(Entry):
    """Staff time that the system is said to save."""

    hours_a_week: float = Field(gt=0, description="Hours that all its users together save in a week.")
    claimed_by: str = Field(min_length=3, description="Who says so: the vendor, or a role of the City.")
    source: str | None = Field(default=None, description="Where it is said.")


class Population(Entry):
    """Who could be served: the levels of one column, counted where people live or work."""

    column: Column
    counts: dict[str, int] = Field(min_length=2, description="People, households or requests by level.")
    source: str = Field(min_length=3, description="Where the counts come from, such as a census table.")
    as_of: Day = Field(description="Day or year's end that they are of.")

    @field_validator("counts")
    @classmethod
    def _some(cls, value: dict[str, int]) -> dict[str, int]:
        if any(n <= 0 for n in value.values()):
            raise ValueError("counts are above 0; leave a level without anybody out")
        return value


class Groups(Entry):
    """Whom to compare."""

    columns: tuple[Column, ...] = Field(min_length=1, description="Columns of the outputs that name a group.")
    intersections: tuple[tuple[Column, ...], ...] = Field(
        default=(), description="Columns that are also compared in combination, such as [[sex, race]]."
    )
    level: Literal["person", "area"] = Field(
        default="person",
        description="Whether a column says it of the person, or of the area where the output belongs.",
    )
    reference: Literal["rest", "largest"] | dict[str, str] = Field(
        default="rest",
        description=(
            "Whom a group is compared with: all others, the largest group of the baseline, or the one "
            "with these levels by column."
        ),
    )
    employment: bool = Field(
        default=False,
        description="Whether it decides on hiring or promotion: the four-fifths screen then shows.",
    )

    @model_validator(mode="after")
    def _of_columns(self) -> Self:
        strangers = {c for combination in self.intersections for c in combination} - set(self.columns)
        if strangers:
            raise ValueError(
                f"intersections name {sorted(strangers)}, not among columns {list(self.columns)}"
            )
        if isinstance(self.reference, dict) and (others := set(self.reference) ^ set(self.columns)):
            raise ValueError(
                f"reference: name one level for each of the columns, and for no other: {sorted(others)}"
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


def _of_an_entry(path: str) -> str:
    if not is_field(System, path):
        raise ValueError(
            "is no field of an entry: nothing would be withheld; name one by its path, as contact.phone"
        )
    return path


SYSTEM_ID = r"^[a-z][a-z0-9-]{2,59}$"
"""What an id of a system looks like; files and folders are named by it."""


class System(Entry):
    """One AI system in the City's register."""

    id: str = Field(
        pattern=SYSTEM_ID,
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
    prohibited_uses: ProhibitedUses
    status: Lifecycle = Field(
        default=Lifecycle.DEPLOYED, description="Status when registered; what happens later is in the ledger."
    )
    lifetime: Lifetime | None = None
    contact: Contact | None = None
    responsible_officer: str | None = Field(
        default=None, min_length=3, description="Senior officer who is responsible: name and role."
    )
    notice_page: WebAddress | None = Field(
        default=None, description="Page on which the City tells the public of the system."
    )
    scope: Scope | None = None
    decision: Decision | None = None
    lawful_basis: LawfulBasis | None = None
    data: DataUse | None = None
    impact: Impact | None = None
    algorithm: Algorithm | None = None
    monitoring_plan: MonitoringPlan | None = None
    safeguards: Safeguards | None = None
    publication: Publication = Publication()
    withheld: dict[Annotated[str, AfterValidator(_of_an_entry)], Annotated[str, Field(min_length=5)]] = Field(
        default={},
        description="Fields that are not published, by their path, each with its statutory reason.",
    )
    timezone: Zone | None = Field(
        default=None, description="Civil days of the system; the City's by default."
    )
    operated: bool = Field(
        default=True, description="Whether the City operates it; historical data has nobody to attest to it."
    )
    example: bool = Field(
        default=False,
        description="Whether it is an invented system, to try Sundial on; it is never published.",
    )
    schedule: Literal["daily", "weekly", "manual"] = Field(
        default="daily", description="How often its DAG runs by itself."
    )
    window_weeks: Literal[1, 4, 13, 26, 52] = Field(default=13, description="Weeks that an estimate covers.")
    feeds: Feeds = Feeds()
    groups: Groups | None = None
    harm: Harm | None = None
    words: Words = Words()
    slices: tuple[tuple[Column, ...], ...] = Field(
        default=(),
        description="Columns, alone or combined, whose levels are judged apart, such as [[channel]].",
    )
    baseline: Baseline | None = None
    process: Process | None = Field(default=None, description="The process without AI.")
    service_levels: tuple[ServiceLevel, ...] = Field(default=(), description="What the contract promises.")
    costs: Costs | None = None
    remediations: tuple[Remediation, ...] = Field(default=(), description="Repairs that were made.")
    fact_sheet: FactSheet | None = None
    ai_review: AiReview | None = None
    attestations: dict[AttestationKind, Attestation] = Field(
        default={}, description="Further dated documents, by kind."
    )
    population: tuple[Population, ...] = Field(
        default=(), description="Who could be served, by column of the feed access, else of the outputs."
    )
    time_saved: TimeSaved | None = None
    thresholds: dict[str, Choice] = Field(
        default={}, description="Thresholds of this system in the place of its tier's or the City's, by name."
    )
    sunset: OwnRules = Field(
        default=OwnRules(), description="Sunset rules of this system, beside those of its tier and the City."
    )
    checks: tuple[str, ...] | Literal["all"] = Field(
        default="all", description="Checks that are enabled, by name."
    )

    @model_validator(mode="before")
    @classmethod
    def _each_prohibited_use_is_asked_for(cls, data: Any) -> Any:
        """Say every question where the whole part is missing, not only that it is."""
        return {"prohibited_uses": {}, **data} if isinstance(data, dict) else data

    @field_validator("checks")
    @classmethod
    def _some_check(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        if not value:
            raise ValueError("no check is enabled; leave the field out for all")
        return value

    @model_validator(mode="after")
    def _population_has_its_column(self) -> Self:
        access, outputs = self.feeds.access, self.feeds.outputs
        there = access.columns if access else self.categories if outputs else ()
        for place, population in enumerate(self.population):
            if population.column not in there:
                where = "feeds.access.columns" if access else "feeds.outputs.categories"
                raise ValueError(
                    f"population[{place}].column: {population.column} is none of {where}; list it"
                )
        return self

    @model_validator(mode="after")
    def _harm_has_groups(self) -> Self:
        if self.harm is not None and self.groups is None:
            raise ValueError("harm needs groups: name the columns to compare")
        return self

    @model_validator(mode="after")
    def _no_column_is_taken_for_another(self) -> Self:
        outputs = self.feeds.outputs
        if outputs is None:
            return self
        columns = {
            "feeds.outputs.categories": outputs.categories,
            "feeds.outputs.numbers": [number.column for number in outputs.numbers],
            "groups.columns": self.groups.columns if self.groups else (),
            "slices": [column for combination in self.slices for column in combination],
        }
        numbers = set(columns["feeds.outputs.numbers"])
        taken: dict[str, str] = {}
        for where, names in columns.items():
            for name in names:
                if name in numbers and where != "feeds.outputs.numbers":
                    raise ValueError(
                        f"{where}: {name} is one of feeds.outputs.numbers already; have the source give its "
                        f"levels a column of their own, such as {name}_band"
                    )
                # A slice of versions is of the same column under its own name.
                if name == outputs.model_version == "model_version" and where != "feeds.outputs.numbers":
                    continue
                if name.lower() in RESERVED:
                    raise ValueError(
                        f"{where}: {name} is the name of a column that Sundial makes; have the source give "
                        f"it another, such as source_{name}"
                    )
                if (other := taken.setdefault(name.lower(), name)) != name:
                    raise ValueError(
                        f"{where}: {name} and {other} differ in large and small letters only; have the "
                        "source give one of them another name"
                    )
        return self

    @model_validator(mode="after")
    def _texts_are_kept_by_no_other_field(self) -> Self:
        outputs = self.feeds.outputs
        if outputs is None:
            return self
        kept = [*outputs.own_columns, *self.categories, *(str(r.args["column"]) for r in outputs.contract)]
        for field, column in outputs.texts.items():
            if [*kept, *outputs.texts.values()].count(column) > 1:
                raise ValueError(
                    f"feeds.outputs.{field}: {column} is named elsewhere in the entry, too, and a text is "
                    "never kept; have the source give the other use a column of its own"
                )
        return self

    @field_validator("thresholds")
    @classmethod
    def _thresholds_can_be_held(cls, thresholds: dict[str, Choice]) -> dict[str, Choice]:
        possible(thresholds)
        return thresholds

    @model_validator(mode="after")
    def _measures_fit(self) -> Self:
        outputs = self.feeds.outputs
        if outputs is None:
            return self
        asked: dict[str, str] = {"intended_outcome": self.intended_outcome.metric}
        asked |= {f"service_levels[{place}]": level.metric for place, level in enumerate(self.service_levels)}
        asked |= {"process": self.process.metric} if self.process else {}
        targets = {"intended_outcome": self.intended_outcome.target}
        targets |= {f"service_levels[{n}]": level.target for n, level in enumerate(self.service_levels)}
        for where, metric in asked.items():
            target, ends = targets.get(where), self._ends_of(metric)
            if target is not None and ends is not None and not ends[0] < target < ends[1]:
                raise ValueError(
                    f"{where}.target: {target:g} can never be missed, or never be met: {metric} lies between "
                    f"{ends[0]:g} and {ends[1]:g}; give a number between them"
                )
            if metric == "late_share" and outputs.latency is None:
                raise ValueError(f"{where}.metric: late_share needs feeds.outputs.latency")
            if metric == "failed_share" and outputs.failed is None:
                raise ValueError(f"{where}.metric: failed_share needs feeds.outputs.failed")
            if metric in MEASURES and outputs.task not in MEASURES[metric].tasks:
                fitting = [name for name, measure in MEASURES.items() if outputs.task in measure.tasks]
                raise ValueError(
                    f"{where}.metric: {metric} is no measure of task {outputs.task}; choose one of {fitting}"
                )
        if outputs.task == "multiclass" and self.groups is not None and outputs.positive_class is None:
            raise ValueError("feeds.outputs.positive_class: name the class by which groups are compared")
        return self

    def _ends_of(self, metric: str) -> tuple[float, float] | None:
        """Returns between which numbers a mean lies, as the feeds give its range; None of shares."""
        outputs, outcomes = self.feeds.outputs, self.feeds.outcomes
        if metric == "mean_absolute_error" and outputs is not None and outputs.score is not None:
            return 0.0, outputs.score.high - outputs.score.low
        if metric == "mean_rating" and outcomes is not None and outcomes.rating is not None:
            return outcomes.rating.low, outcomes.rating.high
        return None

    @property
    def categories(self) -> tuple[str, ...]:
        """Columns of levels: those of the outputs, the groups and the slices, each once."""
        outputs, groups = self.feeds.outputs, self.groups
        columns = [*(outputs.categories if outputs else ()), *(groups.columns if groups else ())]
        columns += [column for combination in self.slices for column in combination]
        return tuple(dict.fromkeys(columns))

    @property
    def maturity(self) -> timedelta:
        """How long after its output a truth is judged; zero without outcomes."""
        return timedelta(days=self.feeds.outcomes.maturity_days if self.feeds.outcomes else 0)

    @property
    def weeks_of_maturity(self) -> timedelta:
        """The maturity in whole weeks: what is known of a week's outputs has come by then."""
        return timedelta(weeks=math.ceil(self.maturity / timedelta(weeks=1)))
