"""Page and mail in a real browser: no WCAG 2.1 AA violation, nothing that has to be scrolled sideways."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from report_examples import AS_OF, finding, judged, policy, system, unmeasured, year

from sundial.report.rendered import render_html, render_mail
from sundial.report.weekly import WeeklyReport, build
from sundial.store.cases import Cases, Detection
from sundial.store.records import Status
from sundial.store.results import Results

pytestmark = pytest.mark.browser
RULES: dict[str, Any] = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium, which is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def report(results: Results, cases: Cases) -> WeeklyReport:
    *before, last = year()
    more = (unmeasured(last.week), finding(Status.ERROR, last.week, metric="recall", estimate=None))
    results.record("street-lights", [*before, judged(last.week, *last.findings, *more)], "run")
    told = Detection("street-lights", "unequal_harm", "unequal_harm", last.week, AS_OF, "ab", {}, {})
    cases.ask(cases.open_or_extend(told)[0], role="cdpo", kind="determination", body="x", as_of=AS_OF)
    second = system("bus-lanes", notice="An example.")
    made = build({"street-lights": system(), "bus-lanes": second}, policy(), results, cases, AS_OF)
    return replace(made, missed=("2016-W50",))


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1280, "light"),
        (390, "dark"),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("kind", ["page", "mail"])
def test_it_is_accessible_and_fits(
    browser: Browser,
    report: WeeklyReport,
    tmp_path: Path,
    kind: str,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    answers = "https://airflow.city.example/required_actions"
    html = render_html(report, answers) if kind == "page" else render_mail(report, answers)[1]
    (tmp_path / "shown.html").write_text(html, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto((tmp_path / "shown.html").as_uri())
    for details in page.query_selector_all("summary"):
        details.click()
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    assert len(fetched) == 1, "the page itself and nothing else"
    page.close()
