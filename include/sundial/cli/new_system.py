"""A register entry to begin with: written with comments from answers and from a look at the data."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from sundial.cli.proposals import (
    Outcomes,
    Proposal,
    Role,
    baseline_of,
    cadence_of,
    maturity_of,
    propose,
    propose_outcomes,
)
from sundial.register.emotions import first_named_for_emotions
from sundial.register.models import SYSTEM_ID
from sundial.register.prohibited_uses import ProhibitedUses
from sundial.register.source import FilesSource
from sundial.register.wording import did_you_mean
from sundial.sources.connection import Resolve
from sundial.sources.days import civil_days
from sundial.sources.sample import column, sample

ROWS = 200_000
"""Rows that are looked at for the proposals."""

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl"}
_QUIET = timedelta(weeks=2)
_PACKED = (".gz", ".bz2", ".xz", ".zip")


class NewSystemError(ValueError):
    """The entry cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Told:
    """What a person said of the system."""

    id: str
    name: str
    description: str
    department: str
    owner: str
    email: str
    tier: str
    decides: str
    outcome: str
    metric: str
    target: float
    answered_by: str
    schedule: str
    today: date


@dataclass(frozen=True)
class FoundOutcomes:
    """What a look at the outcomes brought."""

    source: FilesSource
    columns: Outcomes
    maturity_days: int


@dataclass(frozen=True)
class Found:
    """What a look at the data brought."""

    source: FilesSource
    columns: Proposal
    first: date
    last: date
    cadence: str
    outcomes: FoundOutcomes | None = None


def source_of(data: str, connection: str | None) -> FilesSource:
    """Returns the source of files at a path or address. Raises NewSystemError for no known format."""
    name = data.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    form = next((form for suffix, form in _FORMATS.items() if name.endswith(suffix)), None)
    if form is None:
        raise NewSystemError(f"{data} ends with none of {', '.join(_FORMATS)}; give files of such a format")
    here = "://" not in data and connection is None
    url = str(Path(data).expanduser().resolve()) if here else data
    return FilesSource.model_validate({"kind": "files", "url": url, "format": form, "connection": connection})


def look(source: FilesSource, resolve: Resolve, where: str) -> pa.Table:
    """Returns some rows of a source.

    Raises:
        SourceError: it cannot be read.
        NewSystemError: a column says that the system analyses emotions.
    """
    table = sample(source, ROWS, resolve=resolve, where=where)
    if (named := first_named_for_emotions(table.column_names)) is not None:
        raise NewSystemError(f"the data has a column {named}; {_refused('emotion_analysis')}")
    return table


def proposed(table: pa.Table, named: Mapping[Role, str]) -> Proposal:
    """Returns what the columns seem to be. Raises NewSystemError where a named column cannot be its part."""
    try:
        return propose(table, named)
    except ValueError as error:
        raise NewSystemError(str(error)) from error


def refuse_strangers(table: pa.Table, columns: Sequence[str]) -> None:
    """Raises NewSystemError where a column is named that the data does not have."""
    for name in columns:
        if name not in table.column_names:
            raise NewSystemError(f"the data has no column {name}; {did_you_mean(name, table.column_names)}")


def found_in(source: FilesSource, columns: Proposal, resolve: Resolve, zone: ZoneInfo, where: str) -> Found:
    """Returns what is to be registered of the data, with the days that it has.

    Raises:
        SourceError: it cannot be read, or the date column has no dates.
        NewSystemError: no column is the key, the date, or the decision, or there is no day.
    """
    needed = (
        ("key", "--key", columns.key),
        ("date", "--date", columns.date),
        ("decision", "--prediction or --score", columns.prediction or columns.score),
    )
    for field, option, value in needed:
        if value is None:
            raise NewSystemError(f"no column looks like the {field}; name it by {option}")
    values = column(source, str(columns.date), resolve=resolve, where=where)
    days = sorted(pc.unique(civil_days(values, zone, where, str(columns.date)).drop_null()).to_pylist())
    if not days:
        raise NewSystemError(f"the column {columns.date} has no day; name another by --date")
    return Found(source, columns, days[0], days[-1], cadence_of(days))


