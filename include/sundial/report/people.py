"""Findings as counts of people: "Of 1,000 people who did not re-offend, the score flagged 361 if …".

The numbers are the finding's, each with its 95 % interval and n; the words are the register entry's. Where a
finding is no share of anything, `sundial.report.plain` says what it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sundial.register.feeds import OutputsFeed
from sundial.register.models import System
from sundial.report.plain import clean, count, measured_n, said, sentence, subject, verdict, words_of
from sundial.stats.intervals import proportion
from sundial.store.records import Finding, Kind, Side, Status, Threshold

_MOST = 1_000_000
"""The largest number of people that a sentence speaks of."""
_POWER = re.compile(r"10\^(\d+)")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class _Share:
    """A share in words: "Of 1,000 `whole`, `before`361`after`"; both ends may be empty."""

    whole: str
    before: str = ""
    after: str = ""


_OF_TRUTH = {
    "recall": _Share("{people} {positive}", "{flagged} "),
    "true_positive_rate": _Share("{people} {positive}", "{flagged} "),
    "false_positive_rate": _Share("{people} {negative}", "{flagged} "),
    "false_negative_rate": _Share("{people} {positive}", "the system missed "),
    "specificity": _Share("{people} {negative}", "the system was right about "),
    "precision": _Share("{people} that {flagged}", "", " were {people} {positive}"),
    "selection_rate": _Share("{people}", "{flagged} "),
    "outcome_rate": _Share("{people}", "", " were {people} {positive}"),
}
"""Of outputs that are a yes or no: the register's words say what yes and no are."""
_OF_ALL = {
    "accuracy": _Share("{people} whose outcome is known", "the system was right about "),
    "within_tolerance": _Share("{people} whose outcome is known", "", " came within the tolerance"),
    "hit_rate": _Share("lists", "", " had what was wanted among the first"),
    "resolution_rate": _Share("requests", "", " were resolved"),
    "escalation_rate": _Share("requests", "", " went on to a person"),
    "correction_rate": _Share("answers", "", " had to be corrected"),
    "human_review_share": _Share("outputs", "a person looked at "),
    "no_human_share": _Share("decisions", "", " were made without any person"),
    "override_share_low": _Share("outputs that people reviewed", "people decided ", " otherwise"),
    "override_share_high": _Share("outputs that people reviewed", "people decided ", " otherwise"),
    "sole_factor_share": _Share("reviews", "", " decided otherwise"),
    "complaint_share": _Share("outputs", "", " drew a complaint"),
    "overturned_share": _Share("decided appeals", "", " overturned the decision"),
    "opt_out_share": _Share("people", "", " opted out"),
    "human_request_honoured_share": _Share("requests for a human", "", " were honoured"),
    "abandoned_share": _Share("sessions", "", " were given up"),
    "recontact_share": _Share("sessions", "", " were followed by another within 7 days"),
    "trained_share": _Share("users", "", " have valid training"),
    "active_share": _Share("users or licences", "", " were in use"),
    "negative_feedback_share": _Share("pieces of staff feedback", "", " were negative"),
    "late_share": _Share("outputs", "", " came late"),
    "failed_share": _Share("outputs", "", " failed"),
    "abstained_share": _Share("outputs", "the system abstained in "),
    "marked_share": _Share("outputs", "", " were marked as made by AI"),
    "explained_share": _Share("outputs", "", " had an explanation"),
    "known_outcomes_share": _Share("outputs", "the outcome is known of "),
    "unknown_group_share": _Share("outputs", "the group is not known of "),
    "missing_share": _Share("values", "", " were missing"),
    "outlier_share": _Share("values", "", " were outside the usual range"),
    "pii_share": _Share("texts", "", " had patterns of personal data"),
    "canary_share": _Share("canary prompts", "", " were answered wrongly"),
    "duplicate_share": _Share("rows", "", " had come before"),
    "refused_share": _Share("rows", "the data contract refused "),
}


def plain(finding: Finding, system: System) -> str:
    """Returns what a finding says, in counts of people where it is a share; it stands without a heading."""
    unseen = _without_estimate(finding)
    return counted(finding, system) or raised(
        f"{subject(finding)}: {unseen}" if unseen else sentence(finding)
    )


def under_its_subject(finding: Finding, system: System) -> str:
    """Returns the same where the metric and whom it is about stand beside it."""
    return counted(finding, system) or raised(_without_estimate(finding) or said(finding))


def _without_estimate(finding: Finding) -> str | None:
    """Returns what a breach says in whose window nothing was measured: that its evidence still stands."""
    evidence = finding.evidence
    if finding.status is not Status.BREACH or finding.estimate is not None or evidence is None:
        return None
    weeks = count(finding.window.weeks, "week") if finding.window else "its window"
    return (
        f"{verdict(finding).capitalize()}; in {weeks} up to now there is nothing to estimate it from (n 0)."
    )


def raised(text: str) -> str:
    """Returns text with its powers of ten as people write them: 10⁹."""
    return _POWER.sub(lambda power: f"10{power[1].translate(_SUPERSCRIPTS)}", text)


