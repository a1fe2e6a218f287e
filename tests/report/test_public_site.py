"""The public register: what is in it, what is not, and that a reader never sees half of it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from report_examples import HOSTILE, finding, judged, policy, system, unmeasured
from test_public_figures import FIRST, week_of

from sundial.lake import Lake
from sundial.register.given import GivenAttestation, LifecycleChange, RegisterVersion, Waiver
from sundial.register.lifecycle import Lifecycle
from sundial.register.load import Register
from sundial.register.models import System
from sundial.report.public import SECTIONS
from sundial.report.public_site import FOLDER, INDEX, latest
from sundial.report.publication import publish_register
from sundial.store.cases import Cases, Detection, NewEvent
from sundial.store.database import Database
from sundial.store.records import Status
from sundial.store.register import RegisterRows
from sundial.store.results import Pull, Report, Results

AS_OF = date(2016, 1, 12)
FORMULAS = ("=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1")
LONG = "x" * 10_000
EMOJI = "👩🏽‍🚒 🚦"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


class City:
    """A city whose register, store and lake are real."""

    def __init__(self, database: Database, lake: Lake, *systems: System) -> None:
        self.database, self.lake = database, lake
        self.systems = {one.id: one for one in systems}
        self.rows = RegisterRows(database)

    def publish(self, as_of: date = AS_OF) -> Report:
        register = Register(systems=self.systems, errors={})
        return publish_register(register, policy(), self.database, self.lake, as_of)[0]

    def read(self, path: str) -> str:
        """A file of the edition that the first page shows."""
        return self.lake.get(f"{FOLDER}/{latest(self.lake)}/{path}").decode()

    def everything(self) -> str:
        return "\n".join(self.lake.get(path).decode() for path in self.lake.list(FOLDER))


@pytest.fixture
def city(database: Database, results: Results, lake: Lake) -> City:
    results.record("street-lights", [judged(FIRST, *week_of(FIRST))], "run")
    return City(database, lake, system())


def test_the_first_page_names_each_system_with_its_status(city: City) -> None:
    city.publish()
    page = city.read(INDEX)
    assert "Street Lights" in page
    assert 'href="systems/street-lights.html"' in page
    assert "Transportation; in use" in page


def test_a_page_shows_figures_with_n_and_interval(city: City) -> None:
    city.publish()
    page = city.read("systems/street-lights.html")
    assert "600 of 1,000" in page
    assert "60.0 %" in page
    assert "56.9 to 63.0 %" in page
    assert "Other groups together" in page
    assert "3 of 40" not in page


def test_green_was_measured_in_this_week_and_every_group_is_told(city: City, results: Results) -> None:
    """Two groups are merged: that Equity is ok would say of them that they fare alike."""
    week = FIRST + timedelta(weeks=1)
    fine = [f for f in week_of(week) if f.check == "effectiveness.rates"]
    equal = finding(Status.OK, week, check="equity.groups", principle="equity", metric="selection_rate")
    results.record("street-lights", [judged(week, *fine, equal)], "run")
    city.publish(week + timedelta(days=7))
    data = json.loads(city.read("systems/street-lights.json"))
    assert data["principles"]["Equity"] == ["ok in part"]
    assert data["principles"]["Effectiveness"] == ["ok"]
    assert data["principles"]["Privacy"] == ["not measured"]


class TestLeftOut:
    """What is not named in the allow-list does not come out, in no file of the site."""

    def test_names_of_people_mails_and_notes(self, city: City, results: Results, cases: Cases) -> None:
        city.rows.add(
            "street-lights",
            Waiver(
                holds_from=FIRST,
                check="equity.groups",
                reason="A secret reason of a waiver",
                approver="Wanda Waiver",
                link="https://internal.example/waiver",
                expires=FIRST + timedelta(days=100),
            ),
            "wanda",
        )
        city.rows.add(
            "street-lights",
            GivenAttestation(holds_from=FIRST, kind="ai_review", by="Rita Reviewer", date=FIRST),
            "rita",
        )
        city.rows.add(
            "street-lights",
            RegisterVersion(
                holds_from=FIRST, content_hash="ab" * 32, author="Gus Git", authored_on=FIRST, entry={}
            ),
            "gus",
        )
        results.record_pull(
            Pull("street-lights", "outputs", FIRST, "failed", 0, error="password of db.internal is wrong")
        )
        week = FIRST + timedelta(weeks=1)
        reason = unmeasured(week, reason="Row 7 of report R-77 was refused.")
        results.record("street-lights", [judged(week, reason)], "run")
        city.publish(week + timedelta(days=7))
        text = city.everything()
        for private in (
            *("Ana Ruiz", "ana.ruiz@city.example", "Wanda", "Rita", "Gus Git", "secret reason"),
            *(
                "internal.example",
                "db.internal",
                "R-77",
                "cdpo@city.example",
                "cio@city.example",
                "Approved by",
            ),
        ):
            assert private not in text.replace('"owner"', ""), private

    def test_what_the_entry_withholds_stands_as_withheld(self, city: City) -> None:
        entry = system(
            scope={"area": "Depot 9, behind the gate"}, withheld={"scope.area": "Gov. Code § 7929.200"}
        )
        city.systems = {entry.id: entry}
        city.publish()
        assert "Depot 9" not in city.everything()
        assert "Not published: Gov. Code § 7929.200" in city.read("systems/street-lights.html")

    def test_figures_that_were_public_before_the_entry_withheld_them(self, city: City) -> None:
        city.publish()
        assert "Other groups together" in city.read("systems/street-lights.html")
        city.systems = {"street-lights": system(withheld={"harm.reason": "Gov. Code § 7922.000"})}
        city.publish()
        assert "Other groups together" not in city.read("systems/street-lights.html")
        assert "600 of 1,000" in city.read("systems/street-lights.html")

    def test_invented_examples_and_rejected_systems(self, city: City) -> None:
        city.systems |= {
            "invented-one": system("invented-one", example=True, operated=False),
            "rejected-one": system("rejected-one", status="rejected"),
        }
        city.publish()
        assert "invented-one" not in city.everything()
        assert "rejected-one" not in city.everything()

    def test_no_path_of_the_allow_list_names_a_person(self) -> None:
        paths = {path for _, fields in SECTIONS for _, path in fields}
        assert not {path for path in paths if re.search(r"owner|officer|\bby\b|_by|approved", path)}


class TestExamples:
    def test_historical_data_is_labelled_wherever_it_is(self, city: City) -> None:
        entry = system(operated=False, notice="Public data of another city.")
        city.systems = {entry.id: entry}
        city.publish()
        assert "Examples: not systems of the City" in city.read(INDEX)
        assert "Example, not a system of the City." in city.read("systems/street-lights.html")
        assert json.loads(city.read("systems/street-lights.json"))["example"] is True
        rows = csv.DictReader(io.StringIO(city.read("data/figures.csv")))
        assert {row["example"] for row in rows} == {"yes"}
        assert json.loads(city.read("data/eurocities.json")) == []


class TestCases:
    def open(self, cases: Cases) -> str:
        record = {"rule": {"sentence": "A rule that fired on 3 people"}}
        detection = Detection("street-lights", "harm", "harm", FIRST, FIRST, "hash", record, {"kind": "fact"})
        return cases.open_or_extend(detection)[0]

    def test_of_an_open_case_only_its_state_is_told(self, city: City, cases: Cases) -> None:
        episode = self.open(cases)
        said = {"chosen": "No", "reasons": "Internal reasons of the CDPO"}
        cases.append(episode, NewEvent("answer/1", "determination", said, FIRST, "cdpo"))
        city.publish()
        page = city.read("systems/street-lights.html")
        assert "A sunset case is open." in page
        for hidden in (episode, "no longer provides", "Internal reasons", "3 people"):
            assert hidden not in city.everything()

    def test_a_decision_is_told_with_what_was_determined_before(self, city: City, cases: Cases) -> None:
        episode = self.open(cases)
        for number, kind, chosen in ((1, "determination", "No"), (2, "decision", "Halt")):
            said = {"chosen": chosen, "reasons": "Internal reasons"}
            cases.append(episode, NewEvent(f"answer/{number}", kind, said, FIRST, "cio"))
        city.publish()
        page = city.read("systems/street-lights.html")
        assert "A sunset case is open." not in page
        assert page.index("decided to halt it") < page.index("no longer provides a positive outcome")
        assert "Internal reasons" not in city.everything()

    def test_a_retired_system_stays_with_day_and_reason(self, city: City) -> None:
        reason = "It was replaced by a better one."
        change = LifecycleChange(holds_from=FIRST, status=Lifecycle.RETIRED, by="Cy Cio", reason=reason)
        city.rows.add("street-lights", change, "cy")
        city.publish()
        part = city.read(INDEX).partition('id="retired"')[2]
        assert "January 4, 2016" in part
        assert reason in part
        assert "Cy Cio" not in city.everything()


class Tags(HTMLParser):
    """All that a page would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


