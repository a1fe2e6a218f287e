from __future__ import annotations

import os
import re

import pytest
from pages_city import ROLES, THIS_WEEK, Town
from report_examples import finding, policy

from sundial.pages.app import HEADERS


def test_nobody_gets_past_the_door_without_signing_in(town: Town) -> None:
    town.register()
    for path in ("/", "/systems/street-lights", "/no-such-page"):
        answer = town.client(None).get(path)
        assert answer.status_code in (401, 404)
        assert "Street Lights" not in answer.text
    door = town.client(None).get("/")
    assert door.status_code == 401
    assert door.headers["content-type"].startswith("text/html")
    assert "Please sign in to Airflow" in door.text
    assert 'href="/airflow/"' in door.text


def test_nothing_of_the_interface_is_described_to_strangers(town: Town) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert town.client(None).get(path).status_code == 404


def test_every_answer_has_the_headers_that_keep_it_harmless(town: Town) -> None:
    for path in ("/", "/static/sundial.css", "/nothing"):
        headers = town.client().get(path).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in HEADERS["Content-Security-Policy"]


def test_a_page_has_no_script_or_style_inside(town: Town) -> None:
    town.register()
    town.judge(finding(week=THIS_WEEK))
    text = town.client().get("/").text
    assert all('src="' in tag for tag in re.findall(r"<script[^>]*>", text))
    assert "<style" not in text
    assert " style=" not in text
    assert not re.findall(r"(src|href)=\"https?:", text)


@pytest.mark.parametrize(
    ("user", "shown"), [("cio", "CIO"), ("engineer", "Engineer"), ("somebody", "viewer")]
)
def test_a_user_has_the_roles_of_the_policy_and_others_are_viewers(town: Town, user: str, shown: str) -> None:
    assert f"{user} · {shown}" in town.client(user).get("/").text


def test_a_role_given_in_the_policy_holds_at_once(town: Town) -> None:
    client = town.client("somebody")
    assert "somebody · viewer" in client.get("/").text
    town.write_policy(policy(roles=ROLES | {"cio": {"users": ["somebody"]}}))
    os.utime(town.settings.policy, ns=(1, 1))
    assert "somebody · CIO" in client.get("/").text


def test_an_error_names_the_remedy_and_shows_no_traceback(town: Town) -> None:
    town.settings.policy.write_text("city: 1\n")
    answer = town.client().get("/")
    assert answer.status_code == 500
    assert "`sundial validate` says what is wrong" in answer.text
    assert "Traceback" not in answer.text


def test_a_store_that_cannot_be_read_says_how_to_mend_it(town: Town) -> None:
    with town.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    answer = town.client().get("/")
    assert answer.status_code == 503
    assert "sundial db migrate" in answer.text


def test_what_a_page_did_not_expect_is_a_page_and_a_line_in_the_log(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.register()
    with town.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE restatements")
    answer = town.client().get("/")
    assert answer.status_code == 500
    assert "This page could not be made" in answer.text
    assert [record.message for record in caplog.records if "the page /ai-health/ failed" in record.message]
