"""What the gate raises."""

from __future__ import annotations

from typing import Literal


class ContractError(ValueError):
    """The contract itself cannot be run; the message names feed, expectation and remedy."""


class RuleError(ValueError):
    """Great Expectations does not take one rule of a contract.

    Attributes:
        field: the field of the register's expectation that is wrong.
        message: what is wrong with it.
        remedy: what to do about it.
    """

    def __init__(self, field: Literal["type", "with"], message: str, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.field = field
        self.message = message
        self.remedy = remedy
