"""The pages in a real browser: as accessible as WCAG 2.1 AA asks, by keyboard, in both themes, on a phone."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from case_examples import determined, gap
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from pages_city import BASE, THIS_WEEK, TODAY, Town
from playwright.sync_api import Browser, Page, sync_playwright
from report_examples import HOSTILE, finding, group_rate, refused, unmeasured
from test_incidents import report

from sundial.engine.clock import WEEK
from sundial.engine.today import PLAYED
from sundial.store.records import Status

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

HERE = "/systems/street-lights"
CASE = "/sunset/street-lights-2016-001"
GROUP = group_rate(week=THIS_WEEK)
PAGES = [
    "/",
    "/?status=breach",
    HERE,
    f"{HERE}/effectiveness",
    f"{HERE}/equity",
    f"{HERE}/data",
    f"{HERE}/record",
    f"{HERE}/findings/2016-W51/{GROUP.id}",
    "/dags/weekly_report",
    "/systems/nowhere",
    "/sunset/",
    "/sunset/?state=draft&order=adverse",
    CASE,
    "/incidents/",
    f"/incidents/incident-{datetime.now(UTC).year}-001",
    "/register/",
    "/ledger/",
]
_FRAME = """<!doctype html><html lang="en" class="{theme}"><title>Airflow</title>
<iframe title="AI Health" src="{base}{page}" width="1200" height="800"
 sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe></html>"""


@dataclass(frozen=True)
class Site:
    """Where the browser finds the pages, and the page that frames them as Airflow does."""

    url: str

    def page(self, path: str) -> str:
        return f"{self.url}{BASE}{path}"

    def framed(self, path: str, theme: str) -> str:
        return f"{self.url}/frame?page={path}&theme={theme}"


def _fill(town: Town) -> None:
    town.register()
    town.register("hostile-words", name=HOSTILE, department=HOSTILE + "z" * 10_000, notice=HOSTILE)
    for week in (THIS_WEEK - 2 * WEEK, THIS_WEEK - WEEK):
        town.judge(finding(week=week), replace(GROUP, week=week), week=week)
    first = finding(week=THIS_WEEK)
    town.judge(
        first,
        GROUP,
        gap(),
        group_rate(Status.WATCH, week=THIS_WEEK, slice=(("race", "Other"),), estimate=0.3, n=8),
        refused(week=THIS_WEEK),
        unmeasured(THIS_WEEK),
        unmeasured(THIS_WEEK, check="transparency.fact_sheet", principle="transparency", status=Status.ERROR),
        restated=[replace(first, estimate=0.7)],
    )
    town.judge(finding(week=THIS_WEEK, system="hostile-words", status=Status.BREACH, reason=HOSTILE))
    case = determined(town)
    town.cases.claim(case, 2, "run-7")
    report(town)
    report(town, 60, system="hostile-words", happened=HOSTILE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages on a port of this machine, as the CIO sees them."""
    folder: Path = tmp_path_factory.mktemp("browser")
    (folder / "today").write_text(TODAY.isoformat())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLAYED, str(folder / "today"))
        town = Town(folder)
        _fill(town)
        app = town.client("cio").app
        assert isinstance(app, FastAPI)
        app.add_api_route(
            "/frame",
            lambda page, theme: HTMLResponse(_FRAME.format(base=BASE, page=page, theme=theme)),
        )
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.05)
            yield Site(f"http://127.0.0.1:{taken.getsockname()[1]}")
            server.should_exit = True
            thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine; Debian: apt-get install chromium")
    with sync_playwright() as started:
        yield started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A page whose console says nothing wrong, or the test fails."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: wrong.append(said.text) if said.type == "error" and "404" not in said.text else None,
    )
    page.on("dialog", lambda dialog: wrong.append("a script of somebody's ran"))
    yield page
    page.close()
    assert not wrong


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_in_either_theme_at_either_width(site: Site, tab: Page, path: str) -> None:
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    for width, scheme in ((1280, "light"), (390, "dark")):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        tab.goto(site.page(path))
        for summary in tab.locator("summary").all():
            summary.click()
        found = Axe().run(tab, options=rules).response["violations"]
        assert [(one["id"], [node["html"][:150] for node in one["nodes"]]) for one in found] == []
        beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert tab.evaluate(beyond) == 0


