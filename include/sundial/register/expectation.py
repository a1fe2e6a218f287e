"""One rule of a feed's data contract."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sundial.register.emotions import not_of_emotions
from sundial.register.entry import Entry


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
        not_of_emotions(self.args["column"])
        return self