def counted(finding: Finding, system: System) -> str | None:
    """Returns the sentence in counts; None for a fact, and for a metric that is no share with words."""
    details = finding.details
    if finding.kind is Kind.FACTUAL or finding.estimate is None:
        return None
    if finding.metric.endswith("_share_change") and "baseline_share" in details:
        return _shift(finding)
    if finding.metric == "outcome_rate_change" and "baseline_rate" in details:
        return _outcomes(finding, system)
    if finding.metric.endswith("_against_process"):
        return _process(finding, system)
    if finding.metric == "auc":
        return _pairs(finding, system)
    gap = finding.metric.endswith("_difference") and isinstance(details.get("rates"), Mapping)
    share = _words(finding.metric.removesuffix("_difference") if gap else finding.metric, system)
    if share is None:
        return None
    return _gap(finding, share) if gap else _rate(finding, share)


def _words(metric: str, system: System) -> _Share | None:
    found = _OF_ALL.get(metric) or (_OF_TRUTH.get(metric) if _is_yes_or_no(system.feeds.outputs) else None)
    if found is None:
        return None
    words = {name: clean(value, 60) for name, value in system.words}
    return _Share(*(_filled(part, words) for part in (found.whole, found.before, found.after)))


def _filled(part: str, words: Mapping[str, str]) -> str:
    """Returns a part with the register's words; braces in those stay text."""
    return re.sub(r"\{(\w+)\}", lambda name: words[name[1]], part)


def _is_yes_or_no(outputs: OutputsFeed | None) -> bool:
    return outputs is None or outputs.task == "binary"


def _rate(finding: Finding, share: _Share) -> str:
    """Returns one rate, and beside it the rest's or the reference's, or the limit in force."""
    value, details = finding.estimate or 0.0, finding.details
    interval = (finding.interval.low, finding.interval.high) if finding.interval else None
    other = _other(details)
    limit = finding.threshold.value if finding.threshold and other is None else None
    of = _scale([value, other[1]] if other else [value], limit)
    whole, where = _where(finding, share.whole)
    this = _number(value, interval, finding.n, of)
    if other is None:
        return (
            f"Of {of:,} {whole}, {share.before}{this}{where}{share.after}"
            f"{_limit(finding.threshold, of)}; {_how_far(finding)}.{_most_refused(finding)}"
        )
    name, rate, n = other
    whose = "otherwise" if name is None else f"if {clean(name)}"
    that = _number(rate, _wilson(rate, n), n, of)
    return (
        f"Of {of:,} {whole}, {share.before}{this}{where} and {that} {whose}{share.after}"
        f"{_limit(finding.threshold, of)}; {_how_far(finding)}."
    )


def _other(details: Mapping[str, object]) -> tuple[str | None, float, float] | None:
    """Returns name, rate and n of whom a group is held against; None as name is everyone else."""
    for name, rate, n in (
        (None, details.get("rest"), details.get("rest_n")),
        (details.get("reference"), details.get("reference_rate"), details.get("reference_n")),
    ):
        if isinstance(rate, float | int) and isinstance(n, float | int):
            return (None if name is None else str(name)), float(rate), float(n)
    return None


def _where(finding: Finding, whole: str) -> tuple[str, str]:
    """Returns the whole and what follows the count, for the finding's slice."""
    if not finding.slice:
        return whole, ""
    columns, levels = zip(*finding.slice, strict=True)
    if columns in (("column",), ("feed",), ("by",)):
        return f"{whole} of {words_of(levels[0].replace(' × ', ' and '))}", ""
    return whole, f" if {', '.join(clean(level) for level in levels)}"


def _gap(finding: Finding, share: _Share) -> str | None:
    """Returns the groups with the highest and the lowest rate; a picked gap has no interval of its own."""
    rates: Mapping[str, float] = finding.details["rates"]
    counts: Mapping[str, float] = finding.details.get("n", {})
    if len(rates) < 2:
        return None
    ends = sorted(rates, key=lambda group: (rates[group], group))
    of = _scale([rates[ends[-1]], rates[ends[0]]])
    high, low = (
        f"{_number(rates[g], _wilson(rates[g], counts.get(g)), counts.get(g), of)} if {_group(g)}"
        for g in (ends[-1], ends[0])
    )
    gap = f"a gap of {_count((finding.estimate or 0.0) * of)}"
    tolerated = f", {_count(finding.threshold.value * of)} tolerated" if finding.threshold else ""
    said_of_them = f"{share.before}{high} and {low}{share.after}"
    return f"Of {of:,} {share.whole}, {said_of_them}: {gap}{tolerated}; {_how_far(finding)}."


def _group(name: str) -> str:
    return clean(name).replace(" × ", ", ")


