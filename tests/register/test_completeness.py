"""What an entry must say by its risk tier: a gap is told by its path, and never refuses the entry."""

from __future__ import annotations

from typing import Any

import pytest
from small_system import entry

from sundial.register.completeness import MEASURED, TOLD, missing_fields
from sundial.register.models import System
from sundial.register.paths import is_field

TIERS = ["internal", "service", "safety", "rights"]


def system(tier: str, **changes: Any) -> System:
    return System.model_validate({**entry(), "risk": {"tier": tier, "decides": "Who comes."}, **changes})


@pytest.mark.parametrize("tier", TIERS)
def test_every_field_that_is_asked_for_is_a_field_of_an_entry(tier: str) -> None:
    asked = [*MEASURED[tier], *TOLD[tier]]

    assert [path for path in asked if not is_field(System, path)] == []
    assert len(asked) == len(set(asked))


def test_the_more_is_at_stake_the_more_is_asked_for() -> None:
    internal, service, safety, rights = (set(missing_fields(system(tier))) for tier in TIERS)

    assert internal < service < safety == rights
    assert "contact.email" in internal
    assert "decision.appeal" in service - internal
    assert {"lawful_basis", "impact.risks", "fact_sheet.bias"} <= rights - service


def test_what_is_given_is_not_missing_and_an_empty_list_is() -> None:
    data = {"personal": False, "sources": [], "demographics": [], "retention": "Two years."}
    found = missing_fields(system("rights", data=data, contact={"page": "https://city.example/ask"}))

    assert {"data.sources", "contact.email"} <= set(found)
    assert not {"data.personal", "data.demographics", "data.retention"} & set(found)


def test_of_historical_data_only_what_measuring_needs_is_asked() -> None:
    vendor = {"name": "Maker", "product": "Product"}

    assert missing_fields(system("rights", operated=False)) == ["vendor"]
    assert missing_fields(system("rights", operated=False, vendor=vendor)) == []
    blind = system("rights", operated=False, vendor=vendor, feeds={}, groups=None, harm=None)
    assert missing_fields(blind) == ["feeds.outputs", "feeds.outcomes", "groups", "harm"]
