"""The words in which sentences speak of people, of what a system does, and of what turns out true."""

from __future__ import annotations

from pydantic import Field

from sundial.register.entry import Entry


class Words(Entry):
    """Words for sentences such as "Of 1,000 people who did not re-offend, the score flagged 361"."""

    people: str = Field(
        default="cases",
        min_length=2,
        max_length=60,
        examples=["people"],
        description="Whom or what an output is about, in the plural.",
    )
    flagged: str = Field(
        default="the system flagged",
        min_length=3,
        max_length=60,
        examples=["the score flagged"],
        description="What a positive output does to some of them, with its subject.",
    )
    positive: str = Field(
        default="that turned out positive",
        min_length=3,
        max_length=60,
        examples=["who re-offended"],
        description="Of whom the outcome is positive, to follow `people`.",
    )
    negative: str = Field(
        default="that turned out negative",
        min_length=3,
        max_length=60,
        examples=["who did not re-offend"],
        description="Of whom it is negative.",
    )
