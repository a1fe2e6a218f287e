"""The inventory of AI use cases that the US Office of Management and Budget asked agencies for in 2025.

Choices are published in the inventory's short forms, where it has some.
"""

from __future__ import annotations

from typing import get_args

from sundial.register.about import Topic
from sundial.register.exports.standard import Field, Kind, Need, Record, Standard, Value, always
from sundial.register.exports.values import assessment_link, constant, risks, sources, together, word
from sundial.register.impact import DataSource, KnownRisk
from sundial.register.lifecycle import CROSSWALK

STAGES = ("Pre-deployment", "Pilot", "Deployed", "Retired")
WITHHELD = ("No", "Yes - Disclosure Risk", "Yes - Prohibited by Law", "Other")
HIGH, PRESUMED, NOT_HIGH = IMPACTS = (
    "High-impact",
    "Presumed High-Impact, but Not High-impact",
    "Not High-impact",
)
YES_NO = ("No", "Yes")
TECHNIQUES = {
    "agentic": "Agentic AI",
    "predictive": "Classical ML",
    "computer_vision": "Computer Vision",
    "generative": "Generative AI",
    "natural_language": "NLP",
    "reinforcement_learning": "Reinforcement Learning",
}
CONTRACTING = {
    "purchased": "Vendor Purchased",
    "in_house": "In-house Development",
    "both": "Contracting and In House",
}
NONE_OF_THEM = "None of the above"
DEMOGRAPHICS = {
    "race_ethnicity": "Race/Ethnicity",
    "sex": "Sex",
    "age": "Age",
    "religion": "Religious Affiliation",
    "socioeconomic_status": "Socioeconomic Status",
    "ability": "Ability Status",
    "residency": "Residency Status",
    "marital_status": "Marital Status",
    "income": "Income",
    "employment_status": "Employment Status",
    "none": NONE_OF_THEM,
    "other": "Other",
}
WAIVED = "CAIO Waived"
PRACTICE = {"in_place": "Yes", "in_progress": "In-progress", "waived": WAIVED}
REVIEWED = {
    "office": "Internal Independent Review",
    "board": "Oversight Board Review",
    "chief_ai_officer": "CAIO Review",
    "in_progress": "In-progress",
    "waived": WAIVED,
}
MONITORING = {
    "in_place": "Yes - Monitoring Established",
    "in_progress": "In-progress",
    "waived": WAIVED,
}
TRAINING = {
    "in_place": "Training Established",
    "in_progress": "Training In-progress",
    "waived": WAIVED,
}
FAILSAFE = {
    "in_place": "Yes",
    "not_applicable": "Not Applicable",
    "in_progress": "In-progress",
    "waived": WAIVED,
}
APPEAL = {
    "in_place": "Appeal Process Established",
    "not_applicable": "Not Applicable",
    "in_progress": "Appeal Process In-progress",
    "precluded": "Appeal Precluded by Law",
    "waived": WAIVED,
}
CONSULTED = {
    "usability_testing": "Usability Testing",
    "public_feedback": "Public Feedback Solicitations",
    "hearings": "Public Hearings",
    "other": "Other",
    "in_progress": "In-progress",
    "waived": WAIVED,
}


def active(record: Record) -> bool:
    """Every use that is not retired needs the field."""
    return record["development_stage"] in ("Pre-deployment", "Pilot", "Deployed")


def running(record: Record) -> bool:
    """A pilot or a deployed use needs the field."""
    return record["development_stage"] in ("Pilot", "Deployed")


def high_impact(record: Record) -> bool:
    """A deployed use of high impact needs the field."""
    return record["development_stage"] == "Deployed" and record["is_high_impact"] == HIGH


def presumed(record: Record) -> bool:
    """A use that was presumed of high impact, and is not, needs the field."""
    return record["is_high_impact"] == PRESUMED


def bought(record: Record) -> bool:
    """A running use that a vendor has a part in needs the field."""
    return running(record) and record["contracting_usage"] in (
        "Vendor Purchased",
        "Contracting and In House",
    )


def authorized(record: Record) -> bool:
    """A running use with an authorization to operate needs the field."""
    return running(record) and record["have_ato"] == "Yes"


def _impact(tier: str, stated: bool | None) -> Value:
    """Return the high-impact word: the tiers rights and safety are presumed so, unless the entry says no."""
    if tier in ("rights", "safety"):
        return PRESUMED if stated is False else HIGH
    return HIGH if stated else NOT_HIGH


