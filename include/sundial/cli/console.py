"""How commands speak: results on stdout, messages on stderr, exit codes that scripts can use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sundial.register.problems import RegisterError
from sundial.store.database import StoreError

PROBLEM = 1
"""Exit code: something is wrong, or could not be measured. Wrong usage is 2, all well is 0."""

BEGIN, LOOK, RECORD, KEEP = "Begin", "Look", "Record beside the YAML", "Keep and publish"
"""The parts of `sundial --help`."""

_PIPE_WIDTH = 160
_WHOLE = frozenset({"id", "batch", "status", "system"})
# Columns that people copy from.
_COLOURS = {"breach": "red", "problem": "red", "error": "magenta", "watch": "yellow", "warning": "yellow"}


def console() -> Console:
    """Returns where tables go: as wide as the terminal, plain and wide where there is none."""
    out = Console(highlight=False, markup=False)
    return out if out.is_terminal else Console(highlight=False, markup=False, width=_PIPE_WIDTH)


def table(*columns: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Returns an empty table; the columns named in `right` are numbers."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column in _WHOLE,
        )
    return made


def coloured(status: str, text: str | None = None) -> Text:
    """Returns a status in its colour, which shows on a terminal only; the word says it alone."""
    return Text(text if text is not None else status, style=_COLOURS.get(status, ""))


def emit(document: Any) -> None:
    """Writes the one JSON document of a command."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False))


def say(text: str) -> None:
    """Writes a message, which is no result."""
    typer.echo(text, err=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Gives what takes the step that begins now: one changing line on a terminal, a line each elsewhere."""
    out = Console(stderr=True, highlight=False, markup=False)
    if not out.is_terminal:
        yield say
        return
    with out.status("") as status:
        yield lambda step: status.update(Text(step))


@contextmanager
def problems_told() -> Iterator[None]:
    """Turns what is wrong with register, policy or store into its message and exit code 1."""
    try:
        yield
    except (RegisterError, StoreError) as error:
        say(str(error))
        raise typer.Exit(PROBLEM) from error


def no_such(what: str, name: str, remedy: str) -> typer.BadParameter:
    """Returns the error of an argument that names nothing: exit code 2."""
    return typer.BadParameter(f"there is no {what} {name!r}; {remedy}")


def entry_path(register: Path, system: str) -> Path:
    """Returns the file of a system's register entry. Raises BadParameter where there is none."""
    from sundial.register.wording import did_you_mean

    known = sorted(path.stem for path in register.glob("*.yaml")) if register.is_dir() else []
    if system not in known:
        remedy = did_you_mean(system, known) if known else f"the register {register} has no entries"
        raise no_such("system", system, remedy)
    return register / f"{system}.yaml"
