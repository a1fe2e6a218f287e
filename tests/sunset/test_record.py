"""The sunset record in sixteen parts."""

from __future__ import annotations

from sunset_examples import CONSIDERED, REASONS, answer, determined, given, opened_case, system

from sundial.store.canonical import canonical
from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.sunset.record import PARTS, record_of

STAGES = {"stages": "2027-05-01: 0 %: the form replaces it", "substitute": "The interview form."}


def test_it_has_sixteen_parts_and_what_nobody_said_is_blank(database: Database) -> None:
    cases, episode = opened_case(database)
    record = record_of(cases.episode(episode), cases.events(episode), system())
    assert tuple(record) == PARTS
    assert len(PARTS) == 16
    assert record["intended_outcome"]["statement"] == system().intended_outcome.statement
    assert record["evidence"][0]["finding"]["estimate"] == 0.21
    blank = {name for name, part in record.items() if part is None}
    assert blank == {
        "determination", "disruption", "data_ownership", "portability", "phase_out", "decision", "notices",
        "execution", "closure",
    }  # fmt: skip
    assert record["recommendation"]["action"] == "Halt"


def test_what_people_said_is_in_it_with_who_and_when(database: Database) -> None:
    cases, episode = determined(database)
    answer(cases, episode, 2, given("Phase out", REASONS | STAGES, "cio"))
    record = record_of(cases.episode(episode), cases.events(episode), system())
    (said,) = record["determination"]
    assert (said["by"], said["on"], said["chosen"]) == ("cdpo", "2026-11-20", "No")
    assert (record["disruption"], record["portability"]) == (CONSIDERED["impact"], CONSIDERED["portability"])
    assert record["decision"][0]["by"] == "cio"
    assert record["phase_out"]["stages"] == [
        {"day": "2027-05-01", "share": 0.0, "what": "the form replaces it"}
    ]
    assert record["phase_out"]["substitute"] == STAGES["substitute"]


def test_it_is_the_same_text_each_time(database: Database) -> None:
    cases, episode = opened_case(database)
    first, second = (
        canonical(record_of(Cases(database).episode(episode), cases.events(episode), system()))
        for _ in range(2)
    )
    assert first == second