def outcomes_in(
    source: FilesSource, outputs: pa.Table, columns: Proposal, resolve: Resolve, zone: ZoneInfo, where: str
) -> FoundOutcomes:
    """Returns what is to be registered of the outcomes.

    Args:
        source: of the outcomes.
        outputs: rows to which some of the outcomes belong, for how long the truth takes.
        columns: what the columns of the outputs are.
        resolve: gives connections.
        zone: of the days.
        where: the system, for messages.

    Raises:
        SourceError: it cannot be read.
        NewSystemError: it has no column with the outputs' key, or none with 0 and 1.
    """
    table = look(source, resolve, where)
    try:
        found = propose_outcomes(table, str(columns.key))
    except ValueError as error:
        raise NewSystemError(str(error)) from error
    if found.known_on is None:
        return FoundOutcomes(source, found, maturity_of(()))
    made, known = (
        dict(
            zip(
                rows[found.key].cast(pa.string()).to_pylist(),
                civil_days(rows[dated], zone, where, dated).to_pylist(),
                strict=True,
            )
        )
        for rows, dated in ((outputs, str(columns.date)), (table, found.known_on))
    )
    lags = [(day - made[key]).days for key, day in known.items() if day is not None and made.get(key)]
    return FoundOutcomes(source, found, maturity_of(lags))


def schedule_of(found: Found, today: date) -> str:
    """Returns when to run it: by hand where nothing came for two weeks, which would be told as silence."""
    if today - found.last > _QUIET:
        return "manual"
    return "daily" if found.cadence == "daily" else "weekly"


def path_of(folder: Path, made_id: str) -> Path:
    """Returns where the entry goes. Raises NewSystemError: the id is none, or taken."""
    if not re.fullmatch(SYSTEM_ID, made_id) or made_id.endswith("\n"):
        raise NewSystemError(
            f"{made_id!r} is no id; give 3 to 60 small letters, digits and hyphens, a letter first"
        )
    path = folder / f"{made_id}.yaml"
    if path.exists():
        raise NewSystemError(f"{path} is there already; choose another id")
    return path


def refuse_prohibited(uses: Collection[str]) -> None:
    """Raises NewSystemError for a use that the policy prohibits, in the policy's words."""
    for use in uses:
        if use not in questions():
            raise NewSystemError(f"{use} is none of the policy's prohibited uses: {', '.join(questions())}")
        raise NewSystemError(_refused(use))


def _refused(use: str) -> str:
    said = f"the policy prohibits this use: {questions()[use]}"
    return f"{said}; the system must not be used so: tell the CDPO. Nothing was written"


def entry_text(told: Told, found: Found) -> str:
    """Returns the register entry, with comments on what was proposed and on what is left to say."""
    return "\n".join([*_about(told), *_feeds(found), *_compared(told, found)]) + "\n"


def _about(told: Told) -> Iterator[str]:
    yield "# yaml-language-server: $schema=system.schema.json"
    yield "# Begun by `sundial new system`: what it proposed from the data is marked; correct what is not so."
    yield f"id: {told.id}"
    for field in ("name", "description", "department"):
        yield f"{field}: {_yaml(getattr(told, field))}"
    yield f"owner: {{name: {_yaml(told.owner)}, email: {_yaml(told.email)}}}"
    yield f"schedule: {_yaml(told.schedule)} # daily, weekly, or manual: when somebody starts it"
    yield ""
    yield "intended_outcome: # confirmed below target it opens a sunset recommendation"
    yield f"  statement: {_yaml(told.outcome)}"
    yield f"  metric: {_yaml(told.metric)}"
    yield f"  target: {told.target:g}"
    yield f"  approved_by: {_yaml(told.owner)}"
    yield f"  approved_on: {told.today}"
    yield f"  reviewed: {told.today}"
    yield ""
    yield "risk:"
    yield f"  tier: {_yaml(told.tier)} # rights, safety, service or internal"
    yield f"  decides: {_yaml(told.decides)}"
    yield ""
    yield "prohibited_uses: # as they were answered; a yes refuses the entry"
    for use in questions():
        yield f"  {use}: no"
    yield f"  answered_by: {_yaml(told.answered_by)}"
    yield f"  answered_on: {told.today}"
    yield ""


