"""What is generated from the models is current, and agrees with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sundial.register import schema
from sundial.register.completeness import MEASURED, TOLD
from sundial.register.load import load_system
from sundial.register.models import Policy, System


@pytest.mark.parametrize("path", schema.generated_files(), ids=lambda path: path.name)
def test_generated_file_is_current(path: Path) -> None:
    assert path.read_text("utf-8") == schema.generated_files()[path], "run python -m sundial.register.schema"


def test_schemas_close_every_mapping_and_use_the_names_of_the_files() -> None:
    definitions = schema.system_schema()["$defs"]

    assert "with" in definitions["Expectation"]["properties"]
    assert all(part["additionalProperties"] is False for part in definitions.values() if "properties" in part)
    assert set(schema.system_schema()["properties"]) == set(System.model_fields)
    assert set(schema.policy_schema()["properties"]) == set(Policy.model_fields)


def test_every_field_of_an_entry_has_a_meaning() -> None:
    rows = [line for line in schema.field_tables().splitlines() if line.startswith("| `")]

    assert len(rows) > 80
    assert not [row for row in rows if row.endswith("|  |")]


def test_example_on_the_page_is_a_valid_entry(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "register.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "street-light-triage.yaml"
    path.write_text(example, "utf-8")

    assert load_system(path).id == "street-light-triage"


def test_the_page_names_what_each_tier_asks_for() -> None:
    page = (Path(__file__).parents[2] / "docs" / "register.md").read_text("utf-8")
    table = page.partition("| tier | asks for |\n|---|---|\n")[2].partition("\n\n")[0]
    asked: dict[str, set[str]] = {tier: set() for tier in TOLD}
    for row in table.splitlines():
        _, tiers, paths, _ = row.split("|")
        for tier in asked if tiers.strip() == "all" else re.findall(r"\w+", tiers):
            asked[tier] |= set(re.findall(r"`([^`]+)`", paths))

    assert asked == {tier: {*MEASURED[tier], *TOLD[tier]} for tier in TOLD}
