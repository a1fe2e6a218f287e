"""The measures of effectiveness: what each counts, and the evidence it carries against a bound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from checks.cells import numbers, score_bins
from sundial.api import (
    MEASURES,
    SUM_SCALE,
    AucFloor,
    Bin,
    BoundedCeiling,
    BoundedFloor,
    Ceiling,
    Floor,
    Interval,
    OutputsFeed,
    Over,
    Process,
    Side,
    Statistic,
    System,
    counts,
    histogram,
    intervals,
    three_valued,
)

CONFUSION = counts("outcomes", ["predicted", "outcome"])
CLASSES = counts("outcomes", ["predicted_class", "outcome_class"])
MEAN_BINS = 1_024
AUC_BINS = 500
"""Bins of the score in the evidence for an area: a divisor of ``SCORE_BINS``."""
OPEN = 0.01
"""Half the share of pairs that bins tie: of an area of which they leave more open nothing is said."""
EVIDENCE_BINS = 64
"""Bins of a mean's evidence: with the sums in them it loses next to nothing, and a week takes little room."""

_ROUNDED = 1e-6
"""Of thousands of rows: each weight is rounded to a billionth."""

Mask = Callable[[pd.DataFrame], np.ndarray]
"""Which cells: shape (cells,), of truth values."""


@dataclass(frozen=True)
class Reading:
    """A measure on some cells: its value, None where its denominator is 0, and that denominator."""

    estimate: float | None
    n: float
    interval: Interval | None = None
    details: Mapping[str, float] | None = None


class Measure(ABC):
    """A measure of one number, with evidence for it being on the wrong side of a bound."""

    metric: str
    statistic: Statistic

    @abstractmethod
    def read(self, cells: pd.DataFrame) -> Reading:
        """Returns its value on cells of its statistic."""

    @abstractmethod
    def increment(self, cells: pd.DataFrame) -> Sequence[float]:
        """Returns what a week's cells add to the evidence."""

    @abstractmethod
    def process(self, bound: float, side: Side) -> Process:
        """Returns the evidence process before any week."""

    @property
    def side(self) -> Side:
        """Whether a target of it is a floor or a ceiling."""
        known = MEASURES.get(self.metric)
        return Side.FLOOR if known is not None and known.good == "high" else Side.CEILING


@dataclass(frozen=True)
class Share(Measure):
    """A share: `hit` of those `out_of`.

    Attributes:
        optimistic: other hits that may be some: what cannot be known. The evidence takes them as it suits
            the system, the reading gives both bounds.
    """

    metric: str
    statistic: Statistic
    out_of: Mask
    hit: Mask
    optimistic: Mask | None = None

    def fraction(self, cells: pd.DataFrame) -> tuple[float, float]:
        """Returns hits and denominator."""
        return self._counted(cells, self.hit), self._counted(cells)

    def read(self, cells: pd.DataFrame) -> Reading:
        hits, n = self.fraction(cells)
        if n == 0:
            return Reading(None, 0)
        if self.optimistic is not None:
            unknown = self._most(cells)[0] - hits
            found = three_valued.precision(three_valued.Verdicts(hits, n - hits - unknown, unknown))
            if found is not None:
                bounds = {"lower_bound": found.lower, "upper_bound": found.upper}
                return Reading(found.lower, n, found.interval, bounds)
        return Reading(figure(hits, n), n, intervals.proportion(hits, n))

    def _most(self, cells: pd.DataFrame) -> tuple[float, float]:
        hits, n = self.fraction(cells)
        if self.optimistic is None:
            return hits, n
        return whole(hits + self._counted(cells, self.optimistic)), n

    def _counted(self, cells: pd.DataFrame, also: Mask | None = None) -> float:
        used = self.out_of(cells)
        return whole(float(numbers(cells, "n")[used if also is None else used & also(cells)].sum()))

    def increment(self, cells: pd.DataFrame) -> Sequence[float]:
        return self._most(cells)

    def process(self, bound: float, side: Side) -> Process:
        return Ceiling(bound) if side is Side.CEILING else Floor(bound)


