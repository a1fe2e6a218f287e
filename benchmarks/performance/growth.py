"""The parts of the page about growth: a day of a longer history, a week of a larger portfolio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.performance.measure import Run

TOOLS = ("steady", "portfolio")
STEADY = {
    "rewindow": "52 weeks of every statistic",
    "profile": "profile of the day",
    "check": "the week, five windows",
    "record": "record",
    "judge": "judge",
}
DAY = ("profile", "check", "record", "judge")
PORTFOLIO = {step: step for step in DAY}
Row = Mapping[str, Any]


def summary(runs: Sequence[Run], tool: str) -> list[Row]:
    """Returns one row for each point, with the medians over its runs of the latest code.

    Its multiple of the first point is the median of the rounds: in one round the machine was the same.
    """
    own = [run for run in runs if run.tool == tool]
    own = [run for run in own if run.code == max(own, key=lambda run: run.at).code]
    first = {run.place: _work(run) for run in own if run.rows == min(run.rows for run in own)}
    rows = []
    for point in sorted({run.rows for run in own}):
        of_point = [run for run in own if run.rows == point]
        measured = [run.measured for run in of_point]
        steps = {name: median(m.told["steps"][name] for m in measured) for name in measured[0].told["steps"]}
        times = sorted(_work(run) / first[run.place] for run in of_point if run.place in first)
        rows.append(
            {
                "point": point,
                "steps": {name: round(value, 3) for name, value in steps.items()},
                "work_cpu_s": round(median(map(_work, of_point)), 2),
                "times": [round(value, 2) for value in (median(times), times[0], times[-1])],
                "cpu_s": round(median(m.cpu_s for m in measured), 1),
                "rss_mb": round(median(m.rss_mb for m in measured)),
                "runs": len(measured),
                "code": own[-1].code,
            }
        )
    return rows


def _work(run: Run) -> float:
    """Returns the CPU seconds of the steps that every day has."""
    return float(sum(run.measured.told["steps"][name] for name in DAY))


def steady_table(rows: Sequence[Row]) -> str:
    """Returns what the day cost at each length of the history, and as a multiple of the shortest."""
    heads = ["partitions", *STEADY.values(), "day, work", "times the first", "peak MB", "runs"]
    lines = []
    for row in rows:
        steps = [f"{row['steps'][name]:.2f}" for name in STEADY]
        ratio = "{:.2f} ({:.2f} to {:.2f})".format(*row["times"])
        lines.append([row["point"], *steps, row["work_cpu_s"], ratio, row["rss_mb"], row["runs"]])
    return _markdown(heads, lines)


def portfolio_table(rows: Sequence[Row]) -> str:
    """Returns what a week of each portfolio cost, in all and for each system."""
    heads = [
        "systems",
        *(f"{name}, each" for name in PORTFOLIO),
        "work, each",
        "work, all",
        "peak MB",
        "runs",
    ]
    lines = []
    for row in rows:
        n = row["point"]
        steps = [f"{row['steps'][name] / n:.2f}" for name in PORTFOLIO]
        each = f"{row['work_cpu_s'] / n:.2f}"
        lines.append([n, *steps, each, f"{row['work_cpu_s']:.1f}", row["rss_mb"], row["runs"]])
    return _markdown(heads, lines)


def _markdown(heads: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rule = "|".join(["--:"] * len(heads))
    return "\n".join(
        [f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {' | '.join(map(str, line))} |" for line in lines)]
    )


WIDE, HIGH, LEFT, TOP, GAP = 330, 260, 60, 40, 90


def plot(steady: Sequence[Row], portfolio: Sequence[Row]) -> str:
    """Returns both curves as SVG, on linear scales from zero, with the line on which they should stay."""
    first, one = steady[0]["work_cpu_s"], portfolio[0]["work_cpu_s"]
    days = [(row["point"], row["work_cpu_s"]) for row in steady]
    systems = [(row["point"], row["work_cpu_s"]) for row in portfolio]
    parts = [
        *_panel(LEFT, "CPU seconds of one more day", "partitions", days, lambda n: 1.2 * first),
        *_panel(LEFT + WIDE + GAP, "CPU seconds of one more week", "systems", systems, lambda n: n * one),
    ]
    total, tall = LEFT + 2 * WIDE + GAP + 20, TOP + HIGH + 60
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {tall}" font-family="sans-serif"'
        f' font-size="12">\n<title>CPU seconds by length of the history and size of the portfolio</title>\n'
        f'<rect width="{total}" height="{tall}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(
    left: int, title: str, along: str, points: Sequence[tuple[int, float]], limit: Callable[[int], float]
) -> Iterator[str]:
    """Yields a panel: the measured points, and dashed what they are held against."""
    last = points[-1][0]
    top = 1.15 * max(*(value for _, value in points), limit(last))

    def place(x: float, y: float) -> str:
        return f"{left + WIDE * x / last:.1f},{TOP + HIGH * (1 - y / top):.1f}"

    yield f'<text x="{left}" y="{TOP - 16}" font-weight="bold">{title}</text>'
    yield f'<path d="M{left},{TOP} V{TOP + HIGH} H{left + WIDE}" fill="none" stroke="#888"/>'
    for part in range(5):
        x, y = place(0, top * part / 4).split(",")
        yield f'<text x="{float(x) - 6}" y="{y}" text-anchor="end">{top * part / 4:.3g}</text>'
    before = -1.0 * WIDE
    for point, value in points:
        x, y = place(point, value).split(",")
        yield f'<circle cx="{x}" cy="{y}" r="4" fill="#d62728"/>'
        anchor = "middle" if float(x) - before > 30 else "start"  # beside a number that is near, not on it
        yield f'<text x="{x}" y="{TOP + HIGH + 18}" text-anchor="{anchor}">{point}</text>'
        before = float(x)
    line = " ".join(place(*point) for point in points)
    yield f'<polyline points="{line}" fill="none" stroke="#d62728" stroke-width="2"/>'
    ends = " ".join(place(point, limit(point)) for point in (points[0][0], last))
    yield f'<polyline points="{ends}" fill="none" stroke="#7f7f7f" stroke-dasharray="4 4"/>'
    yield f'<text x="{left + WIDE / 2}" y="{TOP + HIGH + 40}" text-anchor="middle">{along}</text>'
