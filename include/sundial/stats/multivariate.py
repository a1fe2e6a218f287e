"""A domain classifier: can the current rows be told from the baseline's, by all columns together?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

_FOLDS = 5
_LEAST_ROWS = 20
# Levels of a category that get an indicator; the commonest few of them also interact.
_LEVELS, _LEADING_LEVELS = 20, 3
# 40 features have 820 squares and products; beyond that a call would take longer than it is worth.
_MOST_INTERACTING = 40
# Half the scale is a quarter of the prior variance: a column's own move is likelier than one of a pair alone.
_INTERACTION_SCALE = 0.5
# Equal rows may differ in the last bits of a product of matrices: ties must stay ties.
_DECIMALS = 9


@dataclass(frozen=True)
class Importance:
    """How much of the AUC is lost when one column is shuffled (Breiman 2001).

    Attributes:
        column: its place, numbers first, then codes.
        auc_drop: AUC before less AUC after.
    """

    column: int
    auc_drop: float


@dataclass(frozen=True)
class DomainShift:
    """How well current rows are told from the baseline's: 0.5 not at all, 1 always.

    `auc_without_drift` is what 95 % of relabelled samples stay below; `importances` are in falling order.
    """

    auc: float
    auc_without_drift: float
    p_value: float
    importances: tuple[Importance, ...]


def domain_classifier(
    baseline: tuple[ArrayLike, ArrayLike],
    current: tuple[ArrayLike, ArrayLike],
    permutations: int = 199,
) -> DomainShift | None:
    """Classifier two-sample test (Lopez-Paz and Oquab 2017), calibrated by permutation.

    The classifier is ridge regression of the domain on the normal scores of numbers, indicators of levels and
    of missing values, and all their squares and products, so that it sees locations, spreads and dependence
    between two columns. With more than 40 numbers and leading levels there are no products. Scores are out of
    fold, and the AUC compares rows of one fold only, as scores of two folds have different scales.

    Features, folds and the regression's hat matrix do not depend on the domain, so refitting on permuted
    domains is one more right-hand side each: the whole procedure, cross-validation included, is permuted at
    little cost, which makes the p-value valid at any size when rows are exchangeable. (A Mann–Whitney or
    DeLong test on cross-fitted scores is not: its folds share their training rows, and at .05 it rejects 11
    to 12 % of undrifted samples.) Seeds come from the sizes, and rows are sorted first: their order changes
    nothing.

    Args:
        baseline: a bounded sample (some 2,000 rows): numbers of shape (n, numbers), NaN where missing, and
            category codes of shape (n, categories), whole numbers, a code of its own where missing.
        current: the same columns of the window, m rows; a category has one coding for both.
        permutations: how many; the least p-value is 1 / (permutations + 1).

    Returns:
        The shift, or None with fewer than 20 rows in a sample or when no column varies.

    Raises:
        ValueError: when the samples differ in columns, or numbers and codes in rows.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    numbers, codes, n_baseline = _stack(baseline, current)
    n = len(numbers)
    if min(n_baseline, n - n_baseline) < _LEAST_ROWS:
        return None
    order, groups = _sorted_rows(numbers, codes)
    features = _features(numbers[order], codes[order])
    if not features.owners.size:
        return None
    rng = np.random.default_rng([n_baseline, n - n_baseline, numbers.shape[1] + codes.shape[1], permutations])
    # Among equal rows the domains have no order of their own, observed or permuted.
    observed = _in_order((order >= n_baseline).astype(np.int64)[:, None], groups)[:, 0]
    domains = np.column_stack([observed, *(rng.permutation(observed) for _ in range(permutations))])
    folds = rng.permutation(np.arange(n) % _FOLDS)
    shuffled = rng.permutation(n)
    # Several threads on matrices this small spin more than they work, and may round in another order.
    with threadpool_limits(1):
        return _cross_fit(features, _in_order(domains, groups), folds, shuffled)


