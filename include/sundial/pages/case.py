"""The page of a sunset case: what a CIO decides from, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from sundial.engine.in_effect import in_effect
from sundial.pages.cases import case_of
from sundial.pages.charts import Chart, estimate_chart, evidence_chart
from sundial.pages.finding import evidence_said, figures_of, threshold_said
from sundial.pages.frame import Visit, Visiting
from sundial.pages.reading import over_time, series_of, version_changes
from sundial.pages.site import PageError
from sundial.pages.small_cells import WITHHELD, count_for, for_viewer, is_small
from sundial.pages.standing import LONGEST
from sundial.pages.timeline import timeline
from sundial.register.measures import MEASURES
from sundial.report.bundle import BUNDLE, BundleChanged, filed, record_lines
from sundial.report.plain import clean, figure, metric_name, subject, target
from sundial.report.waiting import role_name
from sundial.stats.intervals import proportion
from sundial.store.cases import EVIDENCE, OPENED, Cases, Episode, Event
from sundial.store.database import UnknownRecord
from sundial.store.records import Finding, finding_from_payload
from sundial.store.register import RegisterRows
from sundial.store.results import Results
from sundial.sunset.adverse import first_adverse_weeks
from sundial.sunset.around import around
from sundial.sunset.case import evidence_lines
from sundial.sunset.questions import CONSIDERATIONS, DECISION, DETERMINATION, PHASE_OUT, Form
from sundial.sunset.record import record_of
from sundial.sunset.stages import parse_stages
from sundial.sunset.steps import Step

router = APIRouter(prefix="/sunset/{case_id}")

_UNTIL_READ = ("stages",)  # shown as a table of their own


@dataclass(frozen=True)
class Rate:
    """One group of a gap: its rate with the interval of its count."""

    group: str
    rate: str
    interval: str
    n: str


@dataclass(frozen=True)
class Evidence:
    """What the evidence of the latest week says.

    Attributes:
        lines: whole sentences.
        finding: what it rests on, as the visitor may see it; None where no finding does.
        facts: names and values of the finding.
        rates: of each group, where it is a gap between groups.
        link: the finding's page.
    """

    lines: tuple[str, ...]
    finding: Finding | None
    facts: tuple[tuple[str, str], ...]
    rates: tuple[Rate, ...]
    rate_of: str
    link: str


@dataclass(frozen=True)
class Said:
    """What a person determined or decided: the answer, and what they wrote, each with its title."""

    chosen: str
    by: str
    on: date
    texts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class StageShown:
    """A stage of a phase-out, with the volume that was measured after it."""

    number: int
    day: date
    share: str
    what: str
    measured: str
    word: str


@dataclass(frozen=True)
class Running:
    """Outputs that arrived after the decision, as they were counted last."""

    since: str
    rows: str
    days: tuple[tuple[str, str], ...]
    times: int


@dataclass(frozen=True)
class StepShown:
    """A closing step, whose it is, and whether the visitor may say that it is done."""

    step: Step
    owner: str
    overdue: bool
    mine: bool


@dataclass(frozen=True)
class Frozen:
    """A bundle that was filed."""

    number: str
    on: date
    hashes: Mapping[str, str]


@router.get("", response_class=HTMLResponse)
def case(visit: Visiting, case_id: str) -> HTMLResponse:
    """One case."""
    episode = _episode(visit, case_id)
    written = visit.system(episode.system)
    cases, store = Cases(visit.city.store), visit.city.store
    events, questions = cases.events(case_id), cases.questions(case_id)
    adverse = first_adverse_weeks(store, visit.city.policy, visit.systems, [episode])
    shown = case_of(visit, episode, events, questions, adverse[episode.id])
    system = in_effect(written, RegisterRows(store).rows(written.id), visit.city.today)
    sees, beside = visit.visitor.sees_small_cells, around(store, episode.id, episode.system)
    found = _evidence(visit, episode, [event.payload for event in events if event.kind == EVIDENCE])
    return visit.page(
        "case.html.j2",
        case=shown,
        system=system,
        outcome=_outcome(episode),
        opened=[event for event in events if event.kind == OPENED],
        evidence=found,
        charts=_charts(visit, episode, found.finding) if found and found.finding else [],
        determinations=_said(events, ("determination", "withdrawn", "superseded"), DETERMINATION),
        considered=CONSIDERATIONS,
        decisions=_said(events, ("decision",), DECISION),
        stages=_stages(events, sees=sees),
        running=_running(events, sees=sees),
        steps=_steps(visit, shown.steps),
        timeline=timeline(events, questions, sees_small=sees),
        incidents=beside.incidents,
        bundles=[
            Frozen(event.key.removeprefix(f"{BUNDLE}/"), event.at, event.payload["sha256"])
            for event in events
            if event.kind == BUNDLE
        ],
        record=record_lines(record_of(episode, events, system, beside)) if sees else [],
        sees_small=sees,
        terms=visit.city.policy.sunset_terms,
    )


@router.get("/bundles/{number}.{ending}")
def bundle(visit: Visiting, case_id: str, number: str, ending: str) -> Response:
    """A file of the evidence as it was frozen, once its hash is the ledger's; never shown on these pages."""
    _episode(visit, case_id)
    if not visit.visitor.sees_small_cells:
        raise PageError(
            403,
            "The evidence has small counts",
            "It is for people with a role in the policy. Ask the CDPO for what may be shown.",
        )
    key = f"{BUNDLE}/{number}"
    event = next((one for one in Cases(visit.city.store).events(case_id) if one.key == key), None)
    if event is None or ending not in event.payload["sha256"]:
        raise PageError(404, "There is no such bundle", "The page of the case lists those that were filed.")
    try:
        data = filed(visit.city.lake, event, ending)
    except FileNotFoundError:
        raise PageError(
            404,
            "The bundle is not in the lake",
            f"The ledger has it as {event.payload['path']}.{ending}; restore it from the backup of the lake.",
        ) from None
    except BundleChanged as error:
        raise PageError(
            409,
            "The bundle is not what was filed",
            f"{error}. It is not given out: restore it from the backup, and find out who changed it.",
        ) from None
    name = f"{case_id}-bundle-{number}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="application/octet-stream", headers=headers)


