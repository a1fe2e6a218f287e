"""Findings as a table, principle by principle, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from sundial.cli.console import coloured, table
from sundial.register.principles import Principle
from sundial.report.health import WORST_FIRST
from sundial.report.plain import clean, figure, subject
from sundial.store.records import UNMEASURED_METRIC, Finding, Kind


def findings_table(findings: Sequence[Finding]) -> Table:
    """Returns the table; what comes from outside is cleaned, so that it cannot steer a terminal."""
    made = table(
        "status", "metric", "estimate", "n", "95 % interval", "reason", "id", right=("estimate", "n")
    )
    for principle in Principle:
        own = [finding for finding in findings if finding.principle == principle.value]
        if own:
            made.add_row("", Text(principle.label, style="bold"))
        for finding in sorted(own, key=lambda f: WORST_FIRST.index(f.status)):
            made.add_row(
                coloured(finding.status.value),
                # A check that measured nothing has no metric to show: its name says which one it is.
                Text(finding.check if finding.metric == UNMEASURED_METRIC else subject(finding)),
                estimate(finding),
                "" if finding.n is None else f"{finding.n:,g}" if finding.n < 1e6 else f"{finding.n:,.0f}",
                interval(finding),
                Text(clean(finding.reason)),
                finding.id,
            )
    return made


def estimate(finding: Finding) -> str:
    """Returns the estimate in the metric's unit; empty where there is none, or the reason says it in days."""
    if finding.estimate is None or finding.kind is Kind.FACTUAL:
        return ""
    return figure(finding.metric, finding.estimate)


def interval(finding: Finding) -> str:
    """Returns the interval in the metric's unit; empty where there is none."""
    if finding.interval is None:
        return ""
    low, high = (figure(finding.metric, end) for end in (finding.interval.low, finding.interval.high))
    return f"{low} to {high}"
