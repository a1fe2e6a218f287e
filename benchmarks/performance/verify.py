"""Compares the figures of Sundial's findings with Fairlearn's and scikit-learn's on the rows of the log.

Usage: python -m benchmarks.performance.verify FOLDER

It exits with 1 where one differs by more than its tolerance, or is not there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    equalized_odds_difference,
    equalized_odds_ratio,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn import metrics

EXACT = 1e-12
SCORE_BINS = 4_000
WITHIN_BINS = 1e-6
"""Sundial's Brier score takes each row at the mean score of its bin."""
GROUPS = (("race",), ("sex",), ("race", "sex"))
RATES = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
}
PARITY = {
    "demographic_parity_difference": demographic_parity_difference,
    "demographic_parity_ratio": demographic_parity_ratio,
}
ODDS = {
    "equalized_odds_difference": equalized_odds_difference,
    "equalized_odds_ratio": equalized_odds_ratio,
}
QUALITY = {
    "accuracy": metrics.accuracy_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "false_positive_rate": false_positive_rate,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": metrics.f1_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
}

Figures = Mapping[str, tuple[float, float]]
"""Value and tolerance by `metric` or `metric column=level`."""


def main() -> int:
    """Prints each figure's largest difference by metric."""
    folder = Path(sys.argv[1])
    rows, found = on_rows(folder), findings(folder)
    differences: dict[str, list[float]] = {}
    wrong = []
    for name, (value, tolerance) in rows.items():
        ours = found.get(name, float("nan"))
        differences.setdefault(name.partition(" ")[0], []).append(abs(ours - value))
        if not abs(ours - value) <= tolerance:
            wrong.append(f"{name}: {ours!r}, on rows {value!r}, allowed {tolerance:g}")
    for metric, found_ in differences.items():
        print(f"{metric}: {len(found_)} figures, largest difference {max(found_):.2g}")
    print("\n".join(wrong) or "All equal to those on rows.", flush=True)
    return 1 if wrong else 0


def findings(folder: Path) -> Mapping[str, float]:
    """Returns the estimates of the last week's findings, as a run of the engine prints them."""
    command = [sys.executable, "-m", "benchmarks.performance.ours", str(folder), "--findings"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    return {
        _name(entry["metric"], dict(entry["slice"])): entry["estimate"]
        for entry in json.loads(told)["found"]
        if entry["estimate"] is not None and entry["check"].startswith(("effectiveness", "equity"))
    }


def on_rows(folder: Path) -> Figures:
    """Returns the same figures from the rows of the current window."""
    columns = ["score", "y_pred", "y_true", "race", "sex"]
    rows = pd.read_parquet(folder / "log" / "current", columns=columns)
    known = rows.dropna(subset=["y_true"]).astype({"y_true": "int64"})
    truth, predicted = known["y_true"], known["y_pred"]
    figures: dict[str, tuple[float, float]] = {}
    for groups in GROUPS:
        figures |= _of_groups(rows, known, list(groups))
    figures |= {name: (metric(truth, predicted), EXACT) for name, metric in QUALITY.items()}
    figures["auc"] = metrics.roc_auc_score(truth, known["score"]), _shared_pairs(known)
    figures["brier"] = metrics.brier_score_loss(truth, known["score"]), WITHIN_BINS
    return figures


def _of_groups(rows: pd.DataFrame, known: pd.DataFrame, groups: list[str]) -> Figures:
    by = {"by": " × ".join(groups)}
    figures: dict[str, tuple[float, float]] = {}
    for metric, function in RATES.items():
        # Of every output there is whether it was selected; the other rates need the truth.
        of = rows.assign(y_true=0) if metric == "selection_rate" else known
        frame = MetricFrame(
            metrics=function, y_true=of["y_true"], y_pred=of["y_pred"], sensitive_features=of[groups]
        )
        for level, value in frame.by_group.items():
            levels = level if isinstance(level, tuple) else (level,)
            figures[_name(metric, dict(zip(groups, levels, strict=True)))] = value, EXACT
        figures[_name(f"{metric}_difference", by)] = frame.difference(), EXACT
    for functions, of in ((PARITY, rows.assign(y_true=0)), (ODDS, known)):
        for metric, function in functions.items():
            value = function(of["y_true"], of["y_pred"], sensitive_features=of[groups])
            figures[_name(metric, by)] = value, EXACT
    return figures


def _name(metric: str, where: Mapping[str, Any]) -> str:
    return " ".join([metric, *(f"{column}={level}" for column, level in sorted(where.items()))])


def _shared_pairs(known: pd.DataFrame, bins: int = SCORE_BINS) -> float:
    """Returns half the share of pairs of a positive and a negative whose scores share a bin."""
    place = np.minimum((known["score"].to_numpy() * bins).astype(int), bins - 1)
    positive, negative = (np.bincount(place[known["y_true"] == truth], minlength=bins) for truth in (1, 0))
    return float((positive * negative).sum() / positive.sum() / negative.sum() / 2)


if __name__ == "__main__":
    raise SystemExit(main())
