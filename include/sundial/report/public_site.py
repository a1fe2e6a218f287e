"""The public register as a static site: pages without script, and downloads; how it gets into a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sundial.engine.in_effect import in_effect
from sundial.lake import Lake
from sundial.register.exports import STANDARDS, unpublished
from sundial.register.exports.layouts import csv_of, json_of, records_csv, records_json
from sundial.register.models import System
from sundial.report.page import IN_PART, LOOKS, PAST, Look, environment
from sundial.report.plain import clean, day, metric_name
from sundial.report.public import PublicRegister, PublicSystem
from sundial.report.public_figures import PublicTable, PublicWindow
from sundial.report.public_figures import Row as Counted
from sundial.stats.intervals import proportion
from sundial.store.records import Status
from sundial.store.register import Row

FOLDER = "public"
"""Where in the lake the site lies."""
INDEX, LATEST = "index.html", "latest.json"

_MEASURES: Mapping[str, str] = {
    "accuracy": "How often a result turned out to be right",
    "precision": "How often a positive result turned out to be right",
    "recall": "How many of those that it is there to find it found",
    "specificity": "How many of the others it rightly left alone",
    "true_positive_rate": "How many of those that it is there to find it found",
    "false_positive_rate": "How many were flagged of those who should not have been",
    "false_negative_rate": "How many were missed of those that it is there to find",
    "selection_rate": "How many had a positive result",
}
"""What a measure says, in a resident's words; others go by their name."""

_LEGEND: Sequence[tuple[Look, str]] = (
    (LOOKS[Status.BREACH], "Beyond its limit, and confirmed by evidence carried over weeks, or a fact."),
    (LOOKS[Status.WATCH], "Looks beyond its limit; not confirmed."),
    (LOOKS[Status.OK], "All of it was measured in this week and is within its limits."),
    (IN_PART, "Within its limits as far as it was measured."),
    (PAST, "Was within its limits when it was last judged, which is not this week."),
    (LOOKS[Status.INSUFFICIENT], "Some of it rests on too little data to say anything."),
    (LOOKS[Status.WAIVED], "Set aside for a time, by approval of a named person."),
    (LOOKS[Status.NOT_MEASURED], "Nobody knows. It is not a pass."),
    (LOOKS[Status.NOT_APPLICABLE], "Does not concern this system."),
    (LOOKS[Status.ERROR], "It should have been measured, and that failed."),
)


@dataclass(frozen=True)
class ShownRow:
    """A row as it is printed; every number in it is made of the two counts that are published."""

    group: str
    share: float
    low: float
    high: float
    shown: str
    interval: str
    counted: str
    look: Look | None


@dataclass(frozen=True)
class ShownTable:
    """A table as it is printed."""

    title: str
    column: str
    period: str
    area: bool
    target: float | None
    rows: tuple[ShownRow, ...]


def site(register: PublicRegister, systems: Mapping[str, System], rows: Sequence[Row]) -> Mapping[str, bytes]:
    """Returns the files of one edition by path; the same register gives the same bytes.

    Args:
        register: what is public.
        systems: the register by id, as written; for the published standards.
        rows: the ledger's rows of all systems.
    """
    made = environment()
    files = {"style.css": made.get_template("public.css.j2").render(), INDEX: index(register, "")}
    page = made.get_template("public_system.html.j2")
    for one in register.systems:
        totals = [_shown(table, window) for window, table in _tables(one) if not table.column]
        files[f"systems/{one.id}.html"] = page.render(
            register=register, one=one, totals=totals, groups=_groups(one)
        )
        files[f"systems/{one.id}.json"] = json_of(document(one))
        files[f"systems/{one.id}.csv"] = _figures_csv([one])
    files["data/register.json"] = json_of(
        {
            "city": register.city,
            "as_of": register.as_of.isoformat(),
            "week": register.week,
            "systems": [document(one) for one in register.systems],
        }
    )
    files["data/register.csv"] = _register_csv(register)
    files["data/figures.csv"] = _figures_csv(register.systems)
    files |= _standards(register, systems, rows)
    return {path: text.encode() for path, text in sorted(files.items())}