class TestHostileContent:
    @pytest.fixture
    def hostile(self, database: Database, results: Results, lake: Lake) -> City:
        text = f"{HOSTILE} {EMOJI} {LONG}"
        entry = system(
            notice=text,
            description=HOSTILE[:140],
            department=FORMULAS[0],
            vendor={"name": FORMULAS[1], "product": text},
            scope={"intended": text, "area": FORMULAS[4]},
            decision={"appeal": text},
            contact={"email": "a@b.example", "name": HOSTILE},
        ).model_copy(update={"name": HOSTILE})
        names = [HOSTILE, *FORMULAS]
        week = week_of(FIRST, groups={name: (60 + n, 200) for n, name in enumerate(names)})
        results.record("street-lights", [judged(FIRST, *week)], "run")
        reason = f"{FORMULAS[0]} {HOSTILE} {EMOJI}"
        made = City(database, lake, entry)
        made.rows.add(
            "street-lights",
            LifecycleChange(holds_from=FIRST, status=Lifecycle.RETIRED, by="someone", reason=reason),
            "someone",
        )
        made.publish()
        return made

    def test_pages_run_and_fetch_nothing_of_it(self, hostile: City) -> None:
        for path in hostile.lake.list(FOLDER):
            if not path.endswith(".html"):
                continue
            page = hostile.lake.get(path).decode()
            tags = Tags()
            tags.feed(page)
            names = {tag for tag, _ in tags.found}
            assert not names & {"script", "img", "iframe", "object", "style"}, path
            assert not any(name.startswith("on") for _, found in tags.found for name in found), path
            assert not re.search("[\u202a-\u202e\u2066-\u2069]", page), path
            links = [found["href"] or "" for _, found in tags.found if "href" in found]
            assert not [link for link in links if link.startswith(("javascript:", "data:"))]
            assert LONG not in page

    def test_every_page_forbids_script(self, hostile: City) -> None:
        for path in (INDEX, "systems/street-lights.html"):
            assert "Content-Security-Policy" in hostile.read(path)
            assert "default-src 'none'" in hostile.read(path)

    def test_no_cell_of_a_csv_is_a_formula(self, hostile: City) -> None:
        tables = [path for path in hostile.lake.list(FOLDER) if path.endswith(".csv")]
        assert len(tables) > 5
        for path in tables:
            for row in csv.reader(io.StringIO(hostile.lake.get(path).decode())):
                for cell in row:
                    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝")), (path, cell)
        assert "'=cmd|" in hostile.read("data/register.csv")

    def test_emoji_stay(self, hostile: City) -> None:
        assert "🚦" in hostile.read("systems/street-lights.html")