@dataclass(frozen=True)
class _Features:
    """Features before products: those that interact, the rest, and the column that each comes from."""

    interacting: Floats
    others: Floats
    interacting_owners: Integers
    other_owners: Integers

    @property
    def owners(self) -> Integers:
        return np.unique(np.append(self.interacting_owners, self.other_owners))

    def shuffled(self, column: int, rows: NDArray[np.intp]) -> _Features:
        """The same with one column's rows shuffled."""
        interacting, others = self.interacting.copy(), self.others.copy()
        for values, owners in ((interacting, self.interacting_owners), (others, self.other_owners)):
            of = owners == column
            values[:, of] = values[rows][:, of]
        return _Features(interacting, others, self.interacting_owners, self.other_owners)

    def design(self) -> Floats:
        """All features, and the products in the order of `np.triu_indices`, unscaled, shape (rows, features).

        By columns, and each written where it stays: twice at once this would be most of what a report takes.
        """
        n, interacting = self.interacting.shape
        first = interacting + self.others.shape[1]
        pairs = interacting * (interacting + 1) // 2 if interacting <= _MOST_INTERACTING else 0
        found: Floats = np.empty((n, first + pairs), order="F")
        found[:, :first] = np.hstack([self.interacting, self.others])
        if pairs:
            for place, (a, b) in enumerate(zip(*np.triu_indices(interacting), strict=True), start=first):
                np.multiply(self.interacting[:, a], self.interacting[:, b], out=found[:, place])
        return found

    def scores(self, rows: NDArray[np.bool_], coefficients: Floats) -> Floats:
        """Returns what these coefficients of `design`, without a constant, give some rows.

        Products as a quadratic form: they need not be made.
        """
        x, others = self.interacting[rows], self.others[rows]
        linear, rest, products = np.split(coefficients, np.cumsum([x.shape[1], others.shape[1]]))
        found: Floats = x @ linear + others @ rest
        if len(products):
            pairs = np.zeros((x.shape[1], x.shape[1]))
            pairs[np.triu_indices(x.shape[1])] = products
            found += ((x @ pairs) * x).sum(axis=1)
        return found


def _cross_fit(
    features: _Features, domains: Integers, folds: NDArray[np.intp], shuffled: NDArray[np.intp]
) -> DomainShift:
    design = features.design()
    centre, scale = design.mean(axis=0), design.std(axis=0)
    varies = scale > 1e-9
    weight = np.full(len(scale), _INTERACTION_SCALE)
    weight[: features.interacting.shape[1] + features.others.shape[1]] = 1.0
    factor = (weight / np.where(varies, scale, 1.0))[varies]
    centre = centre[varies]

    # In its place, column by column: it is large, and one copy is enough.
    for place, column in enumerate(np.flatnonzero(varies)):
        np.subtract(design[:, column], centre[place], out=design[:, place])
        design[:, place] *= factor[place]
    scaled = design[:, : len(factor)]
    # As many units of noise as features: weak beside 4,000 rows, strong beside 200.
    fitted = ridges(scaled, domains.astype(np.float64), folds, alpha=scaled.shape[1])
    wins, pairs = np.zeros(domains.shape[1]), np.zeros(domains.shape[1])
    models: list[tuple[NDArray[np.bool_], Floats]] = []
    for fold, slopes in enumerate(fitted):
        held = folds == fold
        won, of = _pairs_won(scaled[held] @ slopes, domains[held])
        wins, pairs = wins + won, pairs + of
        coefficients = np.zeros(len(scale))
        coefficients[varies] = slopes[:, 0] * factor
        models.append((held, coefficients))
    auc = np.divide(wins, pairs, out=np.full_like(wins, 0.5), where=pairs > 0)

    drops = []
    for column in features.owners:
        moved = features.shuffled(int(column), shuffled)
        lost = sum(
            _pairs_won(moved.scores(held, coefficients)[:, None], domains[held, :1])[0][0]
            for held, coefficients in models
        )
        drops.append(Importance(int(column), float(auc[0] - lost / pairs[0])))
    return DomainShift(
        float(auc[0]),
        float(np.quantile(auc[1:], 0.95)),
        float((1 + np.count_nonzero(auc[1:] >= auc[0])) / len(auc)),
        tuple(sorted(drops, key=lambda i: (-i.auc_drop, i.column))),
    )


def ridges(features: Floats, targets: Floats, folds: NDArray[np.intp], alpha: float) -> Iterator[Floats]:
    """Ridge regression (Hoerl and Kennard 1970) on the rows outside of each fold, in the order of the folds.

    What scikit-learn's `Ridge` finds there. The sums over the rows outside of a fold are those over all rows
    less those over the fold: so each row is multiplied once, not once for every other fold, which is most of
    what a domain classifier costs.

    Args:
        features: shape (rows, features).
        targets: shape (rows, targets).
        folds: the number of each row's fold.
        alpha: strength of the penalty, above 0.

    Yields:
        Slopes, shape (features, targets). Intercepts are left out: they change no rank within a fold.

    Raises:
        numpy.linalg.LinAlgError: a value is not finite, or the penalty too small for the features.
    """
    # Of symmetric matrices one half, in LAPACK's rectangular full packed format: half the memory, no slower.
    lapack, n_features = scipy.linalg.lapack, features.shape[1]
    diagonal = np.flatnonzero(lapack.dtrttf(np.eye(n_features))[0])
    of_fold = [_sums(features[folds == fold], targets[folds == fold]) for fold in range(_FOLDS)]
    of_all = [sum(parts) for parts in zip(*of_fold, strict=True)]
    for held in of_fold:
        n, x, y, xx, xy = (a - b for a, b in zip(of_all, held, strict=True))
        penalised = lapack.dsfrk(n_features, 1, -1 / n, x[:, None], 1.0, xx, overwrite_c=True)
        penalised[diagonal] += alpha
        factor, failed = lapack.dpftrf(n_features, penalised, overwrite_a=True)
        if failed or not np.isfinite(xy).all():
            raise np.linalg.LinAlgError("features, targets and alpha must be finite, and alpha above 0")
        slopes: Floats = lapack.dpftrs(n_features, factor, xy - np.outer(x, y) / n, overwrite_b=True)[0]
        yield slopes


