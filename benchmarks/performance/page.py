"""The tables and the plots of `docs/performance.md`, from the results."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.performance import growth
from benchmarks.performance.measure import Run

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, PLOT, SUMMARY = (DOCS / f"performance.{kind}" for kind in ("md", "svg", "json"))
GROWTH_PLOT = DOCS / "performance-growth.svg"
NAMES = {
    "sundial": "**Sundial**, whole report",
    "sundial-month": "Sundial, four weekly reports in order, from stored profiles",
    "sundial-weekly": "Sundial, weekly report from stored profiles",
    "sundial-profile": "Sundial, profile of all days only",
    "sundial-day": "Sundial, profile of one new day",
    "scan": "DuckDB alone, bare scan of the same columns",
    "scan-accepted": "DuckDB alone, the same of what Sundial has accepted",
    "evidently": "Evidently",
    "nannyml": "NannyML",
    "whylogs": "whylogs",
    "fairlearn": "Fairlearn and scikit-learn on rows, no intervals",
    "fairlearn-bootstrap": "Fairlearn on rows, 100 bootstrap replicates",
}
PLOTTED = {
    "sundial": ("Sundial", "#d62728"),
    "evidently": ("Evidently", "#1f77b4"),
    "fairlearn": ("Fairlearn", "#2ca02c"),
    "nannyml": ("NannyML", "#9467bd"),
    "whylogs": ("whylogs", "#8c564b"),
    "scan": ("bare scan", "#7f7f7f"),
}
HEADER = (
    "| | CPU s, whole | CPU s, work | peak MB, whole | peak MB, work | CPU, times Sundial's "
    "| peak, times Sundial's | runs |\n|---|--:|--:|--:|--:|--:|--:|--:|"
)
Row = Mapping[str, Any]


def write(runs: Sequence[Run]) -> str:
    """Writes tables, plots and summary from all runs, and returns the tables; without runs a row stays."""
    told = json.loads(SUMMARY.read_text())
    found = {
        "log": _renewed(told["log"], summary(runs)),
        **{tool: growth.summary(runs, tool) for tool in growth.TOOLS if any(r.tool == tool for r in runs)},
    }
    told |= {part: rows for part, rows in found.items() if rows}
    SUMMARY.write_text(json.dumps(told, indent=1) + "\n")
    tables = {
        "table": table(told["log"]),
        "steady": f"\n{growth.steady_table(told['steady'])}\n",
        "portfolio": f"\n{growth.portfolio_table(told['portfolio'])}\n",
    }
    text = PAGE.read_text()
    for name, part in tables.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(marks, rf"\g<1>{part}\n\g<2>", text, flags=re.DOTALL)
    PAGE.write_text(text)
    PLOT.write_text(plot(told["log"]))
    if all(told[tool] for tool in growth.TOOLS):
        GROWTH_PLOT.write_text(growth.plot(told["steady"], told["portfolio"]))
    return "\n".join(tables.values())


def _renewed(told: Sequence[Row], found: Sequence[Row]) -> list[Row]:
    """Returns the rows found, and those told of other sizes and tools, in the order of the tables."""
    rows = {(row["rows"], row["tool"]): row for row in (*told, *found)}
    tools = list(NAMES)
    return [rows[key] for key in sorted(rows, key=lambda key: (key[0], tools.index(key[1])))]


def summary(runs: Sequence[Run]) -> list[Row]:
    """Returns one row for each size and tool: medians of its runs, and of the ratios of its pairs."""
    found = []
    for rows in sorted({run.rows for run in runs}):
        for tool in NAMES:
            own = [run for run in runs if (run.rows, run.tool) == (rows, tool)]
            # Sundial's are of the code as it is; pairs keep the code that they ran with.
            if own and tool.startswith("sundial"):
                latest = max(own, key=lambda run: run.at)
                own = [run for run in own if run.code == latest.code]
            if own:
                found.append({"rows": rows, "tool": tool, **_of_tool(own), **_ratios(own, runs)})
    return found


def _of_tool(own: Sequence[Run]) -> Row:
    # Where one run was stopped, that bound is what is known.
    runs = [run for run in own if run.measured.stopped] or own
    measured = [run.measured for run in runs]
    work = [m.work_cpu_s for m in measured if m.work_cpu_s is not None]
    more = [m.rss_mb - m.imports_rss_mb for m in measured if m.imports_rss_mb is not None]
    return {
        "runs": len(runs),
        "stopped": measured[0].stopped,
        "cpu_s": round(median(m.cpu_s for m in measured), 2),
        "work_cpu_s": round(median(work), 2) if work else None,
        "rss_mb": round(median(m.rss_mb for m in measured)),
        "work_rss_mb": round(median(more)) if more else None,
        "code": runs[-1].code,
    }


def _ratios(own: Sequence[Run], runs: Sequence[Run]) -> Row:
    """Returns what the tool took as multiples of what Sundial took in the same pair."""
    peer = own[0].tool
    ours = {
        run.place: run.measured
        for run in runs
        if run.rows == own[0].rows and run.against == peer and run.tool != peer
    }
    paired = [(run.measured, ours[run.place]) for run in own if run.against == peer and run.place in ours]
    if not paired:
        return {"pairs": 0}
    cpu = [theirs.cpu_s / mine.cpu_s for theirs, mine in paired]
    return {
        "pairs": len(paired),
        "cpu_ratio": [round(part, 2) for part in (median(cpu), min(cpu), max(cpu))],
        "rss_ratio": round(median(theirs.rss_mb / mine.rss_mb for theirs, mine in paired), 2),
    }


def table(rows: Iterable[Row]) -> str:
    """Returns the Markdown table of each size."""
    lines: list[str] = []
    size = 0
    for row in rows:
        if row["rows"] != size:
            size = row["rows"]
            lines += ["", f"### {size:,} reference + {size:,} current rows", "", HEADER]
        lines.append(_line(row))
    return "\n".join([*lines, ""])


def _line(row: Row) -> str:
    bound = "> " if row["stopped"] else ""

    def shown(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{bound}{value:,.{digits}f}"

    ratio, peak = "–", "–"
    if row["pairs"]:
        middle, low, high = row["cpu_ratio"]
        ratio = f"{bound}{middle:.3g} ({low:.3g} to {high:.3g})"
        peak = f"{bound}{row['rss_ratio']:.3g}"
    cells = [
        NAMES[row["tool"]],
        shown(row["cpu_s"], 1),
        shown(row["work_cpu_s"], 1),
        shown(row["rss_mb"], 0),
        shown(row["work_rss_mb"], 0),
        ratio,
        peak,
        f"{row['runs']}, stopped" if row["stopped"] else str(row["runs"]),
    ]
    return f"| {' | '.join(cells)} |"


WIDE, HIGH, LEFT, TOP, GAP = 330, 300, 60, 40, 110


def plot(rows: Sequence[Row]) -> str:
    """Returns the plot as SVG: whole-process CPU seconds and peak memory by rows, all on log scales."""
    shown = [row for row in rows if row["tool"] in PLOTTED]
    parts = [
        *_panel(shown, "cpu_s", "CPU seconds, whole process", LEFT),
        *_panel(shown, "rss_mb", "Peak memory in MB, whole process", LEFT + WIDE + GAP),
        *_legend(LEFT + 2 * WIDE + GAP + 20),
    ]
    total, tall = LEFT + 2 * WIDE + GAP + 130, TOP + HIGH + 60
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {tall}" font-family="sans-serif"'
        f' font-size="12">\n<title>CPU seconds and peak memory by rows</title>\n'
        f'<rect width="{total}" height="{tall}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(rows: Sequence[Row], key: str, title: str, left: int) -> Iterator[str]:
    if not rows:
        return
    x, across = _scale([row["rows"] for row in rows], left, WIDE)
    y, upwards = _scale([row[key] for row in rows], TOP + HIGH, -HIGH)
    right, bottom = left + WIDE, TOP + HIGH
    yield f'<text x="{left}" y="{TOP - 16}" font-weight="bold">{title}</text>'
    for mark in upwards:
        yield f'<path d="M{left},{y(mark):.1f} H{right}" stroke="#ddd"/>'
        yield f'<text x="{left - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:,g}</text>'
    for mark in across:
        yield f'<path d="M{x(mark):.1f},{TOP} V{bottom}" stroke="#ddd"/>'
        yield f'<text x="{x(mark):.1f}" y="{bottom + 18}" text-anchor="middle">{_short(mark)}</text>'
    yield f'<text x="{left + WIDE / 2}" y="{bottom + 40}" text-anchor="middle">rows of each window</text>'
    for tool, (_, color) in PLOTTED.items():
        points = [(x(row["rows"]), y(row[key]), row["stopped"]) for row in rows if row["tool"] == tool]
        line = " ".join(f"{place:.1f},{value:.1f}" for place, value, _ in points)
        yield f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>'
        yield from (_mark(place, value, color, stopped=stopped) for place, value, stopped in points)


def _mark(x: float, y: float, color: str, *, stopped: bool) -> str:
    """Returns a dot, or where the run was stopped an arrow: the true value lies above."""
    if stopped:
        return f'<path d="M{x - 6:.1f},{y:.1f} l6,-10 l6,10 z" fill="white" stroke="{color}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>'


def _scale(
    values: Sequence[float], start: float, length: float
) -> tuple[Callable[[float], float], Sequence[float]]:
    """Returns a log scale over whole decades, and its marks."""
    low = math.floor(math.log10(min(values)))
    high = max(math.ceil(math.log10(max(values))), low + 1)

    def place(value: float) -> float:
        return start + length * (math.log10(value) - low) / (high - low)

    return place, [10.0**power for power in range(low, high + 1)]


def _legend(left: float) -> Iterator[str]:
    for place, (name, color) in enumerate(PLOTTED.values()):
        yield _mark(left, TOP + 20 * place, color, stopped=False)
        yield f'<text x="{left + 10}" y="{TOP + 20 * place + 4}">{name}</text>'
    below = TOP + 20 * len(PLOTTED)
    yield _mark(left, below + 4, "black", stopped=True)
    yield f'<text x="{left + 10}" y="{below + 4}">stopped</text>'


def _short(rows: float) -> str:
    return f"{rows / 1e6:g} M" if rows >= 1e6 else f"{rows / 1e3:g} k"
