"""The case that a question puts in front of people: the rule, the evidence, and what was said before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sundial.register.measures import MEASURES
from sundial.register.models import System
from sundial.register.prohibited_uses import ProhibitedUses
from sundial.store.cases import EVIDENCE, Cases, Episode, Event

LONGEST = 4000
"""Characters of an answer that are shown in a case."""

_NO_EVIDENCE = "- Evidence: none was measured; the case was opened by hand."

_LIKES = str.maketrans("<>[]|*`\\", "‹›()¦∗'∖")


def case_body(cases: Cases, episode: Episode, system: System) -> str:
    """Returns the case as Markdown: the rule, the evidence, and what was said before.

    A case that a person opened has no evidence: then what they said stands for itself.
    """
    events = cases.events(episode.id)
    evidence = [event.payload for event in events if event.kind == EVIDENCE]
    latest = evidence[-1].get("finding") if evidence else None
    record = episode.record
    notice = [f"> {plain(system.notice)}", ""] if system.notice else []
    outcome = record["intended_outcome"]
    harm = record["harm"] if latest and latest["metric"].endswith("_difference") else None
    lines = [
        *notice,
        f"**{plain(record['rule']['sentence'])}**",
        "",
        (
            f"- Intended outcome: {plain(outcome['statement'])} "
            f"(target: {outcome['metric'].replace('_', ' ')} {_figure(outcome['metric'], outcome['target'])})"
        ),
        *([f"- The registered harm: {plain(harm['reason'])}"] if harm else []),
        f"- What it decides: {plain(record['decides'])}",
        *([f"- {line}" for line in evidence_lines(evidence, episode)] if evidence else [_NO_EVIDENCE]),
        *([f"- {_whose(record['rule'])}"] if record["rule"].get("reason") else []),
        "- Halt is the policy's default. Silence is never a decision; the case ages in every weekly report.",
        "",
        *(_rates(latest) if latest else ()),
        *_said(events),
    ]
    return "\n".join(line for place, line in enumerate(lines) if line or lines[place - 1])


def evidence_lines(evidence: Sequence[Mapping[str, Any]], episode: Episode) -> Sequence[str]:
    """Returns what the latest week says, and since when the rule has held, as whole sentences."""
    latest, rule = evidence[-1], episode.record["rule"]
    finding = latest.get("finding")
    window = finding["window"] if finding else None
    began = f"First confirmed in the week of {episode.opened_week}"
    if rule.get("remediation_weeks"):
        began = (
            f"It has held since the week of {evidence[0]['since']}, longer than the "
            f"{rule['remediation_weeks']} weeks that the rule gives to put it right"
        )
    return [
        *grounds(latest),
        *([f"Measured on outputs of {window['start']} to {window['end']}."] if window else []),
        f"{began}; seen in {len(evidence)} judged {'week' if len(evidence) == 1 else 'weeks'}.",
    ]


def grounds(evidence: Mapping[str, Any]) -> Sequence[str]:
    """Returns what the evidence of one week says, as whole sentences."""
    figures, finding = evidence.get("figures", {}), evidence.get("finding", {})
    kind = evidence.get("kind", "evidence")  # cases from before there were other kinds name none
    match kind:
        case "incidents":
            number = figures["reported"]
            were = "incident was" if number == 1 else "incidents were"
            which = f" ({plain(', '.join(figures['ids']))})" if figures["ids"] else ""
            graves = f"{figures['grave'] or 'none'} of them grave{which}"
            return [f"{number} {were} reported from {figures['from']} to {figures['to']}, {graves}."]
        case "unmeasured":
            last = figures["last_measured"]
            measured = f"was last measured in the week of {last}" if last else "has never been measured"
            said = [f"The last judged week says: {plain(finding['reason'])}"] if finding else []
            metric = figures["metric"].replace("_", " ")
            missing = f"missing for {figures['weeks']} weeks; the rule tolerates {figures['tolerated']}"
            return [f"The intended outcome's {metric} {measured}. It was {missing}.", *said]
        case "fact":
            return [f"Fact: {plain(_own_reason(finding))}"]
        case "prohibited_use":
            return [f"Prohibited use: {_use(finding)}.", _tripped(finding)]
        case _:
            return [f"Evidence: {evidence_sentence(finding)}"]


def _tripped(finding: Mapping[str, Any]) -> str:
    if finding["evidence"] is None:
        return f"What was seen: {plain(_own_reason(finding))}"
    return f"Evidence: {evidence_sentence(finding)}"


def _own_reason(finding: Mapping[str, Any]) -> str:
    """Returns the reason that a waiver may stand before: no rule stops at one."""
    return str(finding["details"].get("waived", finding)["reason"])


def _use(finding: Mapping[str, Any]) -> str:
    """Returns a prohibited use in the policy's words, where they are the policy's."""
    use = str(finding["details"]["prohibited_use"])
    known = ProhibitedUses.model_fields.get(use)
    return plain((known and known.title) or use.replace("_", " "))


def _whose(rule: Mapping[str, Any]) -> str:
    whose = "this system" if rule["set_for"] == "system" else f"systems of {rule['set_for']}"
    return (
        f"The rule is not the City's own: {plain(rule['approved_by'])} approved it for {plain(whose)} on "
        f"{rule['approved_on']}. {plain(rule['reason'])}"
    )


def evidence_sentence(finding: Mapping[str, Any]) -> str:
    """Returns metric, estimate, n, threshold and the strength of evidence of a finding's payload."""
    is_gap = finding["metric"].endswith("_difference")
    metric = finding["metric"].replace("_", " ")
    where = plain(", ".join(level for _, level in finding["slice"]))
    estimate, threshold = finding["estimate"], finding["threshold"]["value"]
    shown = "not measurable in the last window"
    limit = f"threshold {_figure(finding['metric'], threshold)}"
    if is_gap:
        limit = f"tolerated {100 * threshold:.1f} points"
    elif process := finding["details"].get("process"):
        limit = f"without AI ({plain(process)}) {threshold:.1%} (n = {finding['details']['process_n']:,})"
        estimate = finding["details"]["rate"]
    if estimate is not None:
        shown = f"{100 * estimate:.1f} points" if is_gap else _figure(finding["metric"], estimate)
        rests_on = f"{_spread(finding)}n = {finding['n']:,}{_between(finding)}"
        shown = f"{shown} ({rests_on}){_last_week(finding, estimate)}"
    log_e = float(finding["evidence"]["log_e"])
    chance = (
        f"; if it were within, such data had a chance of at most 1 in {_round(log_e)}" if log_e > 0 else ""
    )
    return f"{metric} {f'by {where}' if where else 'overall'}: {shown}, {limit}{chance}."