@dataclass(frozen=True)
class Mean(Measure):
    """The mean of a number between two bounds, of which `unit` makes one of the reader's own."""

    metric: str
    bins: Bin
    unit: float = 1.0
    over: Over = "outcomes"

    @property
    def statistic(self) -> Statistic:  # type: ignore[override]
        """Counts and sums in the bins."""
        return histogram(self.over, self.bins)

    def read(self, cells: pd.DataFrame) -> Reading:
        rows, totals = self._by_bin(cells)
        n = whole(float(rows.sum()))
        if n == 0:
            return Reading(None, 0)
        used = rows > 0
        centre = float(totals.sum()) / n
        # Rows of a bin lie within its width of their mean, which is a thousandth of the range.
        squares = float((rows[used] * (totals[used] / rows[used] - centre) ** 2).sum())
        found = intervals.mean(0.0, squares, n)
        interval = found and Interval(
            (centre + found.low) * self.unit, (centre + found.high) * self.unit, found.method
        )
        return Reading(centre * self.unit, n, interval)

    def increment(self, cells: pd.DataFrame) -> Sequence[float]:
        rows, totals = self._by_bin(cells)
        # A value outside the range joins the end bin, at its edge: it is capped.
        edges = np.linspace(self.bins.low, self.bins.high, self.bins.bins + 1)
        totals = np.clip(totals, rows * edges[:-1], rows * edges[1:])
        together = self.bins.bins // EVIDENCE_BINS
        return [*rows.reshape(-1, together).sum(axis=1), *totals.reshape(-1, together).sum(axis=1)]

    def process(self, bound: float, side: Side) -> Process:
        edges = np.linspace(self.bins.low, self.bins.high, EVIDENCE_BINS + 1)
        kind = BoundedCeiling if side is Side.CEILING else BoundedFloor
        return kind(bound / self.unit, edges)

    def _by_bin(self, cells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        known = cells.dropna(subset=[self.bins.name])
        place = known[self.bins.name].to_numpy(dtype=np.int64)
        rows = np.bincount(place, known["n"].to_numpy(dtype=float), self.bins.bins)
        sums = known[f"sum_{self.bins.column}"].to_numpy(dtype=float) / SUM_SCALE * self.bins.unit
        # Of no rows NumPy counts in whole numbers, whatever the weights.
        return rows.astype(float), np.bincount(place, sums, self.bins.bins).astype(float)


@dataclass(frozen=True)
class Scored(Measure):
    """A measure of score and outcome: the area under the ROC curve, or the Brier score of a probability."""

    metric: str
    bins: Bin

    @property
    def statistic(self) -> Statistic:  # type: ignore[override]
        """Counts and sums of the score in its bins, by outcome."""
        return histogram("outcomes", self.bins, ["outcome"])

    def read(self, cells: pd.DataFrame) -> Reading:
        positives, negatives = self.by_outcome(cells)
        if self.metric == "auc":
            found = intervals.auc(positives, negatives)
            n = whole(float(min(positives.sum(), negatives.sum())))
            pairs = float(positives.sum() * negatives.sum())
            tied = positives * negatives * ~self._atoms(cells)
            bound = float(tied.sum()) / pairs / 2 if pairs else 0.0
            if found is None or bound > OPEN:
                return Reading(None, n, None, {"bound": bound})
            return Reading(found.estimate, n, found.interval, {"bound": bound})
        rows, losses = self._losses(cells)
        n = whole(float(rows.sum()))
        if n == 0:
            return Reading(None, 0)
        centre = float(rows @ losses) / n
        interval = intervals.mean(0.0, float(rows @ (losses - centre) ** 2), n)
        moved = interval and Interval(centre + interval.low, centre + interval.high, interval.method)
        return Reading(centre, n, moved)

    def increment(self, cells: pd.DataFrame) -> Sequence[float]:
        if self.metric == "auc":
            return self._places(cells)
        rows, losses = self._losses(cells)
        place = np.minimum((losses * EVIDENCE_BINS).astype(int), EVIDENCE_BINS - 1)
        return [
            *np.bincount(place, rows, EVIDENCE_BINS).astype(float),
            *np.bincount(place, rows * losses, EVIDENCE_BINS).astype(float),
        ]

    def process(self, bound: float, side: Side) -> Process:
        if self.metric == "auc":
            return AucFloor(bound, open_bins=True)
        return BoundedCeiling(bound, np.linspace(0.0, 1.0, EVIDENCE_BINS + 1))

    def by_outcome(self, cells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Returns positives and negatives per bin of the score, lowest first."""
        known = cells.dropna(subset=[self.bins.name])
        parts = []
        for outcome in (1, 0):
            part = known[known["outcome"] == outcome]
            place = part[self.bins.name].to_numpy(dtype=np.int64)
            parts.append(np.bincount(place, part["n"].to_numpy(dtype=float), self.bins.bins))
        return parts[0], parts[1]

    def _places(self, cells: pd.DataFrame) -> Sequence[float]:
        """Returns positives and negatives by place, two to a bin of `AUC_BINS`.

        Of a bin with several scores nobody knows who is above whom: there the positives have the second
        place. What counts against the floor, or for a recovery, is then surely so, and the e-value one of the
        area itself, however coarse the bins.
        """
        together = self.bins.bins // AUC_BINS
        of_bins = np.array(self.by_outcome(cells)).reshape(2, -1, together)
        there, atoms = of_bins.sum(axis=0) > 0, self._atoms(cells).reshape(-1, together)
        used = there.sum(axis=1)
        one_score = (used == 1) & (atoms | ~there).all(axis=1)
        positives, negatives = of_bins.sum(axis=2)
        places = np.zeros((2, len(used), 2))
        places[0, :, 0] = np.where(one_score, positives, 0)
        places[0, :, 1] = np.where(one_score, 0, positives)
        places[1, :, 0] = negatives
        return [float(n) for n in places.ravel()]

    def _atoms(self, cells: pd.DataFrame) -> NDArray[np.bool_]:
        """Returns which bins have one score: the mean of the positives is that of the negatives, then."""
        known = cells.dropna(subset=[self.bins.name])
        means = []
        for outcome in (1, 0):
            part = known[(known["outcome"] == outcome) & (known["n"] > 0)]
            place = part[self.bins.name].to_numpy(dtype=np.int64)
            # Of rows, not of what they weigh: products are rounded, and no mean would be the other then.
            weighs = "rows" in part
            total = part[f"rows_sum_{self.bins.column}" if weighs else f"sum_{self.bins.column}"]
            sums = np.bincount(place, total.to_numpy(dtype=float), self.bins.bins)
            n = part["rows" if weighs else "n"]
            rows = np.bincount(place, n.to_numpy(dtype=float), self.bins.bins)
            means.append(np.divide(sums, rows, out=np.full(len(rows), np.nan), where=rows > 0))
        atoms: NDArray[np.bool_] = np.isclose(means[0], means[1], rtol=1e-9, atol=0)
        return atoms

    def _losses(self, cells: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows, and the squared error at the mean score of each cell, a bin's width from theirs."""
        known = cells[cells["outcome"].isin([0, 1]) & (cells["n"] > 0)].dropna(subset=[self.bins.name])
        rows = known["n"].to_numpy(dtype=float)
        scores = known[f"sum_{self.bins.column}"].to_numpy(dtype=float) / SUM_SCALE * self.bins.unit / rows
        return rows, (np.clip(scores, 0, 1) - known["outcome"].to_numpy(dtype=float)) ** 2


def measure_of(system: System, metric: str) -> Measure:
    """Returns a measure of the system's task.

    Raises:
        ValueError: the system's task has no such measure; the register would have refused it.
    """
    outputs = system.feeds.outputs
    if outputs is not None:
        found = _share(outputs, metric) or _number(system, outputs, metric)
        if found is not None:
            return found
    raise ValueError(f"{system.id} has no measure {metric}; give the feed what it is made of")


def confusion(cells: pd.DataFrame) -> np.ndarray:
    """Returns [[TN, FP], [FN, TP]] of cells by predicted and outcome; abstentions are in none of them."""
    table = np.zeros((2, 2))
    columns = (numbers(cells, name).tolist() for name in ("outcome", "predicted", "n"))
    for truth, predicted, n in zip(*columns, strict=True):
        if truth in (0, 1) and predicted in (0, 1):
            table[int(truth), int(predicted)] += n
    return table


def figure(hits: float, n: float) -> float:
    """Returns Fairlearn's selection rate on two cells, n above 0.

    Accuracy is the selection rate of what was right, precision that of the truth among the positive; the
    true- and false-positive rates are those of the decision among what came true and what did not. Asked for
    by these names, Fairlearn and scikit-learn make a confusion matrix first, which costs a hundred times as
    much.
    """
    from fairlearn.metrics import selection_rate  # seconds to import: only where a figure is made

    return float(selection_rate([1, 1], [1, 0], sample_weight=[hits, n - hits]))


def whole(n: float) -> float:
    """Returns a count as the whole number that it is but for the rounding of thirds and sevenths."""
    near = round(n)
    return near if abs(n - near) < _ROUNDED else float(n)


def _share(outputs: OutputsFeed, metric: str) -> Share | None:
    predicted, known = _is("predicted", 1), _in("outcome", 0, 1)
    match metric:
        case "accuracy" if outputs.task == "multiclass":
            return Share(
                metric,
                CLASSES,
                lambda cells: cells["predicted_class"].notna().to_numpy(),
                lambda cells: (cells["predicted_class"] == cells["outcome_class"]).to_numpy(),
            )
        case "accuracy":
            decided = _both(_in("predicted", 0, 1), known)
            return Share(metric, CONFUSION, decided, _right)
        case "precision" if outputs.task == "detection":
            return Share(metric, CONFUSION, predicted, _is("outcome", 1), _is("outcome", 2))
        case "precision":
            return Share(metric, CONFUSION, _both(predicted, known), _is("outcome", 1))
        case "recall" | "false_negative_rate":
            decided = _both(_in("predicted", 0, 1), _is("outcome", 1))
            return Share(metric, CONFUSION, decided, _is("predicted", int(metric == "recall")))
        case "false_positive_rate" | "specificity":
            decided = _both(_in("predicted", 0, 1), _is("outcome", 0))
            return Share(metric, CONFUSION, decided, _is("predicted", int(metric != "specificity")))
    flag = _FLAGS.get(metric)
    if flag is None:
        return None
    over, column = flag
    return Share(metric, counts(over, [column]), _in(column, 0, 1), _is(column, 1))


_FLAGS: dict[str, tuple[Over, str]] = {
    "within_tolerance": ("outcomes", "within_tolerance"),
    "hit_rate": ("outcomes", "hit"),
    "resolution_rate": ("outcomes", "outcome"),
    "escalation_rate": ("outcomes", "escalated"),
    "correction_rate": ("outcomes", "corrected"),
    "late_share": ("outputs", "late"),
    "failed_share": ("outputs", "failed"),
    "pii_share": ("outputs", "pii"),
    "explained_share": ("outputs", "explained"),
    "marked_share": ("outputs", "marked"),
}


def _number(system: System, outputs: OutputsFeed, metric: str) -> Measure | None:
    outcomes, score = system.feeds.outcomes, outputs.score
    match metric:
        case "auc" | "brier" if (bins := score_bins(system)) is not None:
            return Scored(metric, bins)
        case "mean_absolute_error" if score is not None:
            return Mean(metric, Bin("absolute_error", 0.0, 1.0, MEAN_BINS), score.high - score.low)
        case "ndcg" | "reciprocal_rank":
            return Mean(metric, Bin(metric, 0.0, 1.0, MEAN_BINS))
        case "mean_rating" if outcomes is not None and outcomes.rating is not None:
            return Mean(metric, Bin("rating", outcomes.rating.low, outcomes.rating.high, MEAN_BINS))
    return None


def _right(cells: pd.DataFrame) -> np.ndarray:
    return np.asarray(numbers(cells, "predicted") == numbers(cells, "outcome"))


def _is(column: str, value: int) -> Mask:
    return lambda cells: numbers(cells, column) == value


def _in(column: str, *values: int) -> Mask:
    return lambda cells: np.isin(numbers(cells, column), values)


def _both(one: Mask, other: Mask) -> Mask:
    return lambda cells: one(cells) & other(cells)
