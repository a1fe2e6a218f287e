"""Findings in plain sentences: every number with its n and 95 % interval, and careful words.

A rate *differs*; a system is never called biased. Whatever comes from outside is cleaned here, so that no
control character reaches a page, a mail or a terminal.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sundial.stats.intervals import proportion
from sundial.store.records import UNMEASURED_METRIC, Evidence, Finding, Kind, Side, Status

LONGEST = 400
"""Characters of a name or reason that are shown; an error message may be a page long."""

_METRICS = {
    "auc": "Area under the ROC curve",
    "brier": "Brier score",
    "domain_classifier_auc": "AUC of telling the window's outputs from the baseline's",
    "false_positive_rate": "False-positive rate",
    "true_positive_rate": "True-positive rate",
    "ai_review_age": "AI Review",
    "open_incidents": "Open incidents",
    "retired_but_running": "Retired, and still running",
    "fact_sheet_age": "FactSheet",
    "fact_sheet_version": "FactSheet version",
    "register_entry_incomplete": "Register entry",
    "outcome_review_age": "Review of the intended outcome",
    "ndcg": "NDCG of the list",
    "pii_share": "Share of texts with patterns of personal data",
    "within_tolerance": "Within the tolerance",
    "human_review_share": "Share of outputs that a person looked at",
    "no_human_share": "Share of decisions without any person",
    "override_share_low": "Share of outputs that people decided otherwise, too few",
    "override_share_high": "Share of outputs that people decided otherwise, too many",
    "hours_to_review": "Mean hours from an output to its review",
    "owner_confirmed_age": "Confirmation of the owner",
    "access_share": "Share of those served",
    "equity_plan_age": "Equity plan",
    "complaint_share": "Complaints for each output",
    "overturned_share": "Share of appeals that overturned the decision",
    "opt_out_share": "Share of people who opted out",
    "human_request_honoured_share": "Share of requests for a human that were honoured",
    "abandoned_share": "Share of sessions that people gave up",
    "recontact_share": "Share of sessions whose people came back within 7 days",
    "consultation_age": "Consultation",
    "accessibility_age": "Accessibility check",
    "data_usage_report_age": "Data usage report",
    "duplicate_share": "Share of rows that had come before",
    "outlier_share": "Share of values outside the usual range",
    "version_integrity": "Registered version",
    "canary_share": "Share of canary prompts answered wrongly",
    "marked_share": "Share of outputs marked as made by AI",
    "explained_share": "Share of outputs with an explanation",
    "published_small_cells": "Small counts in what is published",
    "security_review_age": "Security review",
    "trained_share": "Share of users who are trained",
    "active_share": "Share of users or licences in use",
    "negative_feedback_share": "Share of staff feedback that is negative",
    "time_saved_share": "Staff time saved",
    "training_material_age": "Training material",
    "f1": "F1 score",
    "matthews_corrcoef": "Matthews correlation",
}
_PERCENT = frozenset({"accuracy", "precision", "recall", "specificity", "within_tolerance"})
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNITS = re.compile(
    r"(?<=\d) (?=%|points\b)|(?<=\bn) (?=\d)|(?<=\b1) (?=in \d)|(?<=\b1 in) (?=\d)|(?<=95 %) (?=\d)"
)
_RANGES = re.compile(r"(?<=\d)–(?=\d)")
_POWERS_FROM = 6  # one in a million: from here on only the power of ten is said
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def clean(text: str, longest: int = LONGEST) -> str:
    """Returns text on one line, without control characters and changes of direction, cut to a length."""
    shown = "".join(" " if _hidden(character) else character for character in text)
    line = " ".join(shown.split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def _hidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def day(value: date) -> str:
    """Returns a day as a resident writes it, such as "June 22, 2015"."""
    return f"{_MONTHS[value.month - 1]} {value.day}, {value.year}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Returns a count with its noun, such as "1 week" or "1,200 weeks"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def metric_name(metric: str) -> str:
    """Returns a metric's name as words."""
    kind = next((f" {end}" for end in ("difference", "ratio") if metric.endswith(f"_{end}")), "")
    base = metric.removesuffix(kind.replace(" ", "_"))
    words = _METRICS.get(base) or words_of(base)
    return f"{words[:1].upper()}{words[1:]}{kind}"


def one_in(log_e: float) -> str:
    """Returns "1 in N" for evidence exp(log_e), rounded down: never a stronger claim than the evidence."""
    power = log_e / math.log(10)
    if power >= _POWERS_FROM:
        return f"1 in 10^{math.floor(power)}"
    value = math.exp(log_e)
    unit = 10 ** max(math.floor(power) - 1, 0)  # two leading digits
    return f"1 in {math.floor(value / unit) * unit:,}"


