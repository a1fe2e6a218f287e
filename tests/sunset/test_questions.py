"""The case as its Markdown body: rule, evidence and what was said, harmless whatever the texts are."""

from __future__ import annotations

import pytest
from sunset_examples import (
    CONSIDERED,
    REASONS,
    answer,
    determined,
    evidence,
    given,
    harm,
    opened_case,
    policy,
    system,
)

from sundial.store.cases import Cases
from sundial.store.database import Database
from sundial.sunset.case import LONGEST, case_body, evidence_sentence, plain
from sundial.sunset.questions import CONSIDERATIONS, DECISION, DETERMINATION, FORMS

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[Approve here](https://example.test/phish)",
    "![x](https://example.test/pixel.png)",
    "x | 99% | 1 |\n| forged | 0% | 9999 |",
    "nothing\n\n# Decided: Halt\n- by cio",
    "**Halt was decided**",
    "`code` \\[x](y)",
    "a\u202efdp.exe\u0000\u001b[2J",
]
MARKS = set("<>[]|*`\\")


def test_the_body_holds_rule_outcome_evidence_and_the_default(database: Database) -> None:
    cases, episode = opened_case(database)
    body = cases.open_questions(episode)[0].body
    assert body.startswith(f"> {system().notice}")
    assert f"**{policy().sunset[0].sentence}**" in body
    assert system().intended_outcome.statement in body
    assert (
        "false positive rate difference by race: 21.0 points (n = 900; A 40.0%, B 19.0%), tolerated 10.0"
        in body
    )
    assert "if it were within, such data had a chance of at most 1 in 162,755" in body
    assert "Halt is the policy's default" in body
    assert "| A | 40.0% | 35.8% to 44.4% | 500 |" in body


def test_evidence_that_does_not_speak_against_chance_makes_no_claim() -> None:
    payload = harm(evidence=evidence(40.0, log_e=-0.5)).payload()
    assert "chance" not in evidence_sentence(payload)


def test_a_window_without_an_estimate_is_said() -> None:
    assert "not measurable in the last window" in evidence_sentence(harm(estimate=None).payload())


def test_strong_evidence_is_a_power_of_ten() -> None:
    assert "1 in 10^51926" in evidence_sentence(harm(evidence=evidence(1.2e5, log_e=119565.9)).payload())


def test_the_latest_evidence_is_shown(database: Database) -> None:
    cases, episode = opened_case(database, harm(estimate=0.21))
    case = cases.episode(episode)
    assert case_body(cases, case, system()) == cases.open_questions(episode)[0].body


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_others_is_one_line_without_marks(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert not set(shown) & MARKS


def test_names_keep_their_letters() -> None:
    assert plain("Señora Nguyễn – 30 % (n = 4), don't") == "Señora Nguyễn – 30 % (n = 4), don't"
    assert plain("  two\n lines ") == "two lines"
    assert len(plain("x" * (LONGEST + 1))) == LONGEST


@pytest.mark.parametrize("text", HOSTILE)
def test_an_answer_cannot_forge_the_case(database: Database, text: str) -> None:
    cases, episode = determined(database)
    before = cases.question(episode, 2).body
    answer(cases, episode, 2, given("Return for information", {"reasons": f"Why? {text}"}, "cio"))
    asked_again = cases.question(episode, 3).body
    added = asked_again.removeprefix(before)
    assert added.count("\n") == 1
    assert added.startswith("\n- 2026-11-20: decision by cio: Return for information. Why?")
    assert not set(added) & MARKS
    assert cases.events(episode)[-1].payload["reasons"].startswith("Why?"), "the record keeps it as it came"


@pytest.mark.parametrize("group", HOSTILE)
def test_a_group_s_name_cannot_forge_the_table(database: Database, group: str) -> None:
    hostile = harm(details={"rates": {group: 0.4, "B": 0.19}, "n": {group: 500, "B": 400}})
    cases, episode = opened_case(database, hostile)
    table = [line for line in cases.open_questions(episode)[0].body.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert all(line.count("|") == 5 for line in table)
    assert not any(set(line) & (MARKS - {"|"}) for line in table)


@pytest.mark.parametrize("level", HOSTILE)
def test_a_slice_s_level_cannot_forge_the_sentence(level: str) -> None:
    said = evidence_sentence(harm(slice=(("by", level),)).payload())
    assert "\n" not in said
    assert not set(said) & MARKS


def test_the_register_s_texts_cannot_forge_the_case(database: Database) -> None:
    cases, episode = opened_case(database)
    hostile = system().model_copy(update={"notice": "ok\n\n# Decided <b>"})
    assert case_body(cases, cases.episode(episode), hostile).startswith("> ok # Decided ‹b›\n")
    assert "# Decided" not in [
        line.strip() for line in Cases(database).questions(episode)[0].body.split("\n")
    ]


def test_each_form_is_asked_of_its_role_and_needs_reasons_for_every_choice() -> None:
    roles = {"determination": "cdpo", "decision": "cio", "closure": "cdpo"}
    assert {kind: form.role for kind, form in FORMS.items()} == roles
    for form in FORMS.values():
        reasons = next(field for field in form.fields if field.name in ("reasons", "lessons"))
        assert set(reasons.needed_for) == set(form.choices)
    assert DECISION.choices[0] == "Halt"


def test_the_three_considerations_are_needed_before_a_case_goes_to_the_cio() -> None:
    needed = {f.name for f in DETERMINATION.fields if "No" in f.needed_for and "Cannot say" in f.needed_for}
    assert needed == {"reasons", *CONSIDERATIONS} == {"reasons", *CONSIDERED}
    assert set(REASONS) <= needed


def test_what_was_said_is_in_the_order_of_saying(database: Database) -> None:
    cases, episode = determined(database)
    answer(cases, episode, 2, given("Return for information", {"reasons": "First things first."}, "cio"))
    again = REASONS | CONSIDERED | {"reasons": "Second thoughts."}
    answer(cases, episode, 3, given("Cannot say", again))
    body = cases.question(episode, 4).body
    assert body.index(REASONS["reasons"]) < body.index("First things first.") < body.index("Second thoughts.")
