"""The feeds of a system: what its outputs and their truth look like, and what each row must satisfy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from sundial.register.entry import MAX_DAYS, AlsoPresent, Cadence, Column, Day, Entry
from sundial.register.events import (
    AccessFeed,
    AppealsFeed,
    ComplaintsFeed,
    EventName,
    EventsFeed,
    FeedName,
    OperationsFeed,
    ReviewsFeed,
    TrainingFeed,
)
from sundial.register.expectation import Expectation
from sundial.register.measures import Task
from sundial.register.source import Source


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


class Number(Entry):
    """A column of numbers, with the range over which it is counted; what lies outside is counted apart."""

    column: Column
    low: float = Field(description="Lower end of the usual range.")
    high: float = Field(description="Upper end of the usual range.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self


class Weight(Entry):
    """A sampling weight: how many rows a row stands for."""

    column: Column
    max: float = Field(gt=0, description="Largest weight there is; rows count in proportion to it.")


class Ranked(Entry):
    """Where an item stands in a list that the system ranked."""

    list: Column = Field(description="Column that names the list; an output is an item of one list.")
    rank: Column = Field(description="Column with the item's place in its list, 1 for the first.")
    top_k: int = Field(ge=1, le=100, description="How many places of a list people look at.")


class Latency(Entry):
    """How long an answer takes."""

    column: Column
    objective: float = Field(gt=0, description="Time within which an answer must come, in the column's unit.")


PiiKind = Literal["card", "email", "iban", "ip", "itin", "phone", "ssn"]
"""Patterns of personal data that are looked for in texts."""


class Text(Entry):
    """A text of the output, looked through for patterns of personal data; the text itself is never kept."""

    column: Column
    allowed: tuple[PiiKind, ...] = Field(
        default=(), description="Patterns that the texts may have; they are not looked for."
    )
    phones: tuple[str, ...] = Field(
        default=(), description="Published phone numbers, such as the City's own; they do not count."
    )
    email_domains: tuple[str, ...] = Field(
        default=(),
        description="Domains, with those below them, whose e-mail addresses do not count, such as city.gov.",
    )

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        for place, phone in enumerate(self.phones):
            if not re.fullmatch(r"1?[0-9]{10}|\+[0-9]{8,15}", re.sub(r"[ .()-]", "", phone)):
                raise ValueError(
                    f"phones[{place}]: is no whole phone number; write its ten digits, such as 408-535-3500, "
                    "or + and the country"
                )
        for place, domain in enumerate(self.email_domains):
            if not re.fullmatch(r"[^@\s.]+(?:\.[^@\s.]+)+", domain):
                raise ValueError(
                    f"email_domains[{place}]: is no domain; write what stands after the @, such as city.gov"
                )
        return self


class Truth(Entry):
    """What the outcome column's own words mean; any other word is refused."""

    confirmed: tuple[str, ...] = Field(min_length=1, description="Words for: it was as the output says.")
    unfounded: tuple[str, ...] = Field(min_length=1, description="Words for: it was not.")
    indeterminate: tuple[str, ...] = Field(
        default=(), description="Words for: it cannot be known; shown as both bounds."
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        words = [*self.confirmed, *self.unfounded, *self.indeterminate]
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"{', '.join(twice)} would mean two things; keep each word once")
        return self


