"""Shares of outputs with a flag, held against a threshold of the policy."""

from __future__ import annotations

from dataclasses import replace

from checks.effectiveness.rates import against
from checks.measures import measure_of
from sundial.api import Finding, Side, Status, View


def flagged(view: View, metric: str, side: Side, *, nothing: str) -> Finding:
    """Returns the finding of a share, against the threshold of its name.

    Args:
        view: the judged week.
        metric: a share of outputs that `measure_of` knows.
        side: whether the threshold is a floor or a ceiling.
        nothing: the reason where no output of the window has the flag's column.
    """
    finding = against(view, measure_of(view.system, metric), view.threshold(metric, side))
    if finding.status is Status.INSUFFICIENT and not finding.n:
        return replace(finding, status=Status.NOT_MEASURED, reason=nothing)
    return finding
