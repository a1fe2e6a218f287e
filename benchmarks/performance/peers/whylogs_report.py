"""whylogs' profiles of both windows and its drift scores; see whylogs.txt for its environment.

Usage: python whylogs_report.py FOLDER
"""

from __future__ import annotations

import sys
import warnings

import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores
from windows import WATCHED, read, tell, used


def main() -> None:
    """Profiles both windows, one after the other, and scores the drift between the profiles."""
    imports = used()
    warnings.simplefilter("ignore")
    views = [whylogs.log(read(sys.argv[1], name, WATCHED)).view() for name in ("current", "reference")]
    scores = calculate_drift_scores(target_view=views[0], reference_view=views[1], with_thresholds=True)
    tell(imports, metrics=sum(score is not None for score in scores.values()))


if __name__ == "__main__":
    main()