class OutputsFeed(Entry):
    """What the system put out: one row an output."""

    of_outputs: ClassVar[bool] = False

    source: Source
    task: Task = Field(
        default="binary",
        description=(
            "What an output is: a yes or no, one of several classes, a number, a place in a list, a "
            "detection whose truth may stay unknown, or an answer in words."
        ),
    )
    key: Column = Field(description="Identifies the output; stored only as a keyed hash.")
    date: Column = Field(description="Day (or time) of the output.")
    score: Score | None = None
    prediction: Column | None = Field(
        default=None, description="Column with the decision, 0 or 1; of several classes, the class."
    )
    positive_class: str | None = Field(
        default=None, description="Of several classes, the one by which groups are compared."
    )
    ranked: Ranked | None = None
    numbers: tuple[Number, ...] = Field(default=(), description="Columns of numbers watched for drift.")
    cluster: Column | None = Field(
        default=None,
        description=(
            "Column naming the clusters of outputs, such as a meeting, a route or a person; n then counts "
            "the clusters of each week."
        ),
    )
    weight: Weight | None = None
    latency: Latency | None = None
    failed: Column | None = Field(
        default=None, description="Column with 1 where the system gave no answer, else 0."
    )
    text: Text | None = None
    explanation: Column | None = Field(
        default=None,
        description="Column with the text that explains the output; only whether there is one is kept.",
    )
    marked: Column | None = Field(
        default=None, description="Column with 1 where the output was marked as made by AI, else 0."
    )
    model_version: Column | None = Field(default=None, description="Column with the version of the model.")
    categories: tuple[Column, ...] = Field(default=(), description="Category columns watched for drift.")
    cadence: Cadence = "daily"
    retention_days: int | None = Field(
        default=None, ge=1, le=MAX_DAYS, description="Days for which the source may hold a row."
    )
    ends: Day | None = Field(default=None, description="Last day of outputs, where the system has stopped.")
    lookback_days: int = Field(
        default=7, ge=0, le=MAX_DAYS, description="Days before the watermark asked for again."
    )
    also_present: AlsoPresent = ()
    contract: tuple[Expectation, ...] = Field(default=(), description="What each row must satisfy.")

    @model_validator(mode="after")
    def _decides(self) -> Self:
        match self.task:
            case "binary" if self.prediction is None and (
                self.score is None or self.score.positive_at is None
            ):
                raise ValueError(
                    "give prediction: COLUMN, or score.positive_at, so that an output is positive or not"
                )
            case "multiclass" if self.prediction is None:
                raise ValueError("give prediction: COLUMN, the class that the system chose")
            case "regression" if self.score is None:
                raise ValueError("give score: the number that the system puts out, with its range")
            case "ranking" if self.ranked is None:
                raise ValueError("give ranked: the columns with the list and the rank, and top_k")
        if self.positive_class is not None and self.task != "multiclass":
            raise ValueError("positive_class is for task: multiclass; give prediction as 0 or 1, or the task")
        if self.ranked is not None and self.task != "ranking":
            raise ValueError("ranked is for task: ranking; leave it out, or give the task")
        return self

    @property
    def keyed_by(self) -> str:
        """The column with the key."""
        return self.key

    @property
    def dated_by(self) -> str:
        """The column with the day."""
        return self.date

    @property
    def awaited(self) -> None:
        """No column may be empty for a while."""
        return

    @property
    def matures_after(self) -> None:
        """An output counts on its own day."""
        return

    @property
    def own_columns(self) -> list[str]:
        """Columns that are kept as they come, or as a keyed hash or a day; categories come beside them."""
        score, ranked, weight, latency = self.score, self.ranked, self.weight, self.latency
        named = [
            self.key,
            self.date,
            score.column if score else None,
            self.prediction,
            self.model_version,
            *(number.column for number in self.numbers),
            *((ranked.list, ranked.rank) if ranked else ()),
            self.cluster,
            weight.column if weight else None,
            latency.column if latency else None,
            self.failed,
            self.marked,
        ]
        return [column for column in named if column is not None]

    @property
    def texts(self) -> dict[str, str]:
        """Columns that are read and never kept, by the fields that name them."""
        named = {"text.column": self.text.column if self.text else None, "explanation": self.explanation}
        return {field: column for field, column in named.items() if column is not None}