def _episode(visit: Visit, case_id: str) -> Episode:
    try:
        episode = Cases(visit.city.store).episode(case_id)
    except UnknownRecord:
        episode = None
    if episode is None or not visit.visitor.may_see(episode.system):
        raise PageError(
            404,
            f"There is no case “{clean(case_id, 60)}”",
            "The sunset queue lists every case that is yours to see.",
        )
    return episode


def _outcome(episode: Episode) -> Mapping[str, str]:
    outcome = episode.record["intended_outcome"]
    metric, value = str(outcome["metric"]), float(outcome["target"])
    measure = MEASURES.get(metric)
    return {
        "statement": outcome["statement"],
        "metric": metric_name(metric),
        "target": target(metric, value, ceiling=measure is not None and measure.good == "low"),
    }


def _evidence(visit: Visit, episode: Episode, payloads: Sequence[Mapping[str, Any]]) -> Evidence | None:
    """Returns the latest evidence; None where a person opened the case and nothing was measured."""
    if not payloads:
        return None
    plain = payloads[-1].get("finding")
    finding = finding_from_payload(plain) if plain else None
    lines = evidence_lines(payloads, episode)
    if finding is not None and not visit.visitor.sees_small_cells:
        finding = _as_viewer(visit, finding)
        lines = (
            [WITHHELD, lines[-1]]
            if finding.reason == WITHHELD
            else evidence_lines([*payloads[:-1], {**payloads[-1], "finding": finding.payload()}], episode)
        )
    if finding is None or finding.reason == WITHHELD:
        return Evidence(tuple(lines), finding, (), (), "", "")
    facts = [*figures_of(finding)]
    if finding.threshold:
        facts.append(("Limit in force", threshold_said(finding.metric, finding.threshold)))
    if finding.evidence:
        facts += evidence_said(finding.evidence)
    rate = finding.metric.removesuffix("_difference").removesuffix("_against_process")
    week = f"{finding.week:%G-W%V}"
    link = f"{visit.base}/systems/{episode.system}/findings/{week}/{finding.id}"
    return Evidence(tuple(lines), finding, tuple(facts), _rates(rate, finding), metric_name(rate), link)


def _as_viewer(visit: Visit, finding: Finding) -> Finding:
    """Returns a finding as somebody without a role sees it, which depends on the others of its week."""
    others = Results(visit.city.store).findings(finding.system, finding.week)
    week = [finding, *(one for one in others if one.key != finding.key)]
    shown = for_viewer(week)[0]
    if shown.evidence is None:
        return shown
    return replace(shown, evidence=replace(shown.evidence, counts=()))  # they are those of the week alone


