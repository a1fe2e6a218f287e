"""People in a browser with Airflow's accounts: answers from their mail, and a walk through the pages."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_city import AS_OF, CONSIDERED, REASONS, REVIEW, City, wait_for
from playwright.sync_api import Browser, Page, expect
from small_city import MONITOR

from sundial.engine.settings import INCLUDE

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]


CASE = "Halt is the policy's default"


class FabCity(City):
    """The city whose accounts are Flask AppBuilder's, as a deployment has them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        passwords = self.airflow.passwords()
        self.airflow.environment = {
            **self.airflow.environment,
            "AIRFLOW__CORE__AUTH_MANAGER": "sundial.airflow.auth.SundialAuthManager",
            **{f"{user.upper()}_PASSWORD": password for user, password in passwords.items()},
        }
        for command in (["-m", "airflow", "db", "migrate"], ["deploy/accounts.py"]):
            done = subprocess.run(
                [sys.executable, *command],
                cwd=INCLUDE.parent,
                env=self.airflow.process_environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr[-2000:]

    def link_in_mail(self, address: str) -> str:
        """The link of the last mail to somebody."""
        wait_for(lambda: self.mail_to(address), f"{address} has mail")
        body = self.mail_to(address)[-1].get_body(("plain",))
        assert body is not None
        (link,) = re.findall(r"https?://\S+/required_actions", body.get_content())
        return str(link)

    def signed_in(self, browser: Browser, user: str, link: str, there: str) -> Page:
        """Opens a link, is asked to sign in, and comes out where the link leads: what is there is seen."""
        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.goto(link)
        page.locator("input[name=username]").fill(user)
        page.locator("input[name=password]").fill(self.airflow.passwords()[user])
        page.locator("input[type=submit], button[type=submit]").first.click()
        expect(page.get_by_text(there).first).to_be_visible(timeout=60_000)
        return page


def option(chosen: str) -> str:
    return f"[data-testid='hitl-option-{chosen}']"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FabCity]:
    city = FabCity(tmp_path_factory.mktemp("city"))
    try:
        city.airflow.start()
        city.airflow.wait_for_dags([MONITOR, REVIEW])
        assert city.airflow.run(MONITOR, AS_OF, timeout=300) == "success"
        yield city
    finally:
        city.airflow.stop()
        city.mailbox.stop()


def test_the_cdpo_and_then_the_cio_answer_from_their_mail(city: FabCity, browser: Browser) -> None:
    _, _, question = city.asked(1)
    page = city.signed_in(browser, "cdpo", city.link_in_mail("cdpo@example.gov"), CASE)
    expect(page.get_by_role("link", name="AI Health")).to_be_visible()
    for name, text in (REASONS | CONSIDERED).items():
        page.locator(f"textarea[name=element_{name}]").fill(text)
    page.locator(option("No")).click()
    wait_for(lambda: city.cases.question(question.episode, 1).answer, "the determination is recorded")
    answer = city.cases.question(question.episode, 1).answer
    assert answer is not None
    assert (answer.accepted, answer.answered_by, answer.chosen) == (True, "cdpo", "No")
    assert answer.params == REASONS | CONSIDERED

    city.asked(2)
    page = city.signed_in(browser, "cio", city.link_in_mail("cio@example.gov"), CASE)
    page.locator("textarea[name=element_reasons]").fill(REASONS["reasons"])
    page.locator(option("Halt")).click()
    wait_for(lambda: not city.cases.open_questions(question.episode), "the decision is recorded")
    decision = city.cases.events(question.episode)[-1]
    assert (decision.kind, decision.by, decision.payload["chosen"]) == ("decision", "cio", "Halt")


@pytest.mark.parametrize(
    ("user", "role", "verifies"),
    [
        ("engineer", "Engineer", False),
        ("operator", "Operator", True),
        ("cdpo", "CDPO", True),
        ("cio", "CIO", True),
    ],
)
def test_each_person_walks_through_the_pages_in_their_role(
    city: FabCity, browser: Browser, user: str, role: str, verifies: bool
) -> None:
    page = city.signed_in(browser, user, f"{city.airflow.url}/", "AI Health")
    page.get_by_role("link", name="AI Health").click()
    pages = page.frame_locator("iframe")
    expect(pages.get_by_role("heading", name="Portfolio")).to_be_visible(timeout=60_000)
    expect(pages.get_by_text(f"{user} · {role}")).to_be_visible()
    pages.get_by_role("link", name="Small system").first.click()
    expect(pages.get_by_role("heading", name="Small system")).to_be_visible()
    pages.get_by_role("link", name="Equity").first.click()
    pages.get_by_role("link", name="False-positive rate by district").first.click()
    expect(pages.get_by_role("heading", name="Over time")).to_be_visible()
    bar = pages.get_by_role("navigation", name="AI Health")
    bar.get_by_role("link", name="Sunset queue").click()
    pages.get_by_role("link", name="Small system").first.click()
    expect(pages.get_by_role("heading", name="Where it stands")).to_be_visible()
    for name in ("Incidents", "Register", "Ledger"):
        bar.get_by_role("link", name=name).click()
        expect(pages.get_by_role("heading", name=name, level=1)).to_be_visible()
    verify = pages.get_by_role("button", name="Verify now")
    expect(verify).to_have_count(int(verifies))
    if verifies:
        verify.click()
        expect(pages.get_by_text("nothing is wrong")).to_be_visible(timeout=60_000)
    page.close()
