"""The sunset record in sixteen parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from store_examples import report
from sunset_examples import (
    CONSIDERED,
    REASONS,
    answer,
    determined,
    given,
    harm,
    opened_case,
    outcome,
    record,
    run_judge,
    system,
)

from sundial.register.impact import Impact
from sundial.register.models import System
from sundial.store.canonical import canonical
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.store.incidents import Incidents
from sundial.store.outbox import Outbox
from sundial.store.records import Status
from sundial.sunset.around import around
from sundial.sunset.record import PARTS, record_of

STAGES = {"stages": "2027-05-01: 0 %: the form replaces it", "substitute": "The interview form."}


def recorded(database: Database, episode: str, of: System | None = None) -> Mapping[str, Any]:
    cases, beside = Cases(database), around(database, episode, (of or system()).id)
    return record_of(cases.episode(episode), cases.events(episode), of or system(), beside)


def test_it_has_sixteen_parts_and_what_nobody_said_is_blank(database: Database) -> None:
    _, episode = opened_case(database)
    parts = recorded(database, episode)
    assert tuple(parts) == PARTS
    assert len(PARTS) == 16
    assert parts["intended_outcome"]["statement"] == system().intended_outcome.statement
    assert parts["evidence"][0]["finding"]["estimate"] == 0.21
    blank = {name for name, part in parts.items() if part is None}
    assert blank == {
        "determination", "disruption", "data_ownership", "portability", "phase_out", "decision", "notices",
        "execution", "closure",
    }  # fmt: skip
    assert parts["recommendation"]["action"] == "Halt"


def test_what_people_said_is_in_it_with_who_and_when(database: Database) -> None:
    cases, episode = determined(database)
    answer(cases, episode, 2, given("Phase out", REASONS | STAGES, "cio"))
    parts = recorded(database, episode)
    (said,) = parts["determination"]
    assert (said["by"], said["on"], said["chosen"]) == ("cdpo", "2026-11-20", "No")
    assert (parts["disruption"]["said"], parts["portability"]) == (
        CONSIDERED["impact"],
        CONSIDERED["portability"],
    )
    assert parts["decision"][0]["by"] == "cio"
    assert parts["phase_out"]["stages"] == [
        {"day": "2027-05-01", "share": 0.0, "what": "the form replaces it"}
    ]
    assert parts["phase_out"]["substitute"] == STAGES["substitute"]


def test_it_is_the_same_text_each_time(database: Database) -> None:
    _, episode = opened_case(database)
    first, second = (canonical(recorded(database, episode)) for _ in range(2))
    assert first == second


def test_beside_the_process_without_ai_stands_what_was_measured_against_it(database: Database) -> None:
    against = outcome(
        metric="against_process", check="effectiveness.process", estimate=-0.04, n=400, evidence=None
    )
    record(
        database,
        harm(),
        against,
        outcome(metric="service_level", status=Status.NOT_APPLICABLE, evidence=None),
    )
    (episode,) = run_judge(database).opened
    (measured,) = recorded(database, episode)["without_ai"]["measured"]
    assert (measured["metric"], measured["estimate"], measured["n"]) == ("against_process", -0.04, 400)


def test_incidents_of_the_system_and_complaints_stand_beside_the_principles(database: Database) -> None:
    complaints = harm(
        metric="complaint_share", check="human_centered_design.complaints", slice=(), evidence=None
    )
    record(database, harm(), complaints)
    (episode,) = run_judge(database).opened
    incidents = Incidents(database)
    of_it = incidents.report(replace(report(), system="compas-broward"))
    incidents.report(replace(report(), key="run/other", system="another"))
    principles = recorded(database, episode)["principles"]
    assert [one["incident"] for one in principles["incidents"]] == [of_it]
    assert [one["metric"] for one in principles["complaints"]] == ["complaint_share"]


def test_whom_the_end_concerns_is_said_with_counts_and_with_what_relies_on_it(database: Database) -> None:
    record(database, harm(), harm(metric="selection_rate", slice=(("race", "A"),), n=500, evidence=None))
    (episode,) = run_judge(database).opened
    of = system().model_copy(update={"impact": Impact(relied_on_by=("Pretrial services",))})
    disruption = recorded(database, episode, of)["disruption"]
    assert disruption["relied_on_by"] == ["Pretrial services"]
    (group,) = disruption["outputs_by_group"]
    assert (group["group"], group["outputs"]) == ({"race": "A"}, 500)


def test_the_mails_about_the_case_are_in_it_with_what_became_of_them(database: Database) -> None:
    _, episode = opened_case(database)
    outbox = Outbox(database)
    for key in (f"question/{episode}/1", f"sunset/{episode}/reminder/1/1", f"question/{episode}1/1"):
        outbox.intend(key, f"<{key}@city>", ["cdpo@city.example"], "A case")
    outbox.result(f"question/{episode}/1", "unknown")
    outbox.result(f"question/{episode}/1", "sent")
    mails = recorded(database, episode)["notices"]["mails"]
    assert [mail["outcome"] for mail in mails] == ["sent", None]
    assert mails[0]["message_id"] == f"<question/{episode}/1@city>"
