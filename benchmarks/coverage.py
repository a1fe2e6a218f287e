"""Coverage of each 95 % interval method over its stated domain.

Usage: python benchmarks/coverage.py [--fast] [--svg docs/coverage.svg]

Proportions, differences and ratios are enumerated exactly; areas, means and resampled figures are simulated
with fixed seeds. Prints a table and exits with 1 when a method's mean is below 94 % or its least below 90 %.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import numpy as np
from scipy import special, stats

from sundial.stats import classification, intervals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEAST_MEAN, LEAST = 0.94, 0.90
_NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class Coverage:
    """Coverage of one method: one value for each point of its domain, x the size that orders them."""

    method: str
    domain: str
    axis: str
    x: list[float]
    covered: list[float]
    how: str

    @property
    def mean(self) -> float:
        """Mean over the points of the domain."""
        return float(np.mean(self.covered))

    @property
    def least(self) -> float:
        """Coverage at the worst point."""
        return float(np.min(self.covered))

    @property
    def holds(self) -> bool:
        """Whether the method covers enough in its domain."""
        return self.mean >= LEAST_MEAN and self.least >= LEAST


def proportions(*, fast: bool) -> Coverage:
    """Exact: every n, on a fine grid of p; its points are the n × p."""
    sizes = [5, 6, 8, 10, 15, 20, 30, 50, 51, 70, 100, 200] if fast else [
        *range(5, 101), 120, 150, 200, 300, 500, 700, 1000, 2000, 5000, 10_000,
    ]  # fmt: skip
    rates = np.linspace(0.01, 0.99, 393)
    x, covered = [], []
    for n in sizes:
        limits = [intervals.proportion(s, n) for s in range(n + 1)]
        low, high = (np.array([getattr(limit, end) for limit in limits]) for end in ("low", "high"))
        # Limits rise with s: those that hold p are a run from `first` to before `past`.
        first, past = np.searchsorted(high, rates, "left"), np.searchsorted(low, rates, "right")
        cover = stats.binom.cdf(past - 1, n, rates) - stats.binom.cdf(first - 1, n, rates)
        x += [float(n)] * len(rates)
        covered += cover.tolist()
    return Coverage("proportion: Wilson, corrected", "n 5 to 10,000, p .01 to .99", "n", x, covered, "exact")


def pairs(*, fast: bool) -> tuple[Coverage, Coverage]:
    """Exact: differences and ratios of two binomials; expected events and non-events 5 or more in each."""
    sizes = [(30, 30), (30, 60)] if fast else [(30, 30), (30, 60), (60, 30), (50, 50), (30, 200), (100, 100)]
    found: dict[str, list[float]] = {"difference": [], "ratio": []}
    x = []
    for n1, n2 in sizes:
        rates = [[p for p in np.linspace(0.02, 0.98, 25) if n * min(p, 1 - p) >= 5] for n in (n1, n2)]
        chance = [
            [stats.binom.pmf(np.arange(n + 1), n, p) for p in ps]
            for n, ps in zip((n1, n2), rates, strict=True)
        ]
        grid = list(itertools.product(range(n1 + 1), range(n2 + 1)))
        used = np.outer(*(np.max(c, axis=0) for c in chance)) > _NEGLIGIBLE
        limits = {}
        for name, method in (("difference", intervals.difference), ("ratio", intervals.ratio)):
            low, high = np.full((2, n1 + 1, n2 + 1), np.nan)
            for s1, s2 in grid:
                if used[s1, s2]:
                    limit = method(s1, n1, s2, n2)
                    low[s1, s2], high[s1, s2] = limit.low, limit.high
            limits[name] = low, high
        for (p1, c1), (p2, c2) in itertools.product(
            *(zip(*pair, strict=True) for pair in zip(rates, chance, strict=True))
        ):
            for name, truth in (("difference", p1 - p2), ("ratio", p1 / p2)):
                low, high = limits[name]
                found[name].append(float(c1 @ ((low <= truth) & (truth <= high)) @ c2))
            x.append(min(n1 * p1, n1 * (1 - p1), n2 * p2, n2 * (1 - p2)))
    domain = "n 30 to 200 in each group, 5 or more expected events and non-events"
    axis = "least expected events or non-events"
    return (
        Coverage("difference: Newcombe", domain, axis, x, found["difference"], "exact"),
        Coverage("ratio: Koopman", domain, axis, x, found["ratio"], "exact"),
    )


def areas(*, fast: bool) -> Coverage:
    """Simulated: normal scores, equal and unequal spreads."""
    rng, runs = np.random.default_rng(7), 300 if fast else 2000
    sizes = [(30, 30), (100, 30)] if fast else [(30, 30), (30, 100), (100, 30), (30, 1000), (200, 200)]
    x, covered = [], []
    for (m, n), area, ratio in itertools.product(sizes, (0.5, 0.7, 0.9, 0.95, 0.98, 0.99), (0.5, 1, 2)):
        shift = special.ndtri(area) * np.sqrt(1 + ratio**2)
        inside = 0
        for _ in range(runs if n < 1000 else runs // 4):
            scores = np.concatenate([rng.normal(shift, ratio, m), rng.normal(0, 1, n)])
            positive = (np.argsort(scores) < m).astype(float)
            limits = intervals.auc(positive, 1 - positive)
            inside += limits.interval.low <= area <= limits.interval.high
        x.append(float(min(m, n)))
        covered.append(inside / (runs if n < 1000 else runs // 4))
    domain = "30 to 1,000 of each class, area .5 to .99, normal scores, spreads 1:2 to 2:1"
    return Coverage(
        "AUC: DeLong on the logit, at least Newcombe",
        domain,
        "rows of the smaller class",
        x,
        covered,
        f"{runs} runs",
    )


def means(*, fast: bool) -> Coverage:
    """Simulated: symmetric and skewed values, skewness at most 2."""
    rng, runs = np.random.default_rng(11), 4000 if fast else 20_000
    draws: dict[str, tuple[Callable[[tuple[int, int]], np.ndarray], float]] = {
        "normal": (lambda size: rng.normal(3, 1, size), 3.0),
        "uniform": (lambda size: rng.uniform(0, 1, size), 0.5),
        "absolute normal": (lambda size: np.abs(rng.normal(0, 1, size)), float(np.sqrt(2 / np.pi))),
        "gamma 2": (lambda size: rng.gamma(2, 1, size), 2.0),
        "exponential": (lambda size: rng.exponential(1, size), 1.0),
    }
    x, covered = [], []
    for n, (draw, truth) in itertools.product((30, 50, 100, 300), draws.values()):
        values = draw((runs, n))
        sums = zip(values.sum(axis=1).tolist(), (values**2).sum(axis=1).tolist(), strict=True)
        limits = [intervals.mean(total, squares, n) for total, squares in sums]
        x.append(float(n))
        covered.append(float(np.mean([limit.low <= truth <= limit.high for limit in limits])))
    return Coverage("mean: Student t", "n 30 or more, skewness 0 to 2", "n", x, covered, f"{runs} runs")


def tables() -> Iterator[tuple[np.ndarray, tuple[classification.Score, ...]]]:
    """Expected counts: every cell of the formulas that are tried on it holds 10 or more."""
    binary: tuple[classification.Score, ...] = ("f1", "matthews_corrcoef", "balanced_accuracy")
    for tn, fp, fn, tp in [
        (10, 10, 10, 10), (100, 10, 10, 10), (20, 20, 20, 20), (1000, 10, 10, 10), (100, 10, 10, 100),
        (1000, 10, 10, 1000), (10, 100, 100, 10), (800, 10, 10, 50), (300, 10, 300, 10), (300, 100, 50, 200),
    ]:  # fmt: skip
        yield np.array([[tn, fp], [fn, tp]]), binary
    many: tuple[classification.Score, ...] = ("f1_macro", "cohen_kappa", "matthews_corrcoef")
    yield np.full((3, 3), 10) + np.diag([0, 40, 90]), many
    yield np.full((4, 4), 5) + np.diag([5, 20, 60, 200]), many


def resampled(*, fast: bool) -> Coverage:
    """Simulated; samples without an interval do not count: the coverage is that of what is shown."""
    rng, runs = np.random.default_rng(13), 400 if fast else 1600
    x, covered = [], []
    for expected, names in list(tables())[:: 3 if fast else 1]:
        shares = expected.ravel() / expected.sum()
        inside, shown = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
        for _ in range(6 * runs):
            if min(shown.values()) >= runs // 2 or max(shown.values()) >= runs:
                break
            table = rng.multinomial(expected.sum(), shares).reshape(expected.shape)
            for name in names:
                limit = classification.interval(name, table)
                if limit is not None:
                    truth = float(classification.FORMULAS[name](expected.astype(float)))
                    shown[name] += 1
                    inside[name] += limit.low <= truth <= limit.high
        for name in names:
            if shown[name] >= runs // 4:
                x.append(float(expected.min()))
                covered.append(inside[name] / shown[name])
    domain = "10 or more expected in every cell of F1, MCC, balanced accuracy, macro F1, kappa"
    return Coverage("resampled cells", domain, "least expected cell", x, covered, f"up to {runs} runs")


def all_methods(*, fast: bool) -> list[Coverage]:
    """Every method over its domain."""
    return [
        proportions(fast=fast),
        *pairs(fast=fast),
        areas(fast=fast),
        means(fast=fast),
        resampled(fast=fast),
    ]


def svg(found: list[Coverage]) -> str:
    """One panel a method: coverage (.88 to 1) against size, on a log scale, a dot for each point."""
    wide, high, left, top = 880, 150, 60, 34
    parts = []
    for number, method in enumerate(found):
        y0 = number * (high + 70) + top
        x = np.log10(method.x)
        span = max(float(x.max() - x.min()), 1e-9)
        at_x = left + (x - x.min()) / span * (wide - left - 20)
        at_y = y0 + (1 - np.clip(np.array(method.covered), 0.88, 1)) / 0.12 * high
        title = escape(f"{method.method} — {method.domain}")
        parts.append(f'<text x="{left}" y="{y0 - 8}" font-weight="bold">{title}</text>')
        for level in (0.90, 0.95, 1.0):
            y = y0 + (1 - level) / 0.12 * high
            parts.append(f'<line x1="{left}" x2="{wide - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#bbb"/>')
            parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{level:.2f}</text>')
        # Points that fall on one dot are drawn once.
        places = zip(at_x.tolist(), at_y.tolist(), strict=True)
        dots = sorted({(2 * round(across / 2), 2 * round(down / 2)) for across, down in places})
        path = "".join(f"M{across},{down}h0" for across, down in dots)
        parts.append(f'<path d="{path}" stroke="#1f5fa8" stroke-width="3" stroke-linecap="round"/>')
        ends = f"{min(method.x):,.0f} … {max(method.x):,.0f}, log scale"
        parts.append(f'<text x="{left}" y="{y0 + high + 16}">{escape(method.axis)}: {ends}</text>')
    total = len(found) * (high + 70) + top
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {total}" font-family="sans-serif"'
        f' font-size="12" role="img" aria-label="Coverage of 95 % intervals">'
        f'<rect width="{wide}" height="{total}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def main() -> int:
    """Prints the table, writes the plot and returns the exit code."""
    options = argparse.ArgumentParser(description="coverage of each 95 % interval method over its domain")
    options.add_argument("--fast", action="store_true", help="coarser grids and fewer runs")
    options.add_argument("--svg", type=Path, help="where to write the plot")
    given = options.parse_args()
    found = all_methods(fast=given.fast)
    print("| method | domain | points | how | mean | minimum |\n|---|---|---|---|---|---|")
    for one in found:
        values = (
            one.method,
            one.domain,
            f"{len(one.covered):,}",
            one.how,
            f"{one.mean:.3f}",
            f"{one.least:.3f}",
        )
        print(f"| {' | '.join(values)} |")
    print(f"{time.process_time():.0f} CPU s", file=sys.stderr)
    if given.svg:
        given.svg.write_text(svg(found))
    return int(not all(one.holds for one in found))


if __name__ == "__main__":
    sys.exit(main())