def _feeds(found: Found) -> Iterator[str]:
    source, columns = found.source, found.columns
    written = source.model_dump(exclude_none=True)
    yield "feeds:"
    yield "  outputs: # columns as proposed from the data"
    yield f"    source: {_yaml(written)}"
    yield f"    key: {_yaml(columns.key)} # stored only as a keyed hash"
    yield f"    date: {_yaml(columns.date)}"
    if columns.score is not None:
        score: dict[str, Any] = {
            "column": columns.score.column,
            "low": _plain(columns.score.low),
            "high": _plain(columns.score.high),
        }
        if columns.prediction is None and columns.positive_at is not None:
            score["positive_at"] = _plain(columns.positive_at)
        yield f"    score: {_yaml(score)} # low and high are what it can be, not only what it was"
    if columns.prediction is not None:
        yield f"    prediction: {_yaml(columns.prediction)}"
    if columns.model_version is not None:
        yield f"    model_version: {_yaml(columns.model_version)}"
    if columns.categories:
        yield f"    categories: {_yaml(list(columns.categories))}"
    if columns.numbers:
        yield "    numbers: # the range in which nearly all values lie"
        for number in columns.numbers:
            ends = {"column": number.column, "low": _plain(number.low), "high": _plain(number.high)}
            yield f"      - {_yaml(ends)}"
    yield f"    cadence: {found.cadence}"
    yield from _contract(columns)
    if columns.left_out:
        yield f"    # The source also has {', '.join(map(json.dumps, columns.left_out))}: they are not taken."
        yield "    # Have it leave them out, or allow them here: also_present: [...]"
    yield from _outcomes(found.outcomes)
    yield ""


def _outcomes(found: FoundOutcomes | None) -> Iterator[str]:
    if found is None:
        yield "  # outcomes: the truth of an output; without it the intended outcome is not measured."
        yield "  #   source: {kind: files, url: ..., format: parquet}"
        yield "  #   key: ... # the output's key"
        yield "  #   outcome: ... # 0 or 1"
        yield "  #   known_on: ..."
        yield "  #   maturity_days: 30"
        return
    yield "  outcomes: # the truth of an output; columns as proposed from the data"
    yield f"    source: {_yaml(found.source.model_dump(exclude_none=True))}"
    yield f"    key: {_yaml(found.columns.key)} # the output's key"
    yield f"    outcome: {_yaml(found.columns.outcome)} # 0 or 1"
    if found.columns.known_on is not None:
        yield f"    known_on: {_yaml(found.columns.known_on)}"
    yield f"    maturity_days: {found.maturity_days} # 99 of 100 were known by then, where the data tells"


def _contract(columns: Proposal) -> Iterator[str]:
    rules: list[dict[str, Any]] = [
        {"type": "expect_column_values_to_not_be_null", "with": {"column": name}}
        for name in (columns.score.column if columns.score else None, columns.prediction)
        if name is not None
    ]
    for name in (*columns.categories, *columns.groups):
        if name in columns.levels:
            levels = {"column": name, "value_set": list(columns.levels[name])}
            rule = {"type": "expect_column_values_to_be_in_set", "with": levels, "severity": "warning"}
            rules.append(rule)
    if rules:
        yield "    contract: # a row that fails a critical rule goes to quarantine; a warning is only counted"
        for rule in rules:
            yield f"      - {_yaml(rule)}"


def _compared(told: Told, found: Found) -> Iterator[str]:
    columns = found.columns
    if columns.groups:
        yield "groups: # whom to compare"
        yield f"  columns: {_yaml(list(columns.groups))}"
        yield f"  level: {columns.level}"
        yield ""
    start, end = baseline_of(found.first, found.last)
    yield "# The approved reference: the first 13 weeks of the data, or all there is. Approve it, or another."
    by = f"approved_by: {_yaml(told.owner)}, approved_on: {told.today}"
    yield f"baseline: {{start: {start}, end: {end}, {by}}}"


def questions() -> Mapping[str, str]:
    """Returns the prohibited uses in the policy's words, by id."""
    fields = ProhibitedUses.model_fields
    return {use: str(info.title) for use, info in fields.items() if info.title is not None}


def lines_of(path: Path, lines: Sequence[str]) -> list[str]:
    """Returns what is said of one file."""
    return [line for line in lines if line.startswith(f"{path}:")]


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number


def _yaml(value: object) -> str:
    """Returns a value on one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False
    )
    return text.removesuffix("...\n").strip()