class OutcomesFeed(Entry):
    """The truth of an output, known later."""

    of_outputs: ClassVar[bool] = True

    source: Source
    key: Column = Field(description="The output's key.")
    outcome: Column = Field(
        description=(
            "Column with the truth: 0 or 1, or the words of `truth`; the class, or the number, by the task; "
            "of answers, whether the matter was resolved."
        )
    )
    truth: Truth | None = None
    known_for: Literal["all", "flagged", "sample"] = Field(
        default="all",
        description=(
            "Whose truth becomes known: everybody's, only that of positive outputs (recall then cannot be "
            "measured), or also a random sample of the others, by `weight`."
        ),
    )
    weight: Weight | None = None
    tolerance: float | None = Field(
        default=None, gt=0, description="Of numbers: an error up to this is as good as none."
    )
    rating: Number | None = Field(default=None, description="Of answers: people's rating.")
    escalated: Column | None = Field(
        default=None, description="Of answers: column with 1 where a person had to take over, else 0."
    )
    corrected: Column | None = Field(
        default=None, description="Of answers: column with 1 where staff corrected it, else 0."
    )
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
    also_present: AlsoPresent = ()
    contract: tuple[Expectation, ...] = Field(default=(), description="What each row must satisfy.")

    @model_validator(mode="after")
    def _sampled(self) -> Self:
        if self.known_for == "sample" and self.weight is None:
            raise ValueError("known_for: sample needs weight, with 1 / share of the sample for its rows")
        return self

    @property
    def keyed_by(self) -> str:
        """The column with the key."""
        return self.key

    @property
    def dated_by(self) -> str | None:
        """The column with the day on which it became known."""
        return self.known_on

    @property
    def awaited(self) -> str:
        """The column that is empty until the truth is known."""
        return self.outcome

    @property
    def matures_after(self) -> int:
        """Days that an output gets before its truth is judged."""
        return self.maturity_days

    @property
    def kept(self) -> dict[str, str]:
        """Columns of accepted outcomes, by the feed's own names."""
        named = {
            self.outcome: "outcome",
            self.weight.column if self.weight else None: "outcome_weight",
            self.rating.column if self.rating else None: "rating",
            self.escalated: "escalated",
            self.corrected: "corrected",
        }
        return {column: name for column, name in named.items() if column is not None}


Feed = OutputsFeed | OutcomesFeed | EventsFeed


class Feeds(Entry):
    """The named sources of a system; none at all is valid, and then nothing can be measured from data."""

    outputs: OutputsFeed | None = None
    outcomes: OutcomesFeed | None = None
    reviews: ReviewsFeed | None = None
    complaints: ComplaintsFeed | None = None
    appeals: AppealsFeed | None = None
    access: AccessFeed | None = None
    training: TrainingFeed | None = None
    operations: OperationsFeed | None = None

    @property
    def names(self) -> Sequence[FeedName]:
        """Names of the feeds that there are."""
        return [name for name in get_args(FeedName) if getattr(self, name) is not None]

    @property
    def events(self) -> Mapping[EventName, EventsFeed]:
        """The feeds of events that there are, by name."""
        named = ((name, getattr(self, name)) for name in get_args(EventName))
        return {name: feed for name, feed in named if feed is not None}

    @model_validator(mode="after")
    def _reviews_need_outputs(self) -> Self:
        if self.reviews is not None and self.outputs is None:
            raise ValueError("reviews need outputs: a review is of an output")
        return self

    @model_validator(mode="after")
    def _outcomes_need_outputs(self) -> Self:
        if self.outcomes is not None and self.outputs is None:
            raise ValueError("outcomes need outputs: an outcome is the truth of an output")
        if self.outputs is None or self.outcomes is None:
            return self
        task, truth = self.outputs.task, self.outcomes.truth
        if task in ("multiclass", "regression") and truth is not None:
            raise ValueError(f"outcomes.truth is of yes and no; with task: {task} leave it out")
        if truth is not None and truth.indeterminate and task != "detection":
            raise ValueError("outcomes.truth.indeterminate needs outputs.task: detection")
        if self.outcomes.tolerance is not None and task != "regression":
            raise ValueError("outcomes.tolerance needs outputs.task: regression")
        of_answers = (self.outcomes.rating, self.outcomes.escalated, self.outcomes.corrected)
        if any(of_answers) and task != "text":
            raise ValueError("outcomes.rating, escalated and corrected need outputs.task: text")
        return self
