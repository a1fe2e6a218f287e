"""Feeds of what happens around a system: reviews, complaints, appeals, access, training, operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from sundial.register.columns import RESERVED
from sundial.register.entry import MAX_DAYS, AlsoPresent, Cadence, Column, Entry
from sundial.register.expectation import Expectation
from sundial.register.source import Source

EventName = Literal["reviews", "complaints", "appeals", "access", "training", "operations"]
"""A feed of events; the others are of outputs and their truth."""

FeedName = Literal[
    "outputs", "outcomes", "reviews", "complaints", "appeals", "access", "training", "operations"
]
"""A feed of a system, in the order in which feeds are pulled and gated."""

Counter = Literal[
    "minutes",
    "minutes_down",
    "people",
    "opt_outs",
    "sessions",
    "abandoned",
    "recontacts",
    "human_requests",
    "human_requests_honoured",
    "canaries",
    "canaries_wrong",
    "licences",
    "active_users",
    "feedback",
    "feedback_negative",
    "hours_saved",
]
"""What a row of operations counts, of one day."""

LARGEST_COUNT = 2**20
"""The largest number that a row of operations may have: with it sums of whole numbers are exact."""


class EventsFeed(Entry):
    """Rows of events, each with a day of its own.

    Attributes:
        of_outputs: whether a row is about one output and bears its key; its day is then the output's.
        snapshot: whether the same key comes again on another day, as what was true on that one.
    """

    of_outputs: ClassVar[bool] = False
    snapshot: ClassVar[bool] = False

    source: Source
    date: Column = Field(description="Day (or time) of the event.")
    cadence: Cadence = "daily"
    lookback_days: int = Field(
        default=31, ge=0, le=MAX_DAYS, description="Days before the watermark asked for again."
    )
    also_present: AlsoPresent = ()
    contract: tuple[Expectation, ...] = Field(default=(), description="What each row must satisfy.")

    @property
    def dated_by(self) -> str:
        """The column with the day."""
        return self.date

    @property
    def keyed_by(self) -> str | None:
        """The column with the key; None where the day is the key."""
        return None

    @property
    def flags(self) -> Mapping[str, str]:
        """Columns of 0 and 1 by the names that accepted rows have them under."""
        return {}

    @property
    def levels(self) -> Mapping[str, str]:
        """Columns of text by the names that accepted rows have them under."""
        return {}

    @property
    def numbers(self) -> Mapping[str, tuple[str, float]]:
        """Columns of numbers from 0 on, each with the largest, by the names that accepted rows have them."""
        return {}

    @property
    def matures_after(self) -> int | None:
        """Days that an output gets before it counts as one without an event; None where it is of none."""
        return None

    @property
    def awaited(self) -> str | None:
        """The column that is empty as long as the matter is open; such a row is not counted yet."""
        return None

    @property
    def kept(self) -> Mapping[str, str]:
        """Columns of accepted rows, by the feed's own names."""
        named = {**self.flags, **self.levels, **{name: column for name, (column, _) in self.numbers.items()}}
        return {column: name for name, column in named.items()}


class KeyedFeed(EventsFeed):
    """Events that have a key of their own, or the key of an output."""

    key: Column = Field(description="Identifies the row; stored only as a keyed hash.")

    @property
    def keyed_by(self) -> str | None:
        """The column with the key."""
        return self.key


class ReviewsFeed(KeyedFeed):
    """What people did with an output: one row an output that a person looked at."""

    of_outputs = True

    key: Column = Field(description="The output's key.")
    overridden: Column = Field(description="Column with 1 where the person decided otherwise, else 0.")
    team: Column | None = Field(
        default=None,
        description="Column with the team or queue. Never one that names the reviewer.",
    )
    hours: Column | None = Field(default=None, description="Column with the hours from output to review.")
    hours_max: float = Field(
        default=24.0 * 90,
        gt=0,
        le=LARGEST_COUNT,
        description="Hours beyond which a review is as late as can be.",
    )
    maturity_days: int = Field(
        ge=0, le=MAX_DAYS, description="Days after which an output without a review counts as not reviewed."
    )

    @field_validator("team")
    @classmethod
    def _no_person(cls, value: str | None) -> str | None:
        named = [word for word in _PEOPLE if value is not None and word in value.lower()]
        if named:
            raise ValueError(
                f"{value} reads as if it named people; give the team or queue: overrides are counted by "
                "team, never by person"
            )
        return value

    @property
    def matures_after(self) -> int:
        """Days that an output gets before it counts as not reviewed."""
        return self.maturity_days

    @property
    def flags(self) -> Mapping[str, str]:
        """Whether the output was overridden."""
        return {"overridden": self.overridden}

    @property
    def levels(self) -> Mapping[str, str]:
        """The team."""
        return {"team": self.team} if self.team is not None else {}

    @property
    def numbers(self) -> Mapping[str, tuple[str, float]]:
        """The hours that it took."""
        return {"hours": (self.hours, self.hours_max)} if self.hours is not None else {}


_PEOPLE = ("reviewer", "employee", "person", "staff_id", "user", "email", "name")


class ComplaintsFeed(KeyedFeed):
    """What residents or staff complained about: one row a complaint."""

    about: Column | None = Field(default=None, description="Column with what it is about, in few levels.")

    @property
    def levels(self) -> Mapping[str, str]:
        """What it is about."""
        return {"about": self.about} if self.about is not None else {}


class AppealsFeed(KeyedFeed):
    """Appeals against what the system decided: one row an appeal."""

    lookback_days: int = Field(
        default=400,
        ge=0,
        le=MAX_DAYS,
        description="Days before the watermark asked for again: an appeal takes its time.",
    )
    overturned: Column = Field(
        description="Column with 1 where the decision was overturned, 0 where it stood, empty while open."
    )

    @property
    def flags(self) -> Mapping[str, str]:
        """Whether the decision was overturned."""
        return {"overturned": self.overturned}

    @property
    def awaited(self) -> str | None:
        """An appeal is counted once it is decided."""
        return self.overturned


class AccessFeed(KeyedFeed):
    """Who gets in: one row a person, household or request that the system served."""

    columns: tuple[Column, ...] = Field(
        min_length=1, description="Columns that the register gives a population of."
    )

    @field_validator("columns")
    @classmethod
    def _free(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if taken := sorted(name for name in value if name.lower() in RESERVED):
            raise ValueError(f"{taken[0]} is the name of a column that Sundial makes; name it otherwise")
        return value

    @property
    def levels(self) -> Mapping[str, str]:
        """The columns of the population, under their own names."""
        return {column: column for column in self.columns}


class TrainingFeed(KeyedFeed):
    """The people who use the system: one row a person and day on which the list was drawn."""

    snapshot = True

    key: Column = Field(description="Identifies the person; stored only as a keyed hash.")
    trained: Column = Field(description="Column with 1 where the person's training is valid, else 0.")
    active: Column | None = Field(
        default=None, description="Column with 1 where the person used the system in the week, else 0."
    )
    cadence: Cadence = "weekly"

    @property
    def flags(self) -> Mapping[str, str]:
        """Whether the person is trained, and uses the system."""
        return {"trained": self.trained} | ({"active": self.active} if self.active is not None else {})


class OperationsFeed(EventsFeed):
    """What the operation counts: one row a day, sent when the day is over."""

    snapshot = True

    counters: dict[Counter, Column] = Field(
        min_length=1, description="Columns with what is counted, by Sundial's name of it."
    )

    @property
    def numbers(self) -> Mapping[str, tuple[str, float]]:
        """The counters."""
        return {name: (column, float(LARGEST_COUNT)) for name, column in self.counters.items()}
