"""The lists of fields agree, field by field, with the published standards, where their files are at hand."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from sundial.register.exports import STANDARDS, omb
from sundial.register.exports.standard import Field, Kind, Need, always, never

PUBLISHED = os.environ.get("SUNDIAL_STANDARDS")
"""A folder with the published files; they are not ours to keep."""


def published(name: str) -> Path:
    if PUBLISHED is None:
        pytest.skip("SUNDIAL_STANDARDS names no folder with the published standards")
    return Path(PUBLISHED) / name


def ours(standard: str) -> dict[str, Field]:
    return {field.name: field for field in STANDARDS[standard].fields}


def test_eurocities() -> None:
    definition = yaml.safe_load(published("eurocities-0.3.1.yaml").read_text("utf-8"))
    assert STANDARDS["eurocities"].version == definition["version"]
    kinds = {"string": Kind.TEXT, "const": Kind.TEXT, "email": Kind.EMAIL, "url": Kind.URL,
             "enum": Kind.CHOICE, "uuid": Kind.UUID, "date": Kind.DATE}  # fmt: skip

    def facts(one: dict[str, Any]) -> tuple[Any, ...]:
        const = (one["const"],) if "const" in one else ()
        choices = tuple(one["enum"]["en"]) if "enum" in one else const
        return one["attribute"], kinds[one["type"]], bool(one.get("required")), choices

    assert [(f.name, f.kind, f.needed is always, f.choices) for f in STANDARDS["eurocities"].fields] == [
        facts(one) for one in definition["properties"]
    ]


def test_atrs() -> None:
    with published("uk-atrs-v1.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    kinds = {"UTF-8 string": Kind.TEXT, "URL": Kind.URL}

    def facts(row: dict[str, str]) -> tuple[Any, ...]:
        name = row["attribute"]
        # The one choice is told in the text of its description only.
        kind = Kind.CHOICE if name == "phase" else kinds[row["type"]]
        return name.rstrip("*"), kind, row["required"] == "TRUE", name.endswith("*")

    told = [(f.name, f.kind, f.needed is always, f.many) for f in STANDARDS["atrs"].fields]
    assert told == [facts(row) for row in rows]
    (phase,) = [row["description"] for row in rows if row["attribute"] == "phase"]
    assert tuple(re.findall(r"- (\w+)", phase)) == ours("atrs")["phase"].choices


NEEDS_BY_ANSWER = {'if "Presumed': omb.presumed, 'if "Purchased': omb.bought, 'if "Yes"': omb.authorized}
NEEDS = {
    "Yes": always,
    "No": never,
    "Yes, for pre-deployment, pilot and deployed use cases": omb.active,
    "Yes, for pilot and deployed use cases": omb.running,
    "Yes, only for high-impact deployed use cases": omb.high_impact,
}


def test_omb() -> None:
    definition = json.loads(published("us-omb-2025.json").read_text("utf-8"))
    kinds = {"structured_text": Kind.TEXT, "free_text": Kind.TEXT, "multiple_choice": Kind.CHOICE,
             "select_multiple": Kind.CHOICES, "date": Kind.DATE}  # fmt: skip

    assert list(ours("omb")) == list(definition)
    for name, one in definition.items():
        field = ours("omb")[name]
        assert field.kind is kinds[one["data_type"]], name
        asked = one["instructions"].partition("Required: ")[2].rstrip(".")
        assert field.needed is _need(asked), name
        assert field.choices == _choices(name, one), name


def _need(asked: str) -> Need:
    by_answer = [need for words, need in NEEDS_BY_ANSWER.items() if words in asked]
    return by_answer[0] if by_answer else NEEDS[asked]


def _choices(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    """The short forms that the inventory gives; where it has none, the selections without their letter.

    Topics are published in full, and one short form is keyed by another spelling of its selection.
    """
    selections = one.get("valid_selections", [])
    short = {} if name == "topic_area" else one.get("short_hand_recodings") or {}
    short = {key.replace("in-progress", "in-progess"): value for key, value in short.items()} | short
    return tuple(short.get(text) or re.sub(r"^[a-z]\) ", "", text) for text in selections)
