"""Evidently's drift and classification presets at their defaults; see evidently.txt for its environment.

Usage: python evidently_report.py FOLDER
"""

from __future__ import annotations

import sys
import warnings

from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.presets import ClassificationPreset, DataDriftPreset
from windows import CATEGORIES, NUMBERS, WATCHED, read, tell, used


def main() -> None:
    """Runs one report of the current window against the reference."""
    imports = used()
    warnings.simplefilter("ignore")
    definition = DataDefinition(
        numerical_columns=NUMBERS,
        categorical_columns=[*CATEGORIES, "y_pred", "y_true"],
        classification=[
            BinaryClassification(target="y_true", prediction_labels="y_pred", prediction_probas="score")
        ],
    )
    columns = [*WATCHED, "y_pred", "y_true"]
    drift = Report([DataDriftPreset(columns=WATCHED)])
    windows = {name: read(sys.argv[1], name, columns) for name in ("reference", "current")}
    data = {name: Dataset.from_pandas(rows, definition) for name, rows in windows.items()}
    moved = drift.run(data["current"], data["reference"]).dict()
    # Its classification metrics take no row without truth.
    known = {
        name: Dataset.from_pandas(rows.dropna(subset=["y_true"]).astype({"y_true": "int64"}), definition)
        for name, rows in windows.items()
    }
    quality = Report([ClassificationPreset()]).run(known["current"], known["reference"]).dict()
    tell(imports, metrics=len(moved["metrics"]) + len(quality["metrics"]))


if __name__ == "__main__":
    main()