class TestPublishing:
    def test_the_same_again_is_the_same_bytes_and_no_new_row(self, city: City, results: Results) -> None:
        first = city.publish()
        files = {path: city.lake.get(path) for path in city.lake.list(FOLDER)}
        assert city.publish() == first
        assert {path: city.lake.get(path) for path in city.lake.list(FOLDER)} == files
        assert results.reports() == (first,)

    def test_the_ledger_s_row_has_the_hash_of_every_file(self, city: City) -> None:
        row = city.publish()
        manifest = json.loads(city.lake.get(row.path))
        folder = row.path.rpartition("/")[0]
        lying = {path.removeprefix(f"{folder}/") for path in city.lake.list(folder)}
        assert {*manifest} == lying - {"manifest.json"}

    def test_killed_at_any_write_the_reader_sees_one_whole_site(
        self, city: City, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        city.publish()
        city.systems["new-one"] = system("new-one")
        put = Lake.put

        left = 0

        def dies(lake: Lake, path: str, data: bytes) -> None:
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            put(lake, path, data)

        for writes in range(60):
            left = writes
            with monkeypatch.context() as patched:
                patched.setattr(Lake, "put", dies)
                try:
                    city.publish(AS_OF + timedelta(days=1))
                except KeyboardInterrupt:
                    pass
                else:
                    break
            self.assert_whole(city)
        else:
            pytest.fail("it never came to an end")
        assert "New One" in city.read(INDEX)

    def assert_whole(self, city: City) -> None:
        """Every link of the first page, and of the pages that it leads to, leads somewhere."""
        todo, seen = [f"{FOLDER}/{INDEX}"], set[str]()
        while todo:
            path = todo.pop()
            seen.add(path)
            tags = Tags()
            tags.feed(city.lake.get(path).decode())
            for _, found in tags.found:
                link = found.get("href") or ""
                if not link or link.startswith(("#", "http", "mailto:")):
                    continue
                target = str((Path("/") / path).parent.joinpath(link).resolve()).removeprefix("/")
                assert city.lake.exists(target), (path, link)
                if target.endswith(".html") and target not in seen:
                    todo.append(target)
        assert len(seen) > 1

    def test_what_is_gone_is_removed_at_the_next_publication(self, city: City) -> None:
        city.systems["gone-one"] = system("gone-one")
        city.publish()
        assert city.lake.exists(f"{FOLDER}/systems/gone-one.html")
        del city.systems["gone-one"]
        city.publish()
        assert not city.lake.exists(f"{FOLDER}/systems/gone-one.html"), "its address leads nowhere"
        assert "Gone One" not in city.lake.get(f"{FOLDER}/{INDEX}").decode()
        city.publish()
        assert "Gone One" not in city.everything(), "nor does the edition before stay longer"

    def test_a_page_has_an_address_that_stays(self, city: City) -> None:
        city.publish()
        stub = city.lake.get(f"{FOLDER}/systems/street-lights.html").decode()
        target = re.search(r"url=\.\./([^\"]+)", stub)
        assert target is not None
        assert city.lake.exists(f"{FOLDER}/{target[1]}")


WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(city: City) -> Iterator[str]:
    if shutil.which("chromium") is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    city.systems["old-lights"] = system("old-lights", operated=False, notice="Public data of another city.")
    city.publish()
    folder = Path(city.lake.root, FOLDER)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.browser
def test_it_reads_without_script_on_a_phone_and_in_the_dark(served: str) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme, width in (("light", 1280), ("dark", 390)):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
            for path in ("/index.html", "/systems/street-lights.html"):
                page.goto(served + path)
                page.wait_for_load_state("networkidle")
                found = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
                assert not found, [(one["id"], one["nodes"][0]["html"]) for one in found]
                assert page.evaluate("document.documentElement.scrollWidth") <= width, "it is not cut off"
                assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none"
        plain = browser.new_context(java_script_enabled=False).new_page()
        plain.goto(f"{served}/index.html")
        plain.get_by_role("link", name="Street Lights").click()
        assert plain.get_by_role("heading", level=1).inner_text() == "Street Lights"
        plain.get_by_role("link", name="All systems").click()
        assert plain.get_by_role("heading", level=1).inner_text() == "Register of AI systems"
        browser.close()