def _spread(finding: Mapping[str, Any]) -> str:
    """Returns the interval of the estimate; a picked gap has none, and a difference has another unit."""
    interval, metric = finding["interval"], finding["metric"]
    if interval is None or metric.endswith("_difference") or "process" in finding["details"]:
        return ""
    return f"95 % {_figure(metric, interval['low'])} to {_figure(metric, interval['high'])}, "


def _figure(metric: str, value: float) -> str:
    """Returns a value of a measure: in its own unit where it is no share."""
    measure = MEASURES.get(metric)
    return f"{value:,.4g}" if measure and measure.unit == "number" else f"{value:.1%}"


def _last_week(finding: Mapping[str, Any], estimate: float) -> str:
    """Returns the last week alone, where the window's mean still lies on the good side of the threshold.

    Evidence counts each week once; a window of 13 weeks follows slowly, and would seem to say the opposite.
    """
    counts, limit = finding["evidence"]["counts"], finding["threshold"]["value"]
    sign = {"floor": 1, "ceiling": -1}.get(finding["threshold"]["side"], 0)
    if not sign or len(counts) != 2 or not counts[1]:
        return ""
    week = counts[0] / counts[1]
    if sign * (estimate - limit) < 0 or sign * (week - limit) >= 0:
        return ""
    return f" over the window, {week:.1%} (n = {counts[1]:,.0f}) in the last week alone"


def _between(finding: Mapping[str, Any]) -> str:
    """Returns which groups the gap lies between, with their rates."""
    rates = finding["details"].get("rates")
    if not rates:
        return ""
    low, high = min(rates, key=rates.__getitem__), max(rates, key=rates.__getitem__)
    return f"; {plain(high)} {rates[high]:.1%}, {plain(low)} {rates[low]:.1%}"


def _round(log_e: float) -> str:
    power = log_e / math.log(10)
    return f"10^{math.floor(power)}" if power >= 6 else f"{math.exp(log_e):,.0f}"


def _rates(finding: Mapping[str, Any]) -> Sequence[str]:
    rates, n = finding["details"].get("rates"), finding["details"].get("n", {})
    if not rates:
        return []
    from sundial.stats.intervals import proportion  # DAG files import this module: no numpy at parse time

    rows, left_out = [], finding["details"].get("left_out", ())
    for group, rate in sorted(rates.items()):
        interval = proportion(round(rate * n[group]), n[group])
        spread = f"{interval.low:.1%} to {interval.high:.1%}" if interval else ""
        rows.append(f"| {plain(group)} | {rate:.1%} | {spread} | {n[group]:,} |")
    return [
        f"| group | {finding['metric'].removesuffix('_difference').replace('_', ' ')} | 95 % interval | n |",
        "|---|---|---|---|",
        *rows,
        "",
        *([f"Left out, with too few: {plain(', '.join(left_out))}.", ""] if left_out else []),
    ]


def _said(events: Sequence[Event]) -> list[str]:
    """Returns what happened to the case, a line each; what the source was seen to do has no author."""
    lines = []
    for event in events:
        if event.kind in (EVIDENCE, "steps", "bundle"):
            continue
        by = f" by {plain(event.by)}" if event.by else ""
        lines.append(f"- {event.at}: {event.kind.replace('_', ' ')}{by}: {told(event)}")
    return lines


def told(event: Event) -> str:
    """Returns what an event says, in a sentence."""
    said = event.payload
    match event.kind:
        case "still_running":
            return f"{said['rows']:,} outputs of {len(said['days'])} days after {said['since']}."
        case "stage_met" | "stage_missed":
            share, left, before = said["share"], said["rows_a_day_left"], said["rows_a_day_before"]
            return f"{plain(said['what'])}: {left:,.1f} of {before:,.1f} a day are left, {share:.0%} may be."
        case "silent":
            last = said["last_output"] or "the decision"
            if "switched_off_by" in said:
                by = plain(said["switched_off_by"])
                until = said["no_answer_until"]
                return (
                    f"no output after {last}; no answer until {until}, and {by} says that the source is off."
                )
            return f"no output after {last}, seen until {said['seen_until']}."
        case "exception_expired":
            return f"it held until {said['expires_on']}."
        case "step_done":
            return f"{plain(said['step'])}. {plain(said['note'])}"
        case "closed":
            return plain(said["lessons"])
        case _:
            chosen = f"{plain(said['chosen'])}. " if "chosen" in said else ""
            return f"{chosen}{plain(said['reasons'])}"


def plain(text: str) -> str:
    """Returns text of others on one line, in which Markdown finds no HTML, link, table cell or emphasis.

    Marks become their likes, so that page and mail show the same; the text as it came is in the store.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    shown = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    return shown.translate(_LIKES)
