"""Shares of what feeds of events count: every status that each of them can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from measuring import Rows, daily, days, measured, registered, shares
from towns import POLICY, only

from sundial.register.models import Policy, System
from sundial.store.records import Finding, Status

HALF = 0.5


@dataclass(frozen=True)
class Measure:
    """A share, with rows of which so many of each ten count towards it.

    Attributes:
        bad: what is on the wrong side of one half: `high` or `low`.
    """

    check: str
    metric: str
    bad: str
    feeds: Mapping[str, Any]
    rows: Callable[[int, int, int], Rows]
    needs: str
    where: Mapping[str, str]

    @property
    def system(self) -> System:
        return registered(self.feeds, risk={"tier": "rights", "decides": "Who is visited."})

    def found(self, of_ten: int, weeks: int, a_week: int, **more: Any) -> Finding:
        rows = self.rows(weeks, a_week, of_ten)
        return only(
            measured(self.system, self.check, rows, weeks, POLICY_OF_HALVES, **more),
            self.metric,
            **self.where,
        )

    @property
    def good(self) -> int:
        return 2 if self.bad == "high" else 8

    @property
    def worse(self) -> int:
        return 8 if self.bad == "high" else 2

    @property
    def slightly_worse(self) -> int:
        return 6 if self.bad == "high" else 4


POLICY_OF_HALVES: Policy = POLICY.model_copy(
    update={
        "thresholds": {
            name: chosen.model_copy(update={"value": 2.0 if name == "access_ratio" else HALF})
            for name, chosen in POLICY.thresholds.items()
        }
    }
)
# Of a population with a quarter of the level, twice its share is a half.


def _reviews(weeks: int, a_week: int, of_ten: int) -> Rows:
    outputs = shares(weeks, a_week, of_ten, "reviewed", kind="LED", score=0.7, area="north")
    reviews = outputs[outputs["reviewed"] == 1][["day"]].assign(overridden=0)
    return {"outputs": outputs.drop(columns="reviewed"), "reviews": reviews}


def _complaints(weeks: int, a_week: int, of_ten: int) -> Rows:
    rows = _reviews(weeks, a_week, of_ten)
    return {"outputs": rows["outputs"], "complaints": rows["reviews"][["day"]].assign(about="delay")}


def _counters(hits: str, out_of: str) -> Callable[[int, int, int], Rows]:
    def rows(weeks: int, a_week: int, of_ten: int) -> Rows:
        a_day = a_week // 7
        return {"operations": daily(weeks, **{hits: a_day * of_ten / 10, out_of: a_day})}

    return rows


def _of_operations(check: str, metric: str, bad: str, hits: str, out_of: str) -> Measure:
    feeds = {"operations": {"counters": {hits: "a", out_of: "b"}}}
    return Measure(check, metric, bad, feeds, _counters(hits, out_of), "operations", {})


REVIEWS = {"key": "id", "overridden": "changed", "maturity_days": 0}
MEASURES = [
    Measure(
        "accountability.human_review",
        "human_review_share",
        "low",
        {"reviews": REVIEWS},
        _reviews,
        "reviews",
        {},
    ),
    Measure(
        "accountability.human_review",
        "no_human_share",
        "high",
        {"reviews": REVIEWS},
        lambda weeks, a_week, of_ten: _reviews(weeks, a_week, 10 - of_ten),
        "reviews",
        {},
    ),
    *(
        Measure(
            "accountability.overrides",
            metric,
            bad,
            {"reviews": {**REVIEWS, "team": "queue"}},
            lambda weeks, a_week, of_ten: {
                "reviews": shares(weeks, a_week, of_ten, "overridden", team="night")
            },
            "reviews",
            {"team": "night"},
        )
        for metric, bad in (("override_share_low", "low"), ("override_share_high", "high"))
    ),
    Measure(
        "accountability.sole_factor",
        "sole_factor_share",
        "low",
        {"reviews": REVIEWS},
        lambda weeks, a_week, of_ten: {"reviews": shares(weeks, a_week, of_ten, "overridden")},
        "reviews",
        {},
    ),
    Measure(
        "human_centered_design.complaints",
        "complaint_share",
        "high",
        {"complaints": {"key": "id", "about": "subject"}},
        _complaints,
        "complaints",
        {},
    ),
    Measure(
        "human_centered_design.appeals",
        "overturned_share",
        "high",
        {"appeals": {"key": "id", "overturned": "changed"}},
        lambda weeks, a_week, of_ten: {"appeals": shares(weeks, a_week, of_ten, "overturned")},
        "appeals",
        {},
    ),
    _of_operations("human_centered_design.contacts", "opt_out_share", "high", "opt_outs", "people"),
    _of_operations(
        "human_centered_design.contacts",
        "human_request_honoured_share",
        "low",
        "human_requests_honoured",
        "human_requests",
    ),
    _of_operations("human_centered_design.contacts", "abandoned_share", "high", "abandoned", "sessions"),
    _of_operations("human_centered_design.contacts", "recontact_share", "high", "recontacts", "sessions"),
    _of_operations("security_and_safety.canaries", "canary_share", "high", "canaries_wrong", "canaries"),
    _of_operations(
        "workforce_empowerment.feedback", "negative_feedback_share", "high", "feedback_negative", "feedback"
    ),
]
each = pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.metric)


@each
def test_ok_while_on_the_right_side(measure: Measure) -> None:
    found = measure.found(measure.good, 8, 140)
    assert found.status is Status.OK
    assert found.estimate == pytest.approx(measure.good / 10, abs=0.02)
    assert found.interval is not None
    assert found.interval.low < measure.good / 10 < found.interval.high


@each
def test_watch_while_one_week_is_beyond(measure: Measure) -> None:
    found = measure.found(measure.slightly_worse, 1, 140)
    assert found.status is Status.WATCH
    assert found.threshold is not None
    assert found.threshold.set_for == "city"


@each
def test_breach_once_confirmed(measure: Measure) -> None:
    found = measure.found(measure.worse, 12, 140)
    assert found.status is Status.BREACH
    assert found.evidence is not None
    assert found.evidence.confirmed


@each
def test_insufficient_with_few(measure: Measure) -> None:
    found = measure.found(measure.slightly_worse, 1, 14)
    assert found.status is Status.INSUFFICIENT
    assert found.n is not None
    assert found.n < 30


@each
def test_not_measured_without_the_feed(measure: Measure) -> None:
    (found,) = measured(registered(), measure.check, {}, 1)
    assert found.status is Status.NOT_MEASURED
    assert f"no feed {measure.needs}" in found.reason or "No outputs" in found.reason


@each
def test_not_applicable_to_historical_data_without_the_feed(measure: Measure) -> None:
    outputs = shares(1, 40, 0, "score", kind="LED", area="north")
    (found,) = measured(registered(operated=False), measure.check, {"outputs": outputs}, 1)
    assert found.status is Status.NOT_APPLICABLE
    assert f"gets no {measure.needs}" in found.reason


@each
def test_error_when_the_feed_failed(measure: Measure) -> None:
    rows = measure.rows(2, 140, measure.good)
    found = measured(measure.system, measure.check, rows, 2, failed={measure.needs: "The source is gone."})
    assert [(one.status, one.reason) for one in found] == [(Status.ERROR, "The source is gone.")]


def test_no_person_is_asked_of_decisions_about_rights_or_safety_only() -> None:
    system = registered({"reviews": REVIEWS})
    found = measured(system, "accountability.human_review", _reviews(2, 140, 0), 2, POLICY_OF_HALVES)
    assert only(found, "no_human_share").status is Status.NOT_APPLICABLE
    assert only(found, "human_review_share").status is Status.BREACH


def test_a_rights_decision_that_nobody_reviews_trips_the_wire() -> None:
    """A feed of reviews that brings nothing says that nobody reviews."""
    system = registered({"reviews": REVIEWS}, risk={"tier": "rights", "decides": "Who is visited."})
    rows = {"outputs": _reviews(8, 350, 0)["outputs"]}
    found = only(measured(system, "accountability.human_review", rows, 8), "no_human_share")
    assert found.status is Status.BREACH
    assert found.estimate == 1.0
    assert found.details["prohibited_use"] == "automated_decisions"


@pytest.mark.parametrize(
    ("changes", "use"),
    [
        ({"groups": {"columns": ["area"], "employment": True}}, "employment_decisions"),
        ({"risk": {"tier": "safety", "decides": "Which lamp stays on."}}, "automated_decisions"),
    ],
)
def test_people_who_never_decide_otherwise_trip_the_wire(changes: dict[str, Any], use: str) -> None:
    system = registered({"reviews": REVIEWS}, **changes)
    rows = {"reviews": shares(8, 700, 0, "overridden")}
    found = only(measured(system, "accountability.sole_factor", rows, 8), "sole_factor_share")
    assert (found.status, found.estimate) == (Status.BREACH, 0.0)
    assert found.details["prohibited_use"] == use
    assert found.threshold is not None
    assert found.threshold.value == 0.005


def test_people_who_seldom_decide_otherwise_do_not() -> None:
    system = registered({"reviews": REVIEWS}, groups={"columns": ["area"], "employment": True})
    changed = pd.Series(range(8 * 700)) % 50 == 0
    rows = {"reviews": shares(8, 700, 0, "overridden").assign(overridden=changed.astype(int))}
    found = only(measured(system, "accountability.sole_factor", rows, 8), "sole_factor_share")
    assert (found.status, found.estimate) == (Status.OK, pytest.approx(0.02))


def test_a_service_may_stand_alone() -> None:
    (found,) = measured(registered({"reviews": REVIEWS}), "accountability.sole_factor", {}, 1)
    assert found.status is Status.NOT_APPLICABLE


def test_an_output_counts_as_not_reviewed_once_its_time_has_passed() -> None:
    system = registered({"reviews": {**REVIEWS, "maturity_days": 14}})
    rows = _reviews(4, 140, 10)
    rows = {**rows, "reviews": rows["reviews"][rows["reviews"]["day"] < days(4, 7).iloc[14]]}
    found = only(
        measured(system, "accountability.human_review", rows, 4, POLICY_OF_HALVES), "human_review_share"
    )
    assert found.n == 280
    assert found.estimate == 1.0


def test_each_output_enters_the_evidence_of_reviews_once() -> None:
    system = registered({"reviews": {**REVIEWS, "maturity_days": 7}})
    rows = _reviews(6, 140, 5)
    found = only(
        measured(system, "accountability.human_review", rows, 6, POLICY_OF_HALVES), "human_review_share"
    )
    assert found.evidence is not None
    assert found.evidence.weeks == 5
    assert found.evidence.counts[1] == 140


def test_a_team_that_names_people_is_refused() -> None:
    with pytest.raises(ValueError, match="overrides are counted by team, never by person"):
        registered({"reviews": {**REVIEWS, "team": "reviewer_name"}})


def test_a_counter_that_is_not_registered_is_not_measured() -> None:
    system = registered({"operations": {"counters": {"opt_outs": "a", "people": "b"}}})
    rows = {"operations": daily(2, opt_outs=1, people=100)}
    found = measured(system, "human_centered_design.contacts", rows, 2)
    assert {f.metric: f.status for f in found} == {
        "opt_out_share": Status.OK,
        "human_request_honoured_share": Status.NOT_MEASURED,
        "abandoned_share": Status.NOT_MEASURED,
        "recontact_share": Status.NOT_MEASURED,
    }


def test_complaints_are_told_by_what_they_are_about() -> None:
    system = registered({"complaints": {"key": "id", "about": "subject"}})
    outputs = shares(4, 140, 0, "score", kind="LED", area="north")
    complaints = pd.DataFrame({"day": days(4, 2), "about": ["delay", "wrong"] * 4})
    found = only(
        measured(
            system, "human_centered_design.complaints", {"outputs": outputs, "complaints": complaints}, 4
        ),
        "complaint_share",
    )
    assert found.estimate == pytest.approx(8 / 560)
    assert found.details["about"] == {"delay": 4, "wrong": 4}


def test_the_hours_to_a_review_are_a_mean_with_evidence() -> None:
    system = registered({"reviews": {**REVIEWS, "hours": "took"}})

    def found(hours: float, weeks: int, a_week: int = 70) -> Finding:
        took = np.arange(weeks * a_week) % 2 * 2.0 * hours
        reviews = pd.DataFrame({"day": days(weeks, a_week), "overridden": 0, "hours": took})
        return only(
            measured(system, "accountability.time_to_review", {"reviews": reviews}, weeks), "hours_to_review"
        )

    assert found(10, 4).status is Status.OK
    assert found(80, 1).status is Status.WATCH
    assert found(80, 1, 14).status is Status.INSUFFICIENT
    assert found(1_000, 8).status is Status.BREACH
    assert found(1_000, 8).estimate == pytest.approx(1_000)


@pytest.mark.parametrize("metric", ["human_review_share", "complaint_share"])
def test_what_is_counted_beside_outputs_is_held_against_their_rows(metric: str) -> None:
    """Outputs of a cluster weigh less than one each, reviews and complaints do not."""
    feeds = {"reviews": REVIEWS, "complaints": {"key": "id", "about": "subject"}}
    system = registered(feeds, outputs={"cluster": "meeting"})
    outputs = shares(4, 140, 0, "score", kind="LED", area="north", meeting="the same")
    half = outputs[["day"]].iloc[::2]
    rows = {
        "outputs": outputs,
        "reviews": half.assign(overridden=0),
        "complaints": half.assign(about="delay"),
    }
    check = {"human_review_share": "accountability.human_review"}.get(
        metric, "human_centered_design.complaints"
    )
    found = only(measured(system, check, rows, 4, POLICY_OF_HALVES), metric)
    assert (found.estimate, found.n) == (0.5, 560)