def figure(metric: str, value: float, beside: float | None = None) -> str:
    """Returns a value in its metric's unit: percent, percentage points, or a number.

    Args:
        metric: name of the metric.
        value: a proportion as such, 0.1 for "10.0 %".
        beside: another value that it is compared with; it gets one more digit where the two would look alike.
    """
    same = beside is not None and value != beside and figure(metric, value) == figure(metric, beside)
    more = int(same)
    if not math.isfinite(value):
        return "unbounded"
    if metric in _PERCENT or metric.endswith(("_rate", "_share", "_share_low", "_share_high")):
        return f"{_minus(100 * value, 1 + more)} %"
    if metric.endswith(("_difference", "_change", "_against_process")):
        return f"{_minus(100 * value, 1 + more)} points"
    return _minus(value, (2 if metric.endswith("_ratio") else 3) + more)


def estimate(
    metric: str,
    value: float,
    low: float | None,
    high: float | None,
    n: float | None,
    beside: float | None = None,
) -> str:
    """Returns a value with its 95 % interval and n; where there is no interval it says so."""
    spread = "no interval" if low is None or high is None else f"95 % {_span(metric, low, high)}"
    return f"{figure(metric, value, beside)} ({spread}, {measured_n(n)})"


def measured_n(n: float | None) -> str:
    """Returns what a number rests on, such as "n 1,200"."""
    return "n unknown" if n is None else f"n {_rows(n)}"


def _rows(n: float) -> str:
    return f"{int(n):,}" if float(n).is_integer() else f"{n:,.1f}"


def sentence(finding: Finding) -> str:
    """Returns what a finding says of what, in one sentence or two."""
    return f"{subject(finding)}: {said(finding)}"


def said(finding: Finding) -> str:
    """Returns what a finding says: the estimate and how far its evidence goes, or the reason."""
    if finding.kind is Kind.FACTUAL or finding.estimate is None:
        return clean(finding.reason)
    return f"{_measured(finding)}; {verdict(finding)}.{_refusals(finding)}"


def _refusals(finding: Finding) -> str:
    """Returns the most frequent reason of refused rows; nothing for other findings."""
    reasons = finding.details.get("reasons")
    if finding.metric != "refused_share" or not isinstance(reasons, Mapping) or not reasons:
        return ""
    most = min(reasons, key=lambda reason: (-reasons[reason], reason))
    return f" Most frequent reason: {clean(most, 200).rstrip('.')}."


def verdict(finding: Finding) -> str:
    """Returns how far the evidence of a statistical finding goes."""
    chance = _chance(finding.evidence)
    match finding.status:
        case Status.BREACH if finding.evidence is not None and not chance:
            return f"confirmed by evidence carried over {count(finding.evidence.weeks, 'week')}"
        case Status.BREACH:
            return f"confirmed{chance}"
        case Status.WATCH if finding.evidence is None:
            return "looks beyond the limit; a warning sign that no carried evidence can confirm"
        case Status.WATCH:
            return f"looks beyond the limit, not confirmed{chance}"
        case Status.OK if finding.threshold is None:
            return "reported, no limit applies"
        case Status.OK:
            return "within the limit"
        case _:
            return clean(finding.reason).rstrip(".")


def target(metric: str, value: float, *, ceiling: bool) -> str:
    """Returns an approved target, such as "at least 60.0 %"."""
    return f"at {'most' if ceiling else 'least'} {figure(metric, value)}"


def _chance(evidence: Evidence | None) -> str:
    """Returns how likely chance is at most; nothing where the evidence does not speak against chance."""
    if evidence is None or evidence.log_e < math.log(2):  # "1 in 1" says nothing
        return ""
    return f", evidence {one_in(evidence.log_e)} against chance"


def subject(finding: Finding) -> str:
    """Returns the metric and whom it is about: "False-positive rate by race: African-American"."""
    gap = isinstance(finding.details.get("rates"), Mapping)
    name = metric_name(finding.metric.removesuffix("_difference") if gap else finding.metric)
    if finding.metric == UNMEASURED_METRIC:  # all that the check looks at
        name = metric_name(finding.check.rpartition(".")[2])
    if not finding.slice:
        return name
    columns, levels = zip(*finding.slice, strict=True)
    if columns == ("by",):
        return f"{name} by {words_of(levels[0].replace(' × ', ' and '))}"
    if columns in (("column",), ("feed",)):
        return f"{name} of {words_of(levels[0])}"
    shown = ", ".join(clean(level) for level in levels)
    return f"{name} by {' and '.join(words_of(column) for column in columns)}: {shown}"


