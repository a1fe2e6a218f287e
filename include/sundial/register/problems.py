"""What is wrong with a file of the register: each problem with its line, its field and a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

MAX_NAME = 60


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to put right.

    Attributes:
        line: Line of the file, from 1; 0 where the problem has none, such as a file that cannot be opened.
        field: Path of the field, as in `feeds.outputs.contract[0].type`; empty for the file as a whole.
        message: What is wrong, without any value of the file.
        remedy: What to do about it.
    """

    line: int
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        what = f"{self.field}: {self.message}" if self.field else self.message
        return f"{what}; {self.remedy}"


class RegisterError(Exception):
    """A file of the register cannot be used; it carries all that is wrong with it, in the file's order."""

    def __init__(self, path: Path, problems: tuple[Problem, ...]) -> None:
        super().__init__(path, problems)
        self.path = path
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(
            f"{self.path}:{problem.line}: {problem}" if problem.line else f"{self.path}: {problem}"
            for problem in self.problems
        )


FieldPath = tuple[str | int, ...]


def dotted(path: FieldPath) -> str:
    """Write a path as people do: `("contract", 0, "type")` is `contract[0].type`."""
    text = ""
    for part in path:
        name = f"[{part}]" if isinstance(part, int) else _shown(part)
        text += name if isinstance(part, int) or not text else f".{name}"
    return text


def _shown(name: str) -> str:
    """A file may name a field as it likes; a message stays one short line that cannot steer a terminal."""
    short = name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"
    return short if short.isprintable() else ascii(short)
