from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from pages_city import THIS_WEEK, TODAY, Town, counted
from report_examples import HOSTILE, finding, group_rate, unmeasured

from sundial.engine.clock import WEEK
from sundial.register.given import LifecycleChange
from sundial.register.lifecycle import Lifecycle
from sundial.store.cases import Detection
from sundial.store.records import Status
from sundial.store.register import RegisterRows


class _Table(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag in ("small", "br"):
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def rows(text: str) -> Sequence[Sequence[str]]:
    """The matrix as words, without its head."""
    table = _Table()
    table.feed(re.search(r"<table.*</table>", text, re.DOTALL)[0])  # type: ignore[index]
    return [[" ".join(cell.split()) for cell in row] for row in table.rows[1:]]


def names(text: str) -> list[str]:
    return [row[0].split(" Transportation")[0].split(" Libraries")[0] for row in rows(text)]


@pytest.fixture
def three(town: Town) -> Town:
    """One system in breach, one that is ok, one that was never judged."""
    town.register("alpha-lights")
    town.register("beta-signs", department="Libraries")
    town.register("gamma-trees")
    town.judge(
        finding(week=THIS_WEEK, system="alpha-lights"),
        group_rate(week=THIS_WEEK, system="alpha-lights"),
        unmeasured(THIS_WEEK, system="alpha-lights"),
    )
    town.judge(finding(week=THIS_WEEK, system="beta-signs"))
    return town


def test_each_cell_has_the_gravest_status_in_words(three: Town) -> None:
    alpha, beta, gamma = rows(three.client().get("/?order=name").text)
    assert alpha[1].startswith("✓ ok,")
    assert alpha[3].startswith("■ breach,")
    assert alpha[6].startswith("○ not measured,")
    assert beta[1].startswith("✓ ok,")
    assert {cell[:14] for cell in gamma[1:9]} == {"○ not measured"}
    assert gamma[9] == "never"


def test_green_is_what_was_measured_this_week_only(three: Town) -> None:
    three.register("delta-roads")
    three.judge(finding(week=THIS_WEEK - WEEK, system="delta-roads"), week=THIS_WEEK - WEEK)
    delta = next(row for row in rows(three.client().get("/").text) if row[0].startswith("Delta"))
    assert delta[1].startswith("◌ was ok,")
    assert delta[9] == "2016-W50 1 week behind"
    assert "Delta" not in "".join(row[0] for row in rows(three.client().get("/?status=ok").text))
    assert "Delta" in "".join(row[0] for row in rows(three.client().get("/?status=not_measured").text))


def test_a_restated_finding_counts_as_it_is_now(town: Town) -> None:
    town.register()
    was = finding(week=THIS_WEEK)
    town.judge(was, restated=[replace(was, status=Status.WATCH, estimate=0.5)])
    assert rows(town.client().get("/").text)[0][1].startswith("▲ watch,")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["Alpha Lights", "Gamma Trees", "Beta Signs"]),
        ("?order=name", ["Alpha Lights", "Beta Signs", "Gamma Trees"]),
        ("?order=department", ["Beta Signs", "Alpha Lights", "Gamma Trees"]),
        ("?order=judged", ["Gamma Trees", "Alpha Lights", "Beta Signs"]),
        ("?department=Libraries", ["Beta Signs"]),
        ("?status=breach", ["Alpha Lights"]),
        ("?status=ok&order=name", ["Alpha Lights", "Beta Signs"]),
        ("?status=ok&principle=equity", []),
        ("?status=nonsense&principle=nonsense&order=name", ["Alpha Lights", "Beta Signs", "Gamma Trees"]),
    ],
)
def test_filters_and_orders_work_without_a_script(three: Town, query: str, shown: list[str]) -> None:
    text = three.client().get(f"/{query}").text
    assert (names(text) if shown else []) == shown
    assert ("No system is like that" in text) == (not shown)


def test_one_principle_is_one_column(three: Town) -> None:
    text = three.client().get("/?principle=equity").text
    assert [len(row) for row in rows(text)] == [4, 4, 4]


def test_tiles_count_the_systems_with_a_status(three: Town) -> None:
    text = three.client().get("/").text
    tiles = re.findall(r'<strong>(\d+)</strong> <span><span aria-hidden="true">.</span> ([a-z ]+)', text)
    assert tiles == [("1", "breach"), ("2", "ok"), ("3", "not measured")]


def test_an_open_case_shows_its_age(three: Town) -> None:
    opened = TODAY - WEEK
    case = Detection("beta-signs", "harm", "harm", THIS_WEEK, opened, "ab12", {}, {})
    three.cases.open_or_extend(case)
    assert next(r for r in rows(three.client().get("/").text) if r[0].startswith("Beta"))[10] == "open 7 days"
    assert names(three.client().get("/?order=case").text)[0] == "Beta Signs"


def test_a_system_that_is_no_longer_deployed_says_so(three: Town) -> None:
    change = LifecycleChange(
        holds_from=THIS_WEEK, status=Lifecycle.SUSPENDED, by="Ana Ruiz, CIO", reason="The contract has ended."
    )
    RegisterRows(three.database).add("beta-signs", change, "cio")
    assert (
        "suspended" in next(row for row in rows(three.client().get("/").text) if row[0].startswith("Beta"))[0]
    )


def test_a_system_that_is_not_the_visitors_is_not_there(three: Town) -> None:
    text = three.client(hidden=["alpha-lights"]).get("/").text
    assert "Alpha" not in text
    assert '1</strong> <span><span aria-hidden="true">■' not in text


def test_it_asks_the_store_three_times_whatever_the_number_of_systems(town: Town) -> None:
    for number in range(30):
        town.register(f"system-{number}")
        town.judge(finding(week=THIS_WEEK, system=f"system-{number}"))
    client = town.client()
    client.get("/")
    with counted(town.store) as queries:
        assert len(rows(client.get("/").text)) == 30
    assert len(queries) <= 3


def test_hostile_words_show_and_do_nothing(town: Town) -> None:
    town.register(name=HOSTILE, department=HOSTILE + "🏛" + "x" * 10_000)
    text = town.client().get("/").text
    assert "<script>alert" not in text
    assert "<img src=http" not in text
    assert "\u202e" not in text
    assert "x" * 500 not in re.sub(r'value="[^"]*"', "", text)
    assert len(rows(text)) == 1


def retire(town: Town, name: str) -> None:
    change = LifecycleChange(holds_from=TODAY, status=Lifecycle.RETIRED, by="Cy Cio", reason="It is silent.")
    RegisterRows(town.database).add(name, change, "sundial")


def test_a_retired_system_stands_apart_and_is_behind_with_nothing(three: Town) -> None:
    retire(three, "beta-signs")
    text = three.client().get("/").text
    assert names(text) == ["Alpha Lights", "Gamma Trees"]
    assert "2 systems, judged by" in text
    below = text.partition("<h2>Retired</h2>")[2]
    assert "Beta Signs" in below
    assert "last judged 2016-W51" in below


def test_one_that_goes_on_all_the_same_is_among_the_others(three: Town) -> None:
    again = finding(
        Status.BREACH, check="accountability.retirement", principle="accountability",
        metric="retired_but_running", week=THIS_WEEK, system="gamma-trees",
    )  # fmt: skip
    three.judge(again)
    retire(three, "gamma-trees")
    text = three.client().get("/").text
    assert "Gamma Trees" in names(text)
    assert "<h2>Retired</h2>" not in text