def _measured(finding: Finding) -> str:
    details = finding.details
    if finding.metric.endswith("_difference") and isinstance(details.get("rates"), Mapping):
        return _gap(finding)
    if finding.metric.endswith("_share_change") and "baseline_share" in details:
        return _shift(finding)
    value, low, high = finding.estimate or 0.0, None, None
    if finding.interval is not None:
        low, high = finding.interval.low, finding.interval.high
    if finding.metric == "volume_ratio":
        return (
            f"{figure('volume_ratio', value)} times the baseline's pace (a count, n {_rows(finding.n or 0)})"
        )
    limit = finding.threshold.value if finding.threshold is not None else None
    return f"{estimate(finding.metric, value, low, high, finding.n, limit)}{_against(finding)}"


def _against(finding: Finding) -> str:
    """Returns what the estimate is held against: everyone else, the named group, or the limit in force."""
    details = finding.details
    for who, rate, n in (
        ("everyone else", details.get("rest"), details.get("rest_n")),
        (details.get("reference"), details.get("reference_rate"), details.get("reference_n")),
    ):
        if isinstance(rate, float | int) and isinstance(n, float | int):
            return f" against {_share(finding.metric, rate, n)} for {clean(str(who))}"
    threshold = finding.threshold
    if threshold is None:
        return ""
    if finding.metric.endswith("_against_process"):
        rate = finding.metric.removesuffix("_against_process")
        without = _share(rate, threshold.value, details.get("process_n"))
        return f"; without AI ({clean(str(details.get('process', '')), 60)}) {without}"
    bound = {Side.FLOOR: "at least", Side.CEILING: "at most", Side.TOLERANCE: "tolerated"}[threshold.side]
    chosen = {"city": "", "system": ", chosen for this system"}
    whose = chosen.get(threshold.set_for, f", chosen for {clean(threshold.set_for)}")
    return f"; {bound} {figure(finding.metric, threshold.value)}{whose}"


def _gap(finding: Finding) -> str:
    """Returns the groups with the highest and the lowest rate: an interval of a picked gap would mislead."""
    rates: Mapping[str, float] = finding.details["rates"]
    counts: Mapping[str, float] = finding.details.get("n", {})
    rate = finding.metric.removesuffix("_difference")
    ends = sorted(rates, key=lambda group: (rates[group], group))
    limit = finding.threshold.value if finding.threshold else None
    gap = figure(finding.metric, finding.estimate or 0.0, limit)
    if not ends:
        return f"largest gap {gap} (no interval, n {_rows(finding.n or 0)})"
    high, low = (f"{clean(g)} {_share(rate, rates[g], counts.get(g))}" for g in (ends[-1], ends[0]))
    tolerated = f"; tolerated {figure(finding.metric, finding.threshold.value)}" if finding.threshold else ""
    return f"largest gap {gap}: {high} against {low}{tolerated}"


def _shift(finding: Finding) -> str:
    details = finding.details
    now = _share("share", float(details.get("share", 0.0)), finding.n, "_share")
    before = figure("_share", float(details["baseline_share"]))
    tolerated = f"; tolerated {figure('_change', finding.threshold.value)}" if finding.threshold else ""
    level = clean(str(details.get("level", "")), 60)
    return f"largest change at “{level}”, {now} against {before} in the baseline{tolerated}"


def _share(metric: str, value: float, n: float | None, unit: str | None = None) -> str:
    """Returns a proportion with the Wilson interval of its count."""
    hits = round(value * n) if n and float(n).is_integer() else value * (n or 0)
    found = proportion(min(n, max(0, hits)), n) if n else None
    low, high = (found.low, found.high) if found else (None, None)
    return estimate(unit or metric, value, low, high, n)


def _span(metric: str, low: float, high: float) -> str:
    first, last = figure(metric, low), figure(metric, high)
    for unit in (" %", " points"):
        if first.endswith(unit) and last.endswith(unit):
            first = first.removesuffix(unit)
    return f"{first} to {last}" if "−" in first + last else f"{first}–{last}"


def _minus(value: float, digits: int) -> str:
    shown = f"{value:,.{digits}f}"
    return shown.replace("-", "−") if float(shown.replace(",", "")) else shown.lstrip("-")


def words_of(name: str) -> str:
    """Returns a name of the register or the data as words."""
    return clean(name.replace("_", " "), 60)


def tight(text: str) -> str:
    """Returns text whose numbers stay with their units, and intervals whole, when a line is broken."""
    return _RANGES.sub("–\u2060", _UNITS.sub("\u00a0", text))


def joined(words: Sequence[str], most: int = 6) -> str:
    """Returns words as a list in a sentence, the rest as a count."""
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{len(words) - most:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def text_lines(body: Any, most: int) -> list[str]:
    """Returns the first lines of a Markdown text as plain lines, without tables and marks."""
    lines = []
    for raw in str(body).splitlines():
        line = clean(raw)
        if not line or line.startswith("|"):
            continue
        lines.append(line.lstrip("->#* ").replace("**", ""))
    return [line for line in lines if line][:most]
