"""A system in the words of each standard: complete, empty, withheld, and at the end of its life."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_system import entry

from sundial.register.completeness import missing_fields
from sundial.register.exports import STANDARDS
from sundial.register.exports.standard import CITY, Record, Withheld, always
from sundial.register.exports.whole import whole
from sundial.register.lifecycle import CROSSWALK, Lifecycle
from sundial.register.models import System
from sundial.register.paths import is_field

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "street-light-triage.yaml"
REASON = "Cal. Gov. Code § 7922.000"


def example(**changes: Any) -> System:
    return System.model_validate({**yaml.safe_load(EXAMPLE.read_text("utf-8")), **changes})


def record(standard: str, system: System, status: Lifecycle = Lifecycle.DEPLOYED) -> Record:
    return STANDARDS[standard].record(system, status, "City of Example")


def problems(standard: str, system: System, status: Lifecycle = Lifecycle.DEPLOYED) -> dict[str, str]:
    found = STANDARDS[standard].problems(record(standard, system, status))
    return {problem.field: f"{problem.message}; {problem.remedy}" for problem in found}


@pytest.mark.parametrize("standard", STANDARDS)
def test_the_complete_example_lacks_nothing(standard: str) -> None:
    assert missing_fields(example()) == []
    assert problems(standard, example()) == {}


@pytest.mark.parametrize("standard", STANDARDS)
def test_every_field_is_made_of_fields_that_an_entry_has(standard: str) -> None:
    fields = STANDARDS[standard].fields

    assert len({field.name for field in fields}) == len(fields)
    assert [
        path for field in fields for path in field.of if path != CITY and not is_field(System, path)
    ] == []


@pytest.mark.parametrize("standard", STANDARDS)
def test_what_the_entry_does_not_say_is_empty_and_told_with_the_field_to_give(
    standard: str,
) -> None:
    bare = System.model_validate({**entry(), "vendor": None})
    found = record(standard, bare)

    assert list(found) == [field.name for field in STANDARDS[standard].fields]
    assert found["contact_email"] is None
    assert "" not in found.values()
    assert problems(standard, bare)["contact_email"].startswith("is required and empty; give contact.email")


def test_the_number_of_fields_and_of_those_that_every_record_needs() -> None:
    counted = {
        name: (len(standard.fields), sum(field.needed is always for field in standard.fields))
        for name, standard in STANDARDS.items()
    }

    assert counted == {"eurocities": (49, 29), "dutch": (29, 6), "atrs": (37, 19), "omb": (34, 7)}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Lifecycle.PROPOSED, ("planned", "In ontwikkeling", "idea", "Pre-deployment")),
        (Lifecycle.IN_REVIEW, ("development", "In ontwikkeling", "development", "Pre-deployment")),
        (Lifecycle.PILOT, ("pilot", "In gebruik", "production", "Pilot")),
        (Lifecycle.DEPLOYED, ("operational", "In gebruik", "production", "Deployed")),
        (Lifecycle.SUSPENDED, ("operational", "In gebruik", "production", "Deployed")),
        (Lifecycle.PHASING_OUT, ("operational", "In gebruik", "production", "Deployed")),
        (Lifecycle.RETIRED, ("retired", "Buiten gebruik", "retired", "Retired")),
    ],
)
def test_a_status_in_the_words_of_each_standard(status: Lifecycle, words: tuple[str, ...]) -> None:
    field = {"eurocities": "status", "dutch": "status", "atrs": "phase", "omb": "development_stage"}

    assert tuple(record(name, example(), status)[field[name]] for name in STANDARDS) == words


def test_every_status_but_rejected_has_words() -> None:
    assert set(Lifecycle) - set(CROSSWALK) == {Lifecycle.REJECTED}
    for standard in STANDARDS:
        with pytest.raises(ValueError, match="was rejected; it is not published"):
            record(standard, example(), Lifecycle.REJECTED)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Lifecycle.SUSPENDED, "The City has suspended its use."),
        (Lifecycle.PHASING_OUT, "It is being phased out."),
        (Lifecycle.RETIRED, "Crews find faults by camera now."),
    ],
)
def test_what_a_standard_has_no_word_for_is_a_remark(status: Lifecycle, said: str) -> None:
    system = example(lifetime={"start": "2025-03", "end_reason": "Crews find faults by camera now."})

    assert record("eurocities", system, status)["remark"] == said
    assert str(record("dutch", system, status)["description_short"]).endswith(f" {said}")
    assert str(record("atrs", system, status)["description"]).endswith(f" {said}")


def test_a_pilot_is_a_remark_only_where_the_standard_has_no_word() -> None:
    assert record("eurocities", example(), Lifecycle.PILOT)["remark"] is None
    assert str(record("atrs", example(), Lifecycle.PILOT)["description"]).endswith("It is a pilot.")
    assert record("eurocities", example())["remark"] is None


def test_a_retired_system_needs_the_month_of_its_end() -> None:
    assert problems("dutch", example(), Lifecycle.RETIRED) == {
        "end_date": "is required and empty; give lifetime.end"
    }
    ended = example(lifetime={"start": "2025-03", "end": "2026-10"})
    assert problems("dutch", ended, Lifecycle.RETIRED) == {}
    assert record("dutch", ended, Lifecycle.RETIRED)["end_date"] == "2026-10"


def test_the_citys_tiers_in_the_words_of_each_standard() -> None:
    expected = {
        "rights": ("high risk", "Hoog-risico AI-systemen", "High-impact"),
        "safety": ("high risk", "Hoog-risico AI-systemen", "High-impact"),
        "service": ("limited risk", "Impactvolle algoritmes", "Not High-impact"),
        "internal": ("minimal risk", "Overige algoritmes", "Not High-impact"),
    }
    fields = {"eurocities": "risk_category", "dutch": "publication_category", "omb": "is_high_impact"}
    for tier, words in expected.items():
        system = example(risk={"tier": tier, "decides": "The order."})
        assert tuple(record(name, system)[field] for name, field in fields.items()) == words


def test_a_use_that_is_presumed_of_high_impact_and_is_not_says_why() -> None:
    risk = {"tier": "safety", "decides": "The order.", "high_impact": False}
    with pytest.raises(ValueError, match="basis: is needed where a system of tier safety"):
        example(risk=risk)

    found = record("omb", example(risk={**risk, "basis": "A person goes through every light."}))
    assert found["is_high_impact"] == "Presumed High-Impact, but Not High-impact"
    assert found["HI_justification"] == "A person goes through every light."


def test_a_deployed_use_of_high_impact_needs_its_safeguards_and_a_pilot_does_not() -> None:
    system = example(risk={"tier": "rights", "decides": "The order."})
    safeguards = {field.name for field in STANDARDS["omb"].fields if field.name.startswith("hi_")}

    assert len(safeguards) == 9
    assert set(problems("omb", system)) == safeguards - {"hi_potential_impacts"}
    assert problems("omb", system, Lifecycle.PILOT) == {}


def test_states_of_a_safeguard_are_told_apart() -> None:
    words = {"in_place": "Yes", "not_applicable": "Not Applicable", "in_progress": "In-progress",
             "waived": "CAIO Waived", None: None}  # fmt: skip
    for state, word in words.items():
        assert record("omb", example(safeguards={"failsafe": state}))["hi_failsafe_presence"] == word


def test_that_no_demographic_feature_is_used_is_not_that_nobody_said() -> None:
    said = {"data": {"demographics": []}}, {"data": {"demographics": ["age", "sex"]}}, {"data": {}}
    none, two, unsaid = (record("omb", example(**data))["demographic_features"] for data in said)

    assert (none, two, unsaid) == (("None of the above",), ("Age", "Sex"), None)


def test_figures_of_the_vendor_are_told_as_its_claims() -> None:
    told = record("eurocities", example())["performance"]

    assert told == (
        "Claimed by the vendor, not measured by the City: precision 0.91 "
        "(n = 1200, 2025-11-30, FactSheet, page 3)."
    )


def test_lists_of_several_fields_keep_their_places() -> None:
    found = record("atrs", example())

    assert found["impact_assessment_name"] == ("Privacy review of 311 data", "AI Review of TriageOne")
    assert found["impact_assessment_link"] == ("https://www.city.gov/privacy/311", "")


def test_a_list_with_a_required_field_empty_in_one_place_is_told() -> None:
    sources = [
        {"name": "One", "description": "x", "collected": "x", "shared": "x", "access": "x"},
        {"name": "Two", "description": "x", "collected": "x", "access": "x"},
    ]

    assert problems("atrs", example(data={"sources": sources})) == {
        "data_sharing_agreements": "is required and empty in one place; complete data.sources"
    }


@pytest.mark.parametrize(
    ("standard", "changes", "field", "says"),
    [
        ("eurocities", {"algorithm": {"type": "hybrid", "description": "Trees."}}, "description",
         "has 6 characters, fewer than 500; correct algorithm.description"),
        ("dutch", {"name": "x" * 100}, "name", "has 100 characters, more than 99; correct name"),
        ("dutch", {"contact": {"page": "https://www.city.gov/ask"}}, None, ""),
        ("dutch", {"contact": {"phone": "408 555 0100"}}, "contact_email",
         "is required and empty; give contact.email or contact.page"),
    ],
)  # fmt: skip
def test_a_value_that_a_standard_does_not_allow_is_told(
    standard: str, changes: dict[str, Any], field: str | None, says: str
) -> None:
    assert problems(standard, example(**changes)) == ({field: says} if field else {})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("status", "running", "has a value that the standard does not list"),
        ("contact_email", "nobody", "is not a valid email"),
        ("website", "javascript:alert(1)", "is not a valid web address"),
        ("publication_date", "31.1.2026", "is not a valid date"),
        ("uuid", "7", "is not a valid uuid"),
        ("lang", "", "is required and empty"),
    ],
)
def test_a_record_from_elsewhere_is_judged_alike(name: str, value: str, says: str) -> None:
    changed = {**record("eurocities", example()), name: value}

    (problem,) = STANDARDS["eurocities"].problems(changed)
    assert (problem.field, problem.message) == (name, says)


def test_what_is_withheld_is_withheld_in_every_standard_with_its_reason_and_is_no_problem() -> None:
    system = example(withheld={"contact": REASON, "data.sources": REASON})

    for standard, definition in STANDARDS.items():
        found = record(standard, system)
        kept = {
            f.name for f in definition.fields if any(p.startswith(("contact.", "data.sources")) for p in f.of)
        }
        assert {name for name, value in found.items() if value == Withheld(REASON)} == kept
        assert kept
        assert problems(standard, system) == {}
        assert "streetlights@city.gov" not in str(found)
    assert "streetlights@city.gov" not in str(whole(system, Lifecycle.DEPLOYED))


@pytest.mark.parametrize("path", ["contact.fone", "contacts", "data.sources.name", "", "contact.phone.area"])
def test_a_path_that_would_withhold_nothing_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="nothing would be withheld"):
        example(withheld={path: REASON})


def test_the_whole_entry_says_everything_but_where_its_data_lies() -> None:
    found = whole(example(), Lifecycle.SUSPENDED)

    assert found["status"] == "suspended"
    assert found["algorithm"]["methods"] == {"withheld": example().withheld["algorithm.methods"]}
    assert found["feeds"]["outputs"]["key"] == "report_id"
    assert not [feed for feed in ("outputs", "outcomes") if "source" in found["feeds"][feed]]
    assert set(found) == set(System.model_fields)


@pytest.mark.parametrize(("standard", "status"), [*product(STANDARDS, CROSSWALK)])
def test_the_example_is_valid_in_every_status(standard: str, status: Lifecycle) -> None:
    ended = example(lifetime={"start": "2025-03", "end": "2026-10", "end_reason": "No longer needed."})

    assert problems(standard, ended, status) == {}