def test_the_theme_is_airflows_and_changes_with_it(site: Site, tab: Page) -> None:
    tab.emulate_media(color_scheme="light")
    tab.goto(site.framed("/", "dark"))
    inner = tab.frame_locator("iframe").locator("html")
    inner.locator("h1").wait_for()
    assert inner.get_attribute("data-theme") == "dark"
    tab.evaluate("document.documentElement.className = 'light'")
    tab.frame_locator("iframe").locator("html[data-theme=light]").wait_for()


def test_without_airflow_around_it_the_systems_preference_holds(site: Site, tab: Page) -> None:
    for scheme, colour in (("light", "rgb(244, 245, 246)"), ("dark", "rgb(16, 18, 21)")):
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        tab.goto(site.page("/"))
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == colour


def test_a_link_to_airflow_moves_airflow_and_not_the_frame(site: Site, tab: Page) -> None:
    tab.goto(site.framed(HERE, "light"))
    tab.frame_locator("iframe").get_by_role("link", name="Its DAG in Airflow").click()
    tab.wait_for_url("**/airflow/dags/monitor__street-lights")
    assert tab.locator("iframe").count() == 1


def test_the_keyboard_reaches_filters_table_and_content(site: Site, tab: Page) -> None:
    tab.goto(site.page("/"))
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(40):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.name || document.activeElement.className"))
    assert {"department", "principle", "status", "order", "scroll", "cell"} <= reached


def test_a_choice_acts_at_once(site: Site, tab: Page) -> None:
    tab.goto(site.page("/"))
    tab.select_option("select[name=principle]", "equity")
    tab.wait_for_url("**principle=equity*")
    assert tab.locator("thead th").count() == 4


def test_a_chart_says_its_values_under_pointer_and_arrow_keys(site: Site, tab: Page) -> None:
    tab.goto(site.page(f"{HERE}/effectiveness"))
    figure = tab.locator("figure", has=tab.locator("tr[data-x]")).first
    picture, readout = figure.locator("svg"), figure.locator("output")
    picture.focus()
    assert readout.inner_text().startswith(
        "2016-W51: Estimate 70.0 %, 95 % interval 61.7 % to 67.6 %, n 1,000"
    )
    tab.keyboard.press("ArrowLeft")
    assert readout.inner_text().startswith("2016-W50: Estimate 64.7 %")
    tab.keyboard.press("Home")
    assert readout.inner_text().startswith("2016-W49")
    box = picture.bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + box["width"] - 15, box["y"] + 40)
    assert readout.inner_text().startswith("2016-W51")


def test_the_keyboard_reaches_what_a_cio_decides_with(site: Site, tab: Page) -> None:
    tab.goto(site.page(CASE))
    reached = []
    for _ in range(40):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.textContent.trim()"))
    assert {"Answer in Airflow", "The record in sixteen parts", "Page to read, HTML"} <= set(reached)


def test_the_answer_is_given_in_airflow_and_not_in_the_frame(site: Site, tab: Page) -> None:
    tab.goto(site.framed(CASE, "dark"))
    tab.frame_locator("iframe").get_by_role("link", name="Answer in Airflow").click()
    tab.wait_for_url("**/airflow/answer/run-7")
    assert tab.locator("iframe").count() == 1


def test_the_ledger_is_verified_with_a_key(site: Site, tab: Page) -> None:
    tab.goto(site.page("/ledger/"))
    tab.get_by_role("button", name="Verify now").focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Verified just now").wait_for()
    assert "nothing is wrong" in tab.locator("main").inner_text()


def test_frozen_evidence_is_downloaded_and_not_opened(site: Site, tab: Page) -> None:
    tab.goto(site.page(CASE))
    with tab.expect_download() as caught:
        tab.get_by_role("link", name="Page to read, HTML").click()
    assert caught.value.suggested_filename == "street-lights-2016-001-bundle-1.html"
    assert tab.url == site.page(CASE)


def test_hostile_words_run_nothing_and_ask_nobody(site: Site, tab: Page) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    for path in ("/", "/systems/hostile-words", "/systems/hostile-words/effectiveness", *PAGES[-7:]):
        tab.goto(site.page(path))
        assert "49" not in tab.locator("h1").inner_text()
        assert tab.locator("img[src*=evil]").count() == 0
    assert all(url.startswith(site.url) for url in asked)