def index(register: PublicRegister, base: str) -> str:
    """Returns the first page.

    Args:
        register: what is public.
        base: where the edition's other files lie, from the page; empty within the edition.
    """
    breaches = sum(any(LOOKS[Status.BREACH] in cell.looks for cell in one.cells) for one in register.living)
    return (
        environment()
        .get_template("public_index.html.j2")
        .render(
            register=register,
            base=base,
            breaches=breaches,
            legend=_LEGEND,
            standards=[
                (name, f"{standard.title} {standard.version}") for name, standard in STANDARDS.items()
            ],
        )
    )


def publish(lake: Lake, register: PublicRegister, files: Mapping[str, bytes]) -> tuple[str, str]:
    """Puts an edition into the lake, then the first page that leads to it; removes what is gone.

    The edition lies in a folder of its own and is whole before the first page names it: a reader sees the
    old site or the new one. The edition before stays until the next publication, for who is reading it;
    publishing the same once more removes it. Killed at any point, it is done again with the same result.

    Returns:
        The path of the edition's manifest, and its SHA-256.
    """
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    manifest = json.dumps(hashes, indent=1, sort_keys=True).encode()
    digest = hashlib.sha256(manifest).hexdigest()
    edition = f"editions/{register.as_of}-{digest[:12]}"
    for path, data in files.items():
        lake.put(f"{FOLDER}/{edition}/{path}", data)
    lake.put(f"{FOLDER}/{edition}/manifest.json", manifest)
    before = latest(lake)
    lake.put(f"{FOLDER}/{INDEX}", index(register, f"{edition}/").encode())
    moved = environment().get_template("public_moved.html.j2")
    stubs = {f"systems/{one.id}.html": one.name for one in register.systems}
    for path, name in stubs.items():
        lake.put(f"{FOLDER}/{path}", moved.render(name=name, target=f"../{edition}/{path}").encode())
    lake.put_json(f"{FOLDER}/{LATEST}", {"edition": edition, "manifest_sha256": digest})
    kept = {f"{FOLDER}/{name}" for name in (INDEX, LATEST, *stubs)}
    editions = tuple(f"{FOLDER}/{name}/" for name in {edition, before or edition})
    for path in lake.list(FOLDER):
        if path not in kept and not path.startswith(editions):
            lake.delete(path)
    return f"{FOLDER}/{edition}/manifest.json", digest


def latest(lake: Lake) -> str | None:
    """Returns the folder of the edition that the site shows, below the site's own; None before the first."""
    path = f"{FOLDER}/{LATEST}"
    return str(lake.get_json(path)["edition"]) if lake.exists(path) else None


def document(one: PublicSystem) -> dict[str, Any]:
    """Returns what is public of a system as JSON values."""
    return {
        "id": one.id,
        "name": one.name,
        "notice": one.notice or None,
        "example": one.example,
        "status": one.lifecycle.value,
        "retired": {"on": one.retired.day.isoformat(), "reason": one.retired.what} if one.retired else None,
        "sunset_case_open": one.case_open,
        "last_judged_week": one.judged,
        "intended_outcome": {"statement": one.outcome, "target": one.target, "met": one.outcome_met},
        "principles": {cell.principle: [look.word for look in cell.looks] for cell in one.cells},
        "entry": {
            fact.path: {"withheld": fact.text} if fact.withheld else fact.text
            for section in one.sections
            for fact in section.facts
        },
        "history": [{"on": event.day.isoformat(), "what": event.what} for event in one.history],
        "figures": [_record(window, table, row) for window, table in _tables(one) for row in table.rows],
    }


_FIGURES = (
    "start",
    "end",
    "measure",
    "column",
    "group",
    "groups_merged",
    "hits",
    "n",
    "share",
    "low",
    "high",
    "target",
    "status",
)


