"""The Algorithmic Transparency Recording Standard of the United Kingdom, version 1."""

from __future__ import annotations

from sundial.register.exports.standard import CITY, Field, Kind, Standard, Value, always
from sundial.register.exports.values import described, each, monitoring, together
from sundial.register.lifecycle import CROSSWALK
from sundial.register.oversight import MonitoringPlan

PHASES = ("idea", "design", "development", "production", "retired")


def _maintenance(updates: str | None, plan: MonitoringPlan | None) -> Value:
    return together(updates, monitoring(plan))


def _organisation(city: str, department: str) -> Value:
    return f"{city}, {department}"


def _one(value: str | None) -> Value:
    """Return a list of one: the standard allows several suppliers, an entry has one."""
    return (value,) if value else None


ATRS = Standard(
    "UK Algorithmic Transparency Recording Standard",
    "1",
    (
        Field("name", ("name",), needed=always),
        Field("description", ("description", "status", "lifetime.end_reason"), described, needed=always),
        Field("website", ("notice_page",), kind=Kind.URL),
        Field("contact_email", ("contact.email",), needed=always),
        Field("organisation", (CITY, "department"), _organisation, needed=always),
        Field("team", ("contact.name",)),
        Field("senior_responsible_owner", ("responsible_officer",)),
        Field("external_supplier", ("vendor.name",), _one, needed=always, many=True),
        Field("external_supplier_identifier", ("vendor.identifier",), _one, many=True),
        Field("external_supplier_role", ("vendor.role",), _one, needed=always, many=True),
        Field("data_access_terms", ("vendor.data_access",), _one, many=True),
        Field("scope", ("scope.intended",), needed=always),
        Field("benefit", ("intended_outcome.statement",), needed=always),
        Field("alternatives_considered", ("impact.alternatives",)),
        Field("model_type", ("algorithm.methods",), needed=always),
        Field("frequency_usage", ("scope.usage",)),
        Field(
            "phase", ("status",), lambda status: CROSSWALK[status].atrs, Kind.CHOICE, always, choices=PHASES
        ),
        Field("maintenance", ("fact_sheet.update_procedure", "monitoring_plan"), _maintenance),
        Field("system_architecture", ("algorithm.architecture",), kind=Kind.URL),
        Field("process_integration", ("decision.process",)),
        Field("provided_information", ("decision.information",)),
        Field("human_decisions", ("decision.human_intervention",), needed=always),
        Field("required_training", ("decision.training",)),
        Field("appeals_and_review", ("decision.appeal",), needed=always),
        Field("source_data_name", ("data.sources",), each("name"), needed=always, many=True),
        Field("source_data_description", ("data.sources",), each("description"), needed=always, many=True),
        Field("source_data_url", ("data.sources",), each("link"), Kind.URL, many=True),
        Field("data_collection", ("data.sources",), each("collected"), needed=always, many=True),
        Field("data_sharing_agreements", ("data.sources",), each("shared"), needed=always, many=True),
        Field("data_access_and_storage", ("data.sources",), each("access"), needed=always, many=True),
        Field("impact_assessment_name", ("impact.assessments",), each("title"), needed=always, many=True),
        Field("impact_assessment_description", ("impact.assessments",), each("summary"), many=True),
        Field("impact_assessment_date", ("impact.assessments",), each("date"), many=True),
        Field("impact_assessment_link", ("impact.assessments",), each("link"), many=True),
        Field("risk_name", ("impact.risks",), each("name"), needed=always, many=True),
        Field("risk_description", ("impact.risks",), each("description"), many=True),
        Field("risk_mitigation", ("impact.risks",), each("mitigation"), many=True),
    ),
)
