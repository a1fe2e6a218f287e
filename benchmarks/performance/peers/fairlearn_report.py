"""Fairlearn's metrics on rows, and scikit-learn's quality; see fairlearn.txt for the environment.

Usage: python fairlearn_report.py FOLDER [REPLICATES]

With a number of replicates, Fairlearn's own bootstrap gives the intervals of the rates by group, and nothing
else is calculated.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

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
from windows import read, tell, used

RATES = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "accuracy": metrics.accuracy_score,
}
SCALARS = {
    "demographic_parity_difference": demographic_parity_difference,
    "demographic_parity_ratio": demographic_parity_ratio,
    "equalized_odds_difference": equalized_odds_difference,
    "equalized_odds_ratio": equalized_odds_ratio,
}
QUALITY = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
    "matthews_correlation": metrics.matthews_corrcoef,
}
OF_SCORES = {
    "auc": metrics.roc_auc_score,
    "brier_score": metrics.brier_score_loss,
    "log_loss": metrics.log_loss,
}


def main() -> None:
    """Measures the rows of the current window whose truth is known."""
    imports = used()
    warnings.simplefilter("ignore")
    rows = read(sys.argv[1], "current", ["score", "y_pred", "y_true", "race", "sex"])
    rows = rows.dropna(subset=["y_true"]).astype({"y_true": "int64"})
    replicates = int(sys.argv[2]) if sys.argv[2:] else 0
    tell(imports, **(_intervals(rows, replicates) if replicates else _metrics(rows)))


def _frame(rows: pd.DataFrame, **bootstrap: Any) -> MetricFrame:
    groups = rows[["race", "sex"]]
    return MetricFrame(
        metrics=RATES, y_true=rows["y_true"], y_pred=rows["y_pred"], sensitive_features=groups, **bootstrap
    )


def _metrics(rows: pd.DataFrame) -> dict[str, Any]:
    truth, predicted, groups = rows["y_true"], rows["y_pred"], rows[["race", "sex"]]
    frame = _frame(rows)
    return {
        "groups": {" × ".join(levels): rates.to_dict() for levels, rates in frame.by_group.iterrows()},
        "difference": frame.difference().to_dict(),
        "ratio": frame.ratio().to_dict(),
        **{name: metric(truth, predicted, sensitive_features=groups) for name, metric in SCALARS.items()},
        **{name: metric(truth, predicted) for name, metric in QUALITY.items()},
        **{name: metric(truth, rows["score"]) for name, metric in OF_SCORES.items()},
    }


def _intervals(rows: pd.DataFrame, replicates: int) -> dict[str, Any]:
    frame = _frame(rows, n_boot=replicates, ci_quantiles=[0.025, 0.975], random_state=7)
    low, high = frame.by_group_ci
    return {
        "groups": {
            " × ".join(levels): {name: [low.loc[levels, name], high.loc[levels, name]] for name in RATES}
            for levels in low.index
        }
    }


if __name__ == "__main__":
    main()
