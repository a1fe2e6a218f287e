"""NannyML at its defaults, by week. Runs in its own environment, see nannyml.txt.

Usage: python nannyml_alarms.py ROWS.parquet ALARMS.json
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import nannyml
import pandas as pd

WORDS = ["area", "channel", "district", "kind", "language", "hours", "hardship", "predicted"]
WATCHED = ["score", *WORDS]


def alarms(rows: pd.DataFrame) -> list[list[object]]:
    """Returns (column, week) where a default threshold is crossed by drift, missing values or accuracy."""
    first = rows["week"].min()
    rows = rows.assign(made_on=pd.Timestamp("2024-01-03") + pd.to_timedelta(7 * (rows["week"] - first), "D"))
    rows[WORDS] = rows[WORDS].astype("category")
    reference, analysis = rows[rows["baseline"]], rows[~rows["baseline"]]
    weeks = sorted(analysis["week"].unique())
    given = {"timestamp_column_name": "made_on", "chunk_period": "W"}
    drift = nannyml.UnivariateDriftCalculator(
        column_names=WATCHED, treat_as_categorical=["predicted"], **given
    )
    missing = nannyml.MissingValuesCalculator(column_names=WATCHED, **given)
    accuracy = nannyml.PerformanceCalculator(
        problem_type="classification_binary",
        y_true="outcome",
        y_pred="decided",
        y_pred_proba="score",
        metrics=["accuracy"],
        **given,
    )
    found: list[list[object]] = []
    for calculator, name in ((drift, None), (missing, None), (accuracy, "accuracy")):
        calculator.fit(reference)
        result = calculator.calculate(analysis).filter(period="analysis").to_df()
        for column in [column for column in result.columns if column[-1] == "alert"]:
            raised = result[column].to_numpy()
            found += [[name or column[0], int(weeks[place])] for place in raised.nonzero()[0]]
    return found


def main() -> None:
    """Writes the alarms of each stream."""
    warnings.simplefilter("ignore")
    rows = pd.read_parquet(sys.argv[1])
    rows["decided"] = rows["predicted"]
    given = {name: alarms(part.drop(columns="stream")) for name, part in rows.groupby("stream")}
    Path(sys.argv[2]).write_text(json.dumps(given))


if __name__ == "__main__":
    main()
