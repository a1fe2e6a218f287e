"""Evidently at its defaults, week by week against the baseline; see evidently.txt for its environment.

Usage: python evidently_alarms.py ROWS.parquet ALARMS.json
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import pandas as pd
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.metrics import Accuracy
from evidently.presets import DataDriftPreset

NUMERICAL = ["score"]
WORDS = ["area", "channel", "district", "kind", "language", "hours", "hardship"]
WATCHED = [*NUMERICAL, "predicted", *WORDS]


def alarms(rows: pd.DataFrame) -> list[list[object]]:
    """Returns (column, week) where a default test fails; `accuracy` is the column of the accuracy test."""
    definition = DataDefinition(
        numerical_columns=NUMERICAL,
        categorical_columns=[*WORDS, "predicted", "outcome"],
        classification=[BinaryClassification(target="outcome", prediction_labels="predicted")],
    )
    reference = Dataset.from_pandas(rows[rows["baseline"]].drop(columns="baseline"), definition)
    found: list[list[object]] = []
    for week, current in rows[~rows["baseline"]].groupby("week"):
        report = Report([DataDriftPreset(columns=WATCHED), Accuracy()], include_tests=True)
        data = Dataset.from_pandas(current.drop(columns="baseline"), definition)
        tests = report.run(data, reference).dict()["tests"]
        for test in tests:
            if test["status"] == "FAIL":
                params = test["metric_config"]["params"]
                kind = params["type"].rsplit(":", 1)[-1]
                column = {"ValueDrift": params.get("column"), "Accuracy": "accuracy"}.get(kind)
                if column is not None:
                    found.append([column, int(str(week))])
    return found


def main() -> None:
    """Writes the alarms of each stream."""
    warnings.simplefilter("ignore")
    rows = pd.read_parquet(sys.argv[1])
    given = {name: alarms(part.drop(columns="stream")) for name, part in rows.groupby("stream")}
    Path(sys.argv[2]).write_text(json.dumps(given))


if __name__ == "__main__":
    main()
