"""NannyML's univariate drift and realized performance at their defaults; see nannyml.txt for its environment.

Usage: python nannyml_report.py FOLDER
"""

from __future__ import annotations

import sys
import warnings

import nannyml
from windows import CATEGORIES, WATCHED, read, tell, used

METRICS = ["roc_auc", "f1", "precision", "recall", "specificity", "accuracy"]


def main() -> None:
    """Fits on the reference and calculates the current window, in NannyML's own ten chunks."""
    imports = used()
    warnings.simplefilter("ignore")
    columns = [*WATCHED, "y_pred", "y_true"]
    reference, current = (read(sys.argv[1], name, columns) for name in ("reference", "current"))
    drift = nannyml.UnivariateDriftCalculator(
        column_names=WATCHED,
        treat_as_categorical=CATEGORIES,
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
        categorical_methods=["chi2", "jensen_shannon"],
    )
    drift.fit(reference)
    moved = drift.calculate(current).to_df()
    performance = nannyml.PerformanceCalculator(
        problem_type="classification_binary",
        y_true="y_true",
        y_pred="y_pred",
        y_pred_proba="score",
        metrics=METRICS,
    )
    performance.fit(reference.dropna(subset=["y_true"]))
    quality = performance.calculate(current).to_df()
    tell(imports, metrics=len(moved.columns) + len(quality.columns))


if __name__ == "__main__":
    main()