def _rates(metric: str, finding: Finding) -> tuple[Rate, ...]:
    """Returns the rate of each group that is compared, or of the system and the process without AI."""
    details, limit = finding.details, finding.threshold
    rates, n = details.get("rates"), details.get("n", {})
    if isinstance(rates, Mapping):
        groups = sorted(rates.items(), key=lambda one: (-one[1], one[0]))
        return tuple(_rate(metric, group, rate, n.get(group)) for group, rate in groups)
    if "process" in details and limit is not None:
        return (
            _rate(metric, "The system", details["rate"], finding.n),
            _rate(metric, f"Without AI: {details['process']}", limit.value, details["process_n"]),
        )
    if finding.estimate is None or finding.interval is None:
        return ()
    low, high = figure(metric, finding.interval.low), figure(metric, finding.interval.high)
    whom = ", ".join(level for _, level in finding.slice) or "Everybody"
    n_said = "–" if finding.n is None else f"{finding.n:,g}"
    return (Rate(whom, figure(metric, finding.estimate), f"{low} to {high}", n_said),)


def _rate(metric: str, whom: str, rate: float, n: float | None) -> Rate:
    spread = proportion(round(rate * n), n) if n else None
    between = f"{figure(metric, spread.low)} to {figure(metric, spread.high)}" if spread else "–"
    return Rate(whom, figure(metric, rate), between, f"{n:,g}" if n else "–")


def _charts(visit: Visit, episode: Episode, finding: Finding) -> list[Chart]:
    """Returns two years of the evidence's measure, and of the evidence."""
    store = visit.city.store
    last = Results(store).last_judged_week(episode.system) or finding.week
    since, series = last - LONGEST, series_of(finding)
    sees = visit.visitor.sees_small_cells
    points = over_time(store, episode.system, [series], since, last, sees_small=sees).get(series, ())
    if not points:
        return []
    versions = version_changes(store, episode.system, since, last)
    made = [
        estimate_chart(subject(finding), "Week by week, to the last judged one.", points, versions),
        evidence_chart(points, versions),
    ]
    return [chart for chart in made if chart is not None]


def _said(events: Sequence[Event], kinds: Sequence[str], form: Form) -> list[Said]:
    """Returns what was answered to a form, the last answer first."""
    return [
        Said(
            str(event.payload["chosen"]),
            event.by or "nobody",
            event.at,
            tuple(
                (field.title, str(event.payload[field.name]))
                for field in form.fields
                if event.payload.get(field.name) and field.name not in _UNTIL_READ
            ),
        )
        for event in reversed(events)
        if event.kind in kinds
    ]


def _stages(events: Sequence[Event], *, sees: bool) -> list[StageShown]:
    chosen = [e for e in events if e.kind == "decision" and e.payload["chosen"] == PHASE_OUT]
    if not chosen:
        return []
    prefix = f"stage/{chosen[-1].number}/"
    measured = {e.key.removeprefix(prefix): e.payload for e in events if e.key.startswith(prefix)}
    shown = []
    for number, stage in enumerate(parse_stages(chosen[-1].payload["stages"]), start=1):
        said = measured.get(str(number))
        word = "not measured yet" if said is None else "met" if said["met"] else "missed"
        shown.append(
            StageShown(number, stage.day, f"{stage.share:.0%}", stage.what, _volume(said, sees=sees), word)
        )
    return shown


def _volume(said: Mapping[str, Any] | None, *, sees: bool) -> str:
    if said is None:
        return "–"
    left, before = said["rows_a_day_left"], said["rows_a_day_before"]
    if not sees and (is_small(left) or is_small(before)):
        return "withheld"
    share = f", {left / before:.0%}" if before else ""
    return f"{left:,.1f} of {before:,.1f} outputs a day{share}"


def _running(events: Sequence[Event], *, sees: bool) -> Running | None:
    seen = [event.payload for event in events if event.kind == "still_running"]
    if not seen:
        return None
    last = seen[-1]
    return Running(
        last["since"],
        count_for(last["rows"], sees_small=sees),
        tuple((day, f"{rows:,}") for day, rows in sorted(last["days"].items())) if sees else (),
        len(seen),
    )


def _steps(visit: Visit, steps: Sequence[Step]) -> list[StepShown]:
    roles, today = visit.visitor.roles, visit.city.today
    return [
        StepShown(
            step,
            role_name(step.owner),
            step.done is None and step.due < today,
            bool(roles & {step.owner, "cdpo"}),
        )
        for step in steps
    ]
