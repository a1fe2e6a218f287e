"""`sundial validate`: what cannot work is told with file, line, field and remedy before anything runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from towns import INCLUDE, entry
from typer.testing import CliRunner

from sundial.cli.main import app
from sundial.register.load import load_policy
from sundial.store.database import Database
from sundial.store.grants import Grant, Grants

NULL = {"type": "expect_column_values_to_not_be_null", "with": {"column": "score"}}


def plain(folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        **entry(folder, **changes),
        "harm": {"metric": "false_positive_rate", "reason": "A visit for nothing."},
    }


def validated(folder: Path, *entries: dict[str, Any]) -> tuple[int, list[str]]:
    """Exit code and lines, without the folder, of a register with these entries."""
    for one in entries:
        (folder / f"{one['id']}.yaml").write_text(yaml.safe_dump(one, sort_keys=False))
    result = CliRunner().invoke(app, ["validate", "--register", str(folder)])
    return result.exit_code, [line.replace(f"{folder}/", "") for line in result.output.splitlines()]


def line_of(folder: Path, text: str) -> int:
    lines = (folder / "street-lights.yaml").read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


def test_a_register_that_works_has_nothing_to_say(tmp_path: Path) -> None:
    valid = plain(tmp_path, outputs={"contract": [NULL]})
    assert validated(tmp_path, valid) == (0, ["1 system is valid, 0 problems, 0 warnings."])


def test_scripts_get_the_same_as_one_document(tmp_path: Path) -> None:
    blind = plain(tmp_path)
    blind["feeds"].pop("outcomes")
    (tmp_path / "street-lights.yaml").write_text(yaml.safe_dump(blind, sort_keys=False))
    result = CliRunner().invoke(app, ["validate", "--register", str(tmp_path), "--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["systems"], found["problems"]) == (0, 1, [])
    assert len(found["warnings"]) == 2


def test_the_register_that_is_delivered_is_valid() -> None:
    result = CliRunner().invoke(app, ["validate", "--register", str(INCLUDE / "systems")])
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        ["8 systems are valid, 0 problems, 0 warnings."],
    )


@pytest.mark.parametrize(
    ("rule", "field", "says", "remedy"),
    [
        (
            {"type": "expect_column_values_to_shine", "with": {"column": "score"}},
            "type",
            "there is no expectation expect_column_values_to_shine",
            "correct its type",
        ),
        (
            {"type": "expect_column_values_to_be_in_set", "with": {"column": "score", "value_sets": [1]}},
            "with",
            "value_sets extra fields not permitted",
            "correct its arguments",
        ),
        (
            {
                "type": "expect_column_values_to_be_between",
                "with": {"column": "score", "mostly": 7, "max_value": 1},
            },
            "with",
            "mostly",
            "correct its arguments",
        ),
        (
            {"type": "expect_column_mean_to_be_between", "with": {"column": "score", "max_value": 1}},
            "type",
            "speaks of the whole column score",
            "use one that judges each row",
        ),
    ],
    ids=["no such type", "no such argument", "share above one", "whole column"],
)
@pytest.mark.parametrize("feed", ["outputs", "outcomes"])
def test_an_expectation_that_great_expectations_does_not_take_is_told(
    tmp_path: Path, feed: str, rule: dict[str, Any], field: str, says: str, remedy: str
) -> None:
    code, (told, total) = validated(tmp_path, plain(tmp_path, **{feed: {"contract": [NULL, rule]}}))
    assert code == 1
    line = line_of(tmp_path, rule["type"]) + (field == "with")
    assert told.startswith(f"street-lights.yaml:{line}: feeds.{feed}.contract[1].{field}: ")
    assert says in told
    assert remedy in told
    assert total == "0 systems are valid, 1 problem, 0 warnings."


def test_every_wrong_file_and_rule_is_told_at_once(tmp_path: Path) -> None:
    shine = {"type": "expect_column_values_to_shine", "with": {"column": "score"}}
    first = plain(tmp_path, outputs={"contract": [shine, shine]}, checks=["effectiveness.rate"])
    second = {**plain(tmp_path, id="traffic-lights"), "intended_outcome": {}}
    code, lines = validated(tmp_path, first, second)
    assert code == 1
    (unknown,) = [line for line in lines if "no check is called" in line]
    line = line_of(tmp_path, "- effectiveness.rate")
    remedy = "did you mean effectiveness.rates?"
    assert unknown == f"street-lights.yaml:{line}: checks[0]: no check is called effectiveness.rate; {remedy}"
    assert len([line for line in lines if "expect_column_values_to_shine" in line]) == 2
    assert any(
        line.startswith("traffic-lights.yaml:") and "intended_outcome.metric" in line for line in lines
    )


def test_metrics_that_need_the_outcomes_are_a_warning_where_the_feed_is_missing(tmp_path: Path) -> None:
    blind = plain(tmp_path)
    blind["feeds"].pop("outcomes")
    code, lines = validated(tmp_path, blind)
    assert code == 0
    rest = "cannot be measured without outcomes; add feeds.outcomes"
    metrics = {"intended_outcome": "accuracy", "harm": "false_positive_rate"}
    lines_of = {part: line_of(tmp_path, f"metric: {metric}") for part, metric in metrics.items()}
    told = [
        f"street-lights.yaml:{lines_of[part]}: warning: {part}.metric: {metric} {rest}"
        for part, metric in metrics.items()
    ]
    assert lines == [*told, "1 system is valid, 0 problems, 2 warnings."]
    blind["harm"]["metric"] = "selection_rate"
    assert validated(tmp_path, blind) == (0, [told[0], "1 system is valid, 0 problems, 1 warning."])


def test_more_streams_than_the_budget_has_room_for_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Database(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    monkeypatch.setenv("SUNDIAL_STORE", f"sqlite:///{tmp_path}/store.db")
    approved = load_policy(INCLUDE / "policy.yaml").evidence.approved_on
    given = [Grant("street-lights", f"s{number}", approved, 1.0, 0.001) for number in range(801)]
    (tmp_path / "register").mkdir()
    Grants(store).add(given[:800], lambda *_: True)
    assert validated(tmp_path / "register", plain(tmp_path))[1] == [
        "1 system is valid, 0 problems, 0 warnings."
    ]
    Grants(store).add(given, lambda *_: True)
    code, (told, total) = validated(tmp_path / "register", plain(tmp_path))
    assert (code, total) == (0, "1 system is valid, 0 problems, 1 warning.")
    assert "the systems have 801 streams of evidence, and the budget has room for 800" in told
    assert "approve evidence.stream_weight 0.00099 with a new approved_on" in told


def test_a_sunset_rule_about_no_check_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy.yaml"
    text = (INCLUDE / "policy.yaml").read_text()
    assert "check: equity.groups" in text
    policy.write_text(text.replace("check: equity.groups", "check: equity.group", 1))
    monkeypatch.setenv("SUNDIAL_POLICY", str(policy))
    result = CliRunner().invoke(app, ["validate"])
    told, total = result.output.splitlines()
    assert result.exit_code == 1
    assert told.endswith(".check: no check is called equity.group; did you mean equity.groups?")
    assert told.startswith(f"{policy}:")
    assert total == "8 systems are valid, 1 problem, 0 warnings."


HEAVY = {"scipy.special", "sklearn", "fairlearn", "ibis", "duckdb", "alembic", "great_expectations"}
"""What takes from a fifth of a second to four seconds to load, and what no register needs to be checked."""


def loaded_by(code: str, **environment: str) -> set[str]:
    """Names of the modules that a Python of its own has loaded after some code."""
    told = f"{code}\nimport sys\nprint('\\n' + ' '.join(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return {*ended.stdout.splitlines()[-1].split()}


def test_no_command_waits_for_what_only_another_one_needs() -> None:
    assert loaded_by("import sundial.cli.main") & (HEAVY | {"pandas", "pyarrow"}) == set()


def test_to_validate_a_register_loads_nothing_that_measures(tmp_path: Path) -> None:
    valid = plain(tmp_path, outputs={"contract": [NULL]})
    (tmp_path / "street-lights.yaml").write_text(yaml.safe_dump(valid, sort_keys=False))
    command = ["validate", "--register", str(tmp_path)]
    code = f"from sundial.cli.main import app\napp({command!r}, standalone_mode=False)"
    loaded = loaded_by(code, SUNDIAL_STORE=f"sqlite:///{tmp_path}/none.db")
    assert "checks.equity" in loaded
    assert loaded & HEAVY == set()


def test_a_sunset_rule_that_waits_for_what_its_check_never_gives_is_told(tmp_path: Path) -> None:
    approved = {"reason": "It is tried.", "approved_by": "CIO", "approved_on": "2026-01-31"}
    never = {"kind": "fact", "check": "effectiveness.rates"}
    rule = {"id": "never_met", "sentence": "It never comes.", "when": never, **approved}
    off = {"prohibited_use": {"switched_off": True, **approved}}
    code, lines = validated(tmp_path, plain(tmp_path, sunset={"add": [rule], "change": off}))
    statistical, prohibited = lines[:2]
    assert code == 1
    assert statistical == (
        f"street-lights.yaml:{line_of(tmp_path, 'check: effectiveness.rates')}: sunset.add[0].when.check: "
        "effectiveness.rates is a statistical check, and never meets kind fact; name another check, or use "
        "the other kind"
    )
    assert prohibited == (
        f"street-lights.yaml:{line_of(tmp_path, 'prohibited_use:')}: sunset.change.prohibited_use: is a rule "
        "on a prohibited use: nobody may switch it off or delay it; remove the change"
    )
