"""Every check has a page that says what its code and the policy say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sundial.api import Check, Finding, Principle, Side, View
from sundial.cli.check_pages import INDEX, pages, write
from sundial.engine.discover import discover
from sundial.engine.settings import INCLUDE
from sundial.engine.texts import texts_of
from sundial.engine.told import PARTS, told
from sundial.register.load import load_policy

FOLDER = INCLUDE.parent / "docs" / "checks"
POLICY = load_policy(INCLUDE / "policy.yaml")


def test_the_pages_of_the_checks_are_current() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert written == pages(POLICY, discover()), "make them again: python -m sundial.cli.check_pages"


@pytest.mark.parametrize("check", discover(), ids=lambda check: check.name)
def test_every_check_says_what_how_and_whence(check: Check) -> None:
    of = told(check)
    assert of.summary.endswith(".")
    assert set(of.parts) == set(PARTS)
    assert all(of.parts.values())


def test_the_index_lists_every_check_under_its_principle() -> None:
    index = pages(POLICY, discover())[INDEX]
    for check in discover():
        under = index[: index.index(f"[`{check.name}`]")].rpartition("\n## ")[2]
        assert check.principle.label in under.splitlines()[0]


def test_the_policys_numbers_stand_on_the_pages_of_the_checks_that_read_them() -> None:
    made = pages(POLICY, discover())
    named = {
        name: {page.removesuffix(".md") for page, text in made.items() if f"| `{name}` |" in text}
        for name in (*POLICY.thresholds, *POLICY.terms)
    }
    assert all(named.values()), "each number of the policy is read by some check"
    assert named["equity_tolerance"] == {"equity.groups"}
    assert named["ai_review_age"] == {"accountability.ai_review"}
    assert named["domain_classifier_auc"] == {"drift.multivariate"}
    assert named["share_change"] == {
        "drift.score",
        "drift.numbers",
        "drift.categories",
        "drift.concept",
        "drift.version_change",
    }


def deep(view: View) -> float:
    return sum(view.threshold(name, Side.FLOOR).value for name in ("named_within", "too"))


class Naming(Check):
    """Names a threshold in what it calls."""

    name = "custom.naming"
    principle = Principle.PRIVACY

    def measure(self, view: View) -> Iterator[Finding]:
        deep(view)
        yield from ()


def test_what_is_named_in_a_function_that_a_check_calls_is_found() -> None:
    assert "named_within" in texts_of(Naming)


def test_pages_of_checks_that_are_gone_are_removed(tmp_path: Path) -> None:
    (tmp_path / "custom.gone.md").write_text("# gone")
    write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FOLDER.glob("*.md")}
