"""The results as JSON, and the tables of the page that are filled from it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.operating_characteristics.faults import FOLLOWED
from benchmarks.operating_characteristics.peers import FAULTS as PEER_FAULTS
from benchmarks.operating_characteristics.peers import FAULTY_WEEKS

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESULTS = DOCS / "operating-characteristics.json"
PAGE = DOCS / "operating-characteristics.md"
ALLOWED = 0.01
"""Upper bound of the weeks of the portfolio in which a false breach may start."""


def keep(part: str, result: Mapping[str, Any]) -> None:
    """Puts one part's result in place of the one before."""
    RESULTS.write_text(json.dumps({**_kept(), part: result}, indent=1, sort_keys=True) + "\n")


def write() -> str:
    """Fills the page's tables from the results, and returns them."""
    kept = _kept()
    page, tables = PAGE.read_text(), []
    for part, table in TABLES.items():
        if part in kept:
            text = table(kept[part]["rows"])
            tables.append(text)
            marks = rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)"
            filled = rf"\g<1>{text}\n\g<2>"  # no table has a backslash
            page = re.sub(marks, filled, page, flags=re.DOTALL)
    PAGE.write_text(page)
    return "\n\n".join(tables)


def broken_promises() -> list[str]:
    """Returns what the results say against the design; what was not run says nothing."""
    kept = _kept()
    broken = []
    for row in kept.get("null", {"rows": []})["rows"]:
        if row["upper_bound"] > ALLOWED:
            broken.append(f"n = {row['n']}: false breaches may start in {row['upper_bound']:.2%} of weeks")
        if row["recommendations"]:
            broken.append(f"n = {row['n']}: {row['recommendations']} false recommendations")
    differ = [key for row in kept.get("files", {"rows": []})["rows"] for key in row["differ"]]
    return [*broken, *(f"from files another finding: {key}" for key in differ)]


def _kept() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return kept


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _null(rows: Sequence[Mapping[str, Any]]) -> str:
    header = [
        "n a week",
        "portfolio-years",
        "weeks",
        "weeks in which a breach began",
        "upper 95 % bound",
        "system-years",
        "recommendations",
    ]
    return _table(
        header,
        [
            [
                f"{row['n']:,}",
                row["portfolio_years"],
                f"{row['weeks']:,}",
                row["alarms"],
                f"{row['upper_bound']:.2%}",
                f"{row['system_years']:,}",
                row["recommendations"],
            ]
            for row in rows
        ],
    )


def _faults(rows: Sequence[Mapping[str, Any]]) -> str:
    ns = sorted({row["n"] for row in rows})
    by = {(row["fault"], row["n"]): row for row in rows}
    titles = {row["fault"]: row["title"] for row in rows}
    lines = [
        [title, *(_quantiles(by[fault, n]) if (fault, n) in by else "–" for n in ns)]
        for fault, title in titles.items()
    ]
    return _table(["fault", *(f"n = {n:,}" for n in ns)], lines)


def _quantiles(row: Mapping[str, Any]) -> str:
    low, middle, high = (_weeks(row["weeks"][quantile], FOLLOWED) for quantile in ("10", "50", "90"))
    early = f", {row['early']} of {row['runs']} before the fault" if row["early"] else ""
    return f"**{middle}** ({low}–{high}){early}"


def _weeks(weeks: int | None, followed: int) -> str:
    return f"> {followed}" if weeks is None else str(weeks)


def _files(rows: Sequence[Mapping[str, Any]]) -> str:
    header = ["systems", "n a week", "weeks", "findings", "that differ"]
    lines = [
        [row["systems"], row["n"], row["weeks"], f"{row['findings']:,}", len(row["differ"])] for row in rows
    ]
    return _table(header, lines)


def _peers(rows: Sequence[Mapping[str, Any]]) -> str:
    header = [
        "n a week",
        "tool",
        "false alarms a stream-year",
        "stream-years with one or more",
        *(f"weeks: {name.replace('_', ' ')}" for name in PEER_FAULTS),
    ]
    names = {"sundial": "Sundial", "evidently": "Evidently", "nannyml": "NannyML"}
    lines = [
        [
            row["n"],
            names[row["tool"]],
            f"{row['alarms_per_stream_year']:.2f}",
            f"{row['stream_years_with_alarm']:.0%} of {row['stream_years']}",
            *(_weeks(row["delays"][name], FAULTY_WEEKS) for name in PEER_FAULTS),
        ]
        for row in sorted(rows, key=lambda row: row["n"])
    ]
    return _table(header, lines)


TABLES: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], str]] = {
    "null": _null,
    "faults": _faults,
    "files": _files,
    "peers": _peers,
}