def _sums(x: Floats, y: Floats) -> tuple[Any, ...]:
    of_pairs = np.zeros(x.shape[1] * (x.shape[1] + 1) // 2)
    xx = scipy.linalg.lapack.dsfrk(x.shape[1], len(x), 1.0, x.T, 0.0, of_pairs, overwrite_c=True)
    return len(x), x.sum(axis=0), y.sum(axis=0), xx, x.T @ y


def _pairs_won(scores: Floats, domains: Integers) -> tuple[Floats, Floats]:
    """Pairs in which the current row has the higher score, a tie counting half, and all pairs, per column."""
    ranks = scipy.stats.rankdata(np.round(scores, _DECIMALS), axis=0)
    current = domains.sum(axis=0)
    won: Floats = (ranks * domains).sum(axis=0) - current * (current + 1) / 2
    return won, current * (len(domains) - current).astype(np.float64)


def _stack(
    baseline: tuple[ArrayLike, ArrayLike], current: tuple[ArrayLike, ArrayLike]
) -> tuple[Floats, Integers, int]:
    tables = [
        (np.asarray(x, dtype=np.float64), np.asarray(c, dtype=np.int64)) for x, c in (baseline, current)
    ]
    for numbers, codes in tables:
        if numbers.ndim != 2 or codes.ndim != 2 or len(numbers) != len(codes):
            raise ValueError(
                f"numbers have shape {numbers.shape}, codes {codes.shape}: give two tables of the same rows"
            )
    (x, c), (y, d) = tables
    if x.shape[1] != y.shape[1] or c.shape[1] != d.shape[1]:
        raise ValueError("baseline and current must have the same columns")
    return np.vstack([x, y]), np.vstack([c, d]), len(x)


def _sorted_rows(numbers: Floats, codes: Integers) -> tuple[NDArray[np.intp], Integers]:
    """An order that depends on the rows' values only, and in it the number of each run of equal rows."""
    columns = [*numbers.T, *codes.T]
    if not columns:
        return np.arange(len(numbers)), np.zeros(len(numbers), dtype=np.int64)
    ranks = np.column_stack([np.unique(column, return_inverse=True)[1] for column in columns])
    order = np.lexsort(ranks.T[::-1])
    new = np.any(np.diff(ranks[order], axis=0) != 0, axis=1)
    return order, np.append(0, np.cumsum(new)).astype(np.int64)


def _in_order(domains: Integers, groups: Integers) -> Integers:
    """Domains of shape (rows, columns), sorted within each run of equal rows."""
    ordered: Integers = np.sort(2 * groups[:, None] + domains, axis=0) % 2
    return ordered


def _features(numbers: Floats, codes: Integers) -> _Features:
    interacting: list[tuple[int, Floats]] = []
    others: list[tuple[int, Floats]] = []
    for column, values in enumerate(numbers.T):
        missing = np.isnan(values)
        score = np.zeros(len(values))
        known = values[~missing]
        if known.size:
            score[~missing] = scipy.special.ndtri((scipy.stats.rankdata(known) - 0.5) / len(known))
        interacting.append((column, score))
        others.append((column, missing.astype(np.float64)))
    for column, levels in enumerate(codes.T, start=numbers.shape[1]):
        values, counts = np.unique(levels, return_counts=True)
        common = values[np.argsort(-counts, kind="stable")][:_LEVELS]
        for place, level in enumerate(common):
            kept = interacting if place < _LEADING_LEVELS else others
            kept.append((column, (levels == level).astype(np.float64)))
    parts = []
    for found in (interacting, others):
        varying = [(column, feature) for column, feature in found if np.ptp(feature) > 0]
        owners = np.array([column for column, _ in varying], dtype=np.int64)
        table = np.column_stack([f for _, f in varying]) if varying else np.empty((len(numbers), 0))
        parts.append((table, owners))
    return _Features(parts[0][0], parts[1][0], parts[0][1], parts[1][1])
