"""What a register entry must say, by what is at stake: a gap is a finding and never refuses the entry."""

from __future__ import annotations

from sundial.register.models import System
from sundial.register.paths import value_at

_MEASURED = ("vendor", "feeds.outputs")
_MEASURED_OF_PEOPLE = ("feeds.outcomes", "groups", "harm", "baseline")

_INTERNAL = (
    "contact.email",
    "lifetime.start",
    "algorithm.type",
    "decision.process",
    "decision.human_intervention",
    "data.personal",
)
_SERVICE = (
    *_INTERNAL,
    "vendor.version",
    "notice_page",
    "scope.area",
    "scope.domain",
    "data.sources",
    "data.retention",
    "decision.role",
    "decision.appeal",
    "impact.people",
    "monitoring_plan",
    "fact_sheet.training_data",
    "fact_sheet.poor_conditions",
)
_OF_PEOPLE = (
    *_SERVICE,
    "responsible_officer",
    "lawful_basis",
    "data.demographics",
    "decision.training",
    "decision.rollback",
    "impact.proportionality",
    "impact.risks",
    "impact.assessments",
    "fact_sheet.test_data",
    "fact_sheet.bias",
    "fact_sheet.independent_evaluation",
    "ai_review.next_due",
)

MEASURED: dict[str, tuple[str, ...]] = {
    "internal": _MEASURED,
    "service": _MEASURED,
    "safety": (*_MEASURED, *_MEASURED_OF_PEOPLE),
    "rights": (*_MEASURED, *_MEASURED_OF_PEOPLE),
}
"""What measuring needs, by risk tier."""

TOLD: dict[str, tuple[str, ...]] = {
    "internal": _INTERNAL,
    "service": _SERVICE,
    "safety": _OF_PEOPLE,
    "rights": _OF_PEOPLE,
}
"""What the City must be able to tell of a system that it operates, by risk tier."""


def missing_fields(system: System) -> list[str]:
    """Return the dotted paths of the fields that the system's risk tier asks for and that the entry lacks.

    An empty list of data sources, risks or assessments is a gap; that no demographic feature is used is an
    answer. Of historical data, which nobody here operates, only what measuring needs is asked.
    """
    tier = system.risk.tier
    asked = [*MEASURED[tier], *(TOLD[tier] if system.operated else ())]
    return [path for path in asked if _lacks(system, path)]


def _lacks(system: System, path: str) -> bool:
    value = value_at(system, path)
    return value is None or (value in ((), "") and path != "data.demographics")
