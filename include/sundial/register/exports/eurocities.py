"""The Algorithmic Transparency Standard of Eurocities, version 0.3.1."""

from __future__ import annotations

from typing import get_args

from sundial.register.about import Domain
from sundial.register.exports.standard import CITY, Field, Kind, Standard, Value, always
from sundial.register.exports.values import (
    assessment_link,
    assessments,
    claims,
    constant,
    monitoring,
    remark,
    risks,
    sources,
    word,
)
from sundial.register.impact import AlgorithmType
from sundial.register.lifecycle import CROSSWALK, Lifecycle
from sundial.register.oversight import Role

VERSION = "0.3.1"
STATUSES = ("planned", "design", "development", "pilot", "evaluation", "operational", "retired")
RISKS = ("minimal risk", "limited risk", "high risk", "unacceptable")
RISK_OF_TIER = {
    "rights": "high risk",
    "safety": "high risk",
    "service": "limited risk",
    "internal": "minimal risk",
}
"""The City's reading of its tiers in the standard's words; a prohibited use has no entry."""


def _remark(status: Lifecycle, end_reason: str | None) -> Value:
    """Return the remark; of a pilot the status says it."""
    return None if status is Lifecycle.PILOT else remark(status, end_reason)


EUROCITIES = Standard(
    "Eurocities Algorithmic Transparency Standard",
    VERSION,
    (
        Field("name", ("name",), needed=always),
        Field("description_short", ("description",), needed=always, longest=150),
        Field("organization", (CITY,), needed=always),
        Field("department", ("department",), needed=always),
        Field("contact_email", ("contact.email",), kind=Kind.EMAIL, needed=always),
        Field("contact_phone", ("contact.phone",)),
        Field("contact_name", ("contact.name",)),
        Field("area", ("scope.area",), needed=always),
        Field("domain", ("scope.domain",), kind=Kind.CHOICE, needed=always, choices=get_args(Domain)),
        Field("website", ("notice_page",), kind=Kind.URL),
        Field(
            "status",
            ("status",),
            lambda status: CROSSWALK[status].eurocities,
            Kind.CHOICE,
            always,
            choices=STATUSES,
        ),
        Field("remark", ("status", "lifetime.end_reason"), _remark),
        Field("decision_making_process", ("decision.process",), needed=always),
        Field("goal", ("intended_outcome.statement",), needed=always),
        Field("impact", ("impact.people",), needed=always),
        Field("risks", ("impact.risks",), risks, needed=always),
        Field("risk_category", ("risk.tier",), word(RISK_OF_TIER), Kind.CHOICE, always, choices=RISKS),
        Field("proportionality", ("impact.proportionality",), needed=always),
        Field("lawful_basis", ("lawful_basis.text",), needed=always),
        Field("documentation", ("publication.documentation",), kind=Kind.URL),
        Field("training_data", ("fact_sheet.training_data",), needed=always),
        Field("source_data", ("data.sources",), sources, needed=always),
        Field("data_bias", ("fact_sheet.bias",)),
        Field("connected_data_sources", ("data.connections",), needed=always),
        Field("DPIA_description", ("impact.assessments",), assessments("privacy")),
        Field("DPIA_url", ("impact.assessments",), assessment_link("privacy"), Kind.URL),
        Field(
            "algorithm_type",
            ("algorithm.type",),
            kind=Kind.CHOICE,
            needed=always,
            choices=get_args(AlgorithmType),
        ),
        Field("description", ("algorithm.description",), needed=always, shortest=500, longest=10_000),
        Field("methods_and_models", ("algorithm.methods",)),
        Field("performance", ("fact_sheet.performance_metrics",), claims),
        Field("alternatives_considered", ("impact.alternatives",)),
        Field("product_information", ("algorithm.registration",), kind=Kind.URL),
        Field("codebase_url", ("algorithm.code",), kind=Kind.URL),
        Field("product_page", ("algorithm.product_page",), kind=Kind.URL),
        Field("AIA_description", ("impact.assessments",), assessments("algorithm")),
        Field("AIA_url", ("impact.assessments",), assessment_link("algorithm"), Kind.URL),
        Field("monitoring", ("monitoring_plan",), monitoring, needed=always),
        Field("type", ("decision.role",), kind=Kind.CHOICE, needed=always, choices=get_args(Role)),
        Field("human_intervention", ("decision.human_intervention",), needed=always),
        Field("objection_procedure", ("decision.appeal",), needed=always),
        Field("rollback", ("decision.rollback",)),
        Field("standard_version", (), constant(VERSION), needed=always, choices=(VERSION,)),
        Field("uuid", ("publication.uuid",), kind=Kind.UUID),
        Field("lang", ("publication.language",), needed=always),
        Field("publication_date", ("publication.published",), kind=Kind.DATE, needed=always),
        Field("last_change_date", ("publication.changed",), kind=Kind.DATE, needed=always),
        Field("revision_date", ("publication.revise_by",), kind=Kind.DATE, needed=always),
        Field("revision_note", ("publication.revision_note",)),
        Field("keywords", ("publication.keywords",), lambda words: ", ".join(words) or None),
    ),
)