def _record(window: PublicWindow, table: PublicTable, row: Counted) -> dict[str, Any]:
    shown = _row(row)
    return {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "measure": table.measure,
        "column": table.column or None,
        "group": row.group or None,
        "groups_merged": row.merged,
        "hits": row.hits,
        "n": row.n,
        "share": round(shown.share, 4),
        "low": round(shown.low, 4),
        "high": round(shown.high, 4),
        "target": table.target,
        "status": row.status,
    }


def _figures_csv(systems: Iterable[PublicSystem]) -> str:
    rows = []
    for one in systems:
        for window, table in _tables(one):
            for row in table.rows:
                record = _record(window, table, row)
                cells = ["" if record[name] is None else str(record[name]) for name in _FIGURES]
                rows.append([one.id, "yes" if one.example else "no", *cells])
    return csv_of(["system", "example", *_FIGURES], rows)


def _register_csv(register: PublicRegister) -> str:
    columns = ["id", "name", "example", "department", "description", "status", "retired_on", "retired_reason"]
    columns += [
        "sunset_case_open",
        "last_judged_week",
        "intended_outcome",
        "outcome_met",
        *register.principles,
    ]
    rows = [
        [
            one.id,
            one.name,
            "yes" if one.example else "no",
            one.department,
            one.description,
            one.lifecycle.value,
            one.retired.day.isoformat() if one.retired else "",
            one.retired.what if one.retired else "",
            "yes" if one.case_open else "no",
            one.judged or "",
            one.outcome,
            one.outcome_met,
            *(tuple(look.word for look in cell.looks) for cell in one.cells),
        ]
        for one in register.systems
    ]
    return csv_of(columns, rows)


def _standards(
    register: PublicRegister, systems: Mapping[str, System], rows: Sequence[Row]
) -> dict[str, str]:
    """Returns the City's own systems in the words of each published standard."""
    files = {}
    own = [
        in_effect(systems[one.id], [row for row in rows if row.system == one.id], register.as_of)
        for one in sorted(register.systems, key=lambda one: one.id)
    ]
    entries = [entry for entry in own if unpublished(entry) is None]
    for name, standard in STANDARDS.items():
        records = [standard.record(entry, entry.status, register.city) for entry in entries]
        files[f"data/{name}.json"] = records_json(records)
        files[f"data/{name}.csv"] = records_csv(standard, records)
    return files


def _tables(one: PublicSystem) -> Iterable[tuple[PublicWindow, PublicTable]]:
    """Yields the published tables, the latest window first."""
    return ((window, table) for window in reversed(one.windows) for table in window.tables)


def _groups(one: PublicSystem) -> list[tuple[str, list[ShownTable]]]:
    """Returns the tables by group, by period, the latest first."""
    found = []
    for window in reversed(one.windows):
        tables = [_shown(table, window) for table in window.tables if table.column]
        if tables:
            found.append((_period(window.start, window.end), tables))
    return found


def _shown(table: PublicTable, window: PublicWindow) -> ShownTable:
    return ShownTable(
        title=_MEASURES.get(table.measure, metric_name(table.measure)),
        column=clean(table.column.replace("_", " ")),
        period=_period(window.start, window.end),
        area=table.area,
        target=table.target,
        rows=tuple(_row(row) for row in table.rows),
    )


def _row(row: Counted) -> ShownRow:
    share, interval = row.hits / row.n, proportion(row.hits, row.n)
    low, high = (interval.low, interval.high) if interval is not None else (0.0, 1.0)
    return ShownRow(
        group=clean(row.group, 120),
        share=share,
        low=low,
        high=high,
        shown=f"{100 * share:.1f} %",
        interval=f"{100 * low:.1f} to {100 * high:.1f} %",
        counted=f"{row.hits:,} of {row.n:,}",
        look=LOOKS[Status(row.status)] if row.status else None,
    )


def _period(start: date, end: date) -> str:
    return f"{day(start)} to {day(end)}"