def _shift(finding: Finding) -> str:
    """Returns the level that moved most, now and in the baseline."""
    details = finding.details
    now, before = float(details.get("share", 0.0)), float(details["baseline_share"])
    of = _scale([now, before])
    level = clean(str(details.get("level", "")), 60)
    what = (
        words_of(finding.slice[0][1])
        if finding.slice
        else words_of(finding.metric.removesuffix("_share_change"))
    )
    tolerated = (
        f"; a change of {_count(finding.threshold.value * of)} is tolerated" if finding.threshold else ""
    )
    return (
        f"Of {of:,} outputs, {_number(now, _wilson(now, finding.n), finding.n, of)} had {what} “{level}”, "
        f"against {_count(before * of)} in the baseline{tolerated}; {_how_far(finding)}."
    )


def _outcomes(finding: Finding, system: System) -> str | None:
    """Returns how often the outcome was positive at the score where that changed most."""
    details, share = finding.details, _words("outcome_rate", system)
    if share is None or not isinstance(details.get("rate"), float | int):
        return None
    now, before = float(details["rate"]), float(details["baseline_rate"])
    of = _scale([now, before])
    at = f" in tenth {details['tenth']} of the score" if "tenth" in details else ""
    return (
        f"Of {of:,} {share.whole}{at}, {_number(now, _wilson(now, finding.n), finding.n, of)}{share.after}, "
        f"against {_count(before * of)} in the baseline{_limit(finding.threshold, of)}; {_how_far(finding)}."
    )


def _process(finding: Finding, system: System) -> str | None:
    """Returns the system's rate beside that of the process without AI, and how far the two differ."""
    details, interval, process = finding.details, finding.interval, finding.threshold
    share = _words(finding.metric.removesuffix("_against_process"), system)
    rate, n = details.get("rate"), details.get("process_n")
    if share is None or process is None or not isinstance(rate, float | int):
        return None
    of = _scale([rate, process.value])
    ends = "no interval"
    if interval is not None:
        ends = f"95 % {_signed(interval.low * of)} to {_signed(interval.high * of)}"
    return (
        f"Of {of:,} {share.whole}, {share.before}{_number(rate, _wilson(rate, finding.n), finding.n, of)}"
        f"{share.after}; without AI ({clean(str(details.get('process', '')), 60)}) it is "
        f"{_number(process.value, _wilson(process.value, n), n, of)}: a difference of "
        f"{_signed((finding.estimate or 0.0) * of)} ({ends}); {_how_far(finding)}."
    )


def _signed(value: float) -> str:
    return _count(value).replace("-", "−")


def _pairs(finding: Finding, system: System) -> str | None:
    if not _is_yes_or_no(system.feeds.outputs):
        return None
    words = {name: clean(value, 60) for name, value in system.words}
    interval = (finding.interval.low, finding.interval.high) if finding.interval else None
    pairs = f"{words['people']}, one {words['positive']} and one {words['negative']}"
    ranked = _number(finding.estimate or 0.0, interval, finding.n, 1_000)
    limit = _limit(finding.threshold, 1_000)
    return f"Of 1,000 pairs of {pairs}, the score ranked {ranked} rightly{limit}; {_how_far(finding)}."


def _how_far(finding: Finding) -> str:
    return raised(verdict(finding))


def _limit(threshold: Threshold | None, of: int) -> str:
    if threshold is None:
        return ""
    number = _count(threshold.value * of)
    shown = {
        Side.FLOOR: f"; at least {number} are asked for",
        Side.CEILING: f"; at most {number} are allowed",
        Side.TOLERANCE: f"; a difference of {number} is tolerated",
    }[threshold.side]
    chosen = {"city": "", "system": ", chosen for this system"}
    return shown + chosen.get(threshold.set_for, f", chosen for {clean(threshold.set_for)}")


def _most_refused(finding: Finding) -> str:
    reasons = finding.details.get("reasons")
    if finding.metric != "refused_share" or not isinstance(reasons, Mapping) or not reasons:
        return ""
    most = min(reasons, key=lambda reason: (-reasons[reason], reason))
    return f" Most frequent reason: {clean(most, 200).rstrip('.')}."


def _wilson(rate: float, n: float | None) -> tuple[float, float] | None:
    if not n:
        return None
    found = proportion(min(n, max(0, round(rate * n) if float(n).is_integer() else rate * n)), n)
    return None if found is None else (found.low, found.high)


def _number(value: float, interval: tuple[float, float] | None, n: float | None, of: int) -> str:
    """Returns a count with its 95 % interval and n: "361 (95 % 312–413, n 341)"."""
    spread = "no interval"
    if interval is not None:
        spread = f"95 % {_count(interval[0] * of)}–{_count(interval[1] * of)}"
    return f"{_count(value * of)} ({spread}, {measured_n(n)})"


def _count(value: float) -> str:
    return f"{round(value):,}"


def _scale(rates: Sequence[float], limit: float | None = None) -> int:
    """Returns of how many people to speak: of 1,000; more where that shows nobody, or no difference."""
    of = 1_000
    compared = [*rates, *([] if limit is None else [limit])]
    while of < _MOST and (
        0 < max(rates) * of < 10 or len({round(one * of) for one in compared}) < len(set(compared))
    ):
        of *= 10
    return of