def _data(training: str | None, tests: str | None, items: tuple[DataSource, ...] | None) -> Value:
    return together(training, tests, sources(items))


def _links(items: tuple[DataSource, ...] | None) -> Value:
    return ", ".join(item.link for item in items or () if item.link) or None


def _demographics(features: tuple[str, ...] | None) -> Value:
    return None if features is None else tuple(DEMOGRAPHICS[f] for f in features) or (NONE_OF_THEM,)


def _consulted(steps: tuple[str, ...] | None) -> Value:
    return tuple(CONSULTED[step] for step in steps or ()) or None


def _foreseen(people: str | None, known: tuple[KnownRisk, ...] | None) -> Value:
    return together(people, risks(known))


def _choice(name: str, of: str, words: dict[str, str], needed: Need = high_impact) -> Field:
    return Field(name, (of,), word(words), Kind.CHOICE, needed, choices=tuple(words.values()))


OMB = Standard(
    "US federal AI use case inventory",
    "2025",
    (
        Field("id", ("id",), needed=always),
        Field("use_case_name", ("name",), needed=always),
        Field("agency_bureau", ("department",), needed=always),
        Field("contact_email", ("contact.email",), needed=always),
        Field("is_withheld", (), constant("No"), Kind.CHOICE, always, choices=WITHHELD),
        Field(
            "development_stage",
            ("status",),
            lambda status: CROSSWALK[status].omb,
            Kind.CHOICE,
            always,
            choices=STAGES,
        ),
        Field(
            "is_high_impact", ("risk.tier", "risk.high_impact"), _impact, Kind.CHOICE, always, choices=IMPACTS
        ),
        Field("HI_justification", ("risk.basis",), needed=presumed),
        Field("topic_area", ("scope.topic",), kind=Kind.CHOICE, needed=active, choices=get_args(Topic)),
        _choice("classification", "algorithm.technique", TECHNIQUES, active),
        Field("problem_solved", ("impact.problem",), needed=active),
        Field("benefits", ("intended_outcome.statement",), needed=active),
        Field("system_outputs", ("algorithm.outputs",), needed=active),
        Field("operational_date", ("lifetime.start",), kind=Kind.DATE, needed=running),
        _choice("contracting_usage", "vendor.sourcing", CONTRACTING, running),
        Field("vendor_name", ("vendor.name",), needed=bought),
        Field("have_ato", ("safeguards.authorized",), kind=Kind.CHOICE, needed=running, choices=YES_NO),
        Field("system_name_ato", ("safeguards.authorized_as",), needed=authorized),
        Field(
            "data_description",
            ("fact_sheet.training_data", "fact_sheet.test_data", "data.sources"),
            _data,
            needed=running,
        ),
        Field("link_to_data", ("data.sources",), _links),
        Field("has_pii", ("data.personal",), kind=Kind.CHOICE, needed=running, choices=YES_NO),
        Field("pia_url", ("impact.assessments",), assessment_link("privacy")),
        Field(
            "demographic_features",
            ("data.demographics",),
            _demographics,
            Kind.CHOICES,
            running,
            choices=tuple(DEMOGRAPHICS.values()),
        ),
        Field(
            "has_custom_code", ("algorithm.custom_code",), kind=Kind.CHOICE, needed=running, choices=YES_NO
        ),
        Field("code_url", ("algorithm.code",)),
        _choice("hi_testing_conducted", "safeguards.testing", PRACTICE),
        _choice("hi_assessment_completed", "safeguards.impact_assessment", PRACTICE),
        Field("hi_potential_impacts", ("impact.people", "impact.risks"), _foreseen, needed=high_impact),
        _choice("hi_independent_review", "safeguards.independent_review", REVIEWED),
        _choice("hi_ongoing_monitoring", "safeguards.monitoring", MONITORING),
        _choice("hi_training_established", "safeguards.training", TRAINING),
        _choice("hi_failsafe_presence", "safeguards.failsafe", FAILSAFE),
        _choice("hi_appeal_process", "safeguards.appeal", APPEAL),
        Field(
            "hi_public_consultation",
            ("safeguards.consultation",),
            _consulted,
            Kind.CHOICES,
            high_impact,
            choices=tuple(CONSULTED.values()),
        ),
    ),
)
