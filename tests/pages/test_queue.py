from __future__ import annotations

from datetime import timedelta

import pytest
from case_examples import SENTENCE, answer, determined, gap, open_case
from pages_city import THIS_WEEK, TODAY, Town, counted
from report_examples import HOSTILE
from test_portfolio import rows
from test_system import words

from sundial.engine.clock import WEEK
from sundial.store.records import Status


@pytest.fixture
def three(town: Town) -> Town:
    """One case that waits for the CDPO, one for the CIO, one that was withdrawn."""
    for name, department in (("alpha", "Roads"), ("beta", "Libraries"), ("gamma", "Roads")):
        town.register(name, department=department)
        town.judge(gap(system=name))
    open_case(town, gap(system="alpha"))
    determined(town, found=gap(system="beta"))
    ended = open_case(town, gap(system="gamma"))
    answer(town, ended, 1, "Yes", {"reasons": "The gap closed with the repair."}, "cdpo")
    return town


def names(text: str) -> list[str]:
    return [row[0].split()[0] for row in rows(text)]


def test_a_case_shows_why_how_old_it_is_and_who_is_asked_for_how_long(three: Town) -> None:
    alpha, beta = rows(three.client("staff").get("/sunset/?order=system").text)[:2]
    assert alpha[1] == SENTENCE
    assert alpha[2] == "▲ waits for the determination"
    assert alpha[3].startswith("CDPO: determination for 14 days; CIO and CDPO are told weekly")
    assert alpha[4].startswith("14 days ago")
    assert alpha[5].startswith("9 days ago week 2016-W51")  # from the Monday of that week
    assert beta[3].startswith("CIO: decision for 7 days; reminded")


def test_it_says_that_halt_is_the_default(three: Town) -> None:
    text = words(three.client().get("/sunset/").text)
    assert "2 open cases, 1 ended case" in text
    assert "2 cases wait for a determination or a decision. Halt is the default" in text


def test_a_finding_that_was_adverse_before_makes_the_case_older(town: Town) -> None:
    town.register()
    earlier = THIS_WEEK - 3 * WEEK
    town.judge(gap(earlier, status=Status.WATCH), week=earlier)
    town.judge(gap())
    open_case(town)
    assert "30 days ago week 2016-W48" in rows(town.client().get("/sunset/").text)[0][5]


@pytest.mark.parametrize(("user", "button"), [("cio", True), ("cdpo", False), ("staff", False)])
def test_only_who_may_answer_has_a_button(three: Town, user: str, button: bool) -> None:
    three.cases.claim("beta-2016-001", 2, "run-7")
    text = three.client(user).get("/sunset/").text
    assert ('class="button"' in text) is button
    assert 'href="/airflow/answer/run-7"' in text  # whoever may enter may read the question


def test_a_question_that_no_run_asks_has_no_link(three: Town) -> None:
    text = three.client("cio").get("/sunset/").text
    assert "/airflow/answer/" not in text
    assert "its run in Airflow has not begun" in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?order=system", ["Alpha", "Beta"]),
        ("", ["Alpha", "Beta"]),
        ("?order=department", ["Beta", "Alpha"]),
        ("?role=cio", ["Beta"]),
        ("?role=cdpo", ["Alpha"]),
        ("?department=Libraries", ["Beta"]),
        ("?state=submitted", ["Beta"]),
        ("?state=withdrawn", ["Gamma"]),
        ("?state=nonsense&order=nonsense", ["Alpha", "Beta"]),
    ],
)
def test_filters_and_orders_work_without_a_script(three: Town, query: str, shown: list[str]) -> None:
    text = three.client().get(f"/sunset/{query}").text
    open_only = text if "state=withdrawn" in query else text.split("<h2>Ended</h2>")[0]
    assert names(open_only) == shown


def test_nothing_found_says_so_and_leads_back(three: Town) -> None:
    assert "No case is like that" in three.client().get("/sunset/?department=Zoo").text
    three.settings.register.joinpath("alpha.yaml").unlink()
    assert "its register file cannot be used" in three.client().get("/sunset/").text


def test_no_case_at_all_says_how_one_opens(town: Town) -> None:
    text = town.client().get("/sunset/").text
    assert "There is no sunset case" in text
    assert 'href="/airflow/dags/sunset_open"' in text


def test_a_case_of_a_system_that_is_not_the_visitors_is_not_there(three: Town) -> None:
    text = three.client(hidden=["beta"]).get("/sunset/").text
    assert "beta" not in text.casefold()
    assert "1 open case" in text


def test_portfolio_and_system_lead_to_the_case(three: Town) -> None:
    for path in ("/", "/systems/beta"):
        assert 'href="/ai-health/sunset/beta-2016-001"' in three.client().get(path).text


def test_it_asks_the_store_four_times_whatever_the_number_of_cases(town: Town) -> None:
    for number in range(30):
        town.register(f"system-{number}")
        town.judge(gap(system=f"system-{number}"))
        open_case(town, gap(system=f"system-{number}"), opened=TODAY - timedelta(days=number))
    client = town.client()
    client.get("/sunset/")
    with counted(town.store) as queries:
        assert len(rows(client.get("/sunset/").text)) == 30
    assert len(queries) <= 4


def test_hostile_words_show_and_do_nothing(town: Town) -> None:
    town.register(name=HOSTILE, department=HOSTILE + "🏛" + "x" * 10_000)
    town.judge(gap())
    open_case(town, sentence=HOSTILE + "y" * 10_000)
    text = town.client().get("/sunset/").text
    assert "<script>alert" not in text
    assert "<img src=http" not in text
    assert "\u202e" not in text
    assert "y" * 2_001 not in text
    assert len(rows(text)) == 1
