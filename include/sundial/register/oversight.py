"""Who watches over a system, and how people come in: decisions, reviews, monitoring, safeguards."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sundial.register.attestation import Attestation
from sundial.register.entry import Day, Entry

Role = Literal["descriptive", "diagnostic", "predictive", "prescriptive"]
Practice = Literal["in_place", "in_progress", "waived"]
Reviewed = Literal["office", "board", "chief_ai_officer", "in_progress", "waived"]
Failsafe = Literal["in_place", "not_applicable", "in_progress", "waived"]
Appeal = Literal["in_place", "not_applicable", "in_progress", "precluded", "waived"]
Consulted = Literal["usability_testing", "public_feedback", "hearings", "other", "in_progress", "waived"]


class AiReview(Attestation):
    """The City's AI Review of the system: what it found, what it asks for, and when the next one is due."""

    findings: tuple[str, ...] = Field(default=(), description="What the review found, one text each.")
    conditions: tuple[str, ...] = Field(
        default=(), description="On what conditions the system may be used, one text each."
    )
    next_due: Day | None = Field(default=None, description="Day by which the next review is due.")


class MonitoringPlan(Entry):
    """How the City keeps watch over the system."""

    criteria: tuple[str, ...] = Field(min_length=1, description="What is looked at, one text each.")
    frequency: str = Field(min_length=3, examples=["weekly"], description="How often.")
    by: str = Field(min_length=1, description="By whom: name and role.")


class Decision(Entry):
    """The decision that the system has a part in, and what people do there."""

    process: str | None = Field(default=None, description="The process that the output goes into.")
    role: Role | None = Field(
        default=None, description="Whether the output describes, explains, predicts, or prescribes."
    )
    information: str | None = Field(default=None, description="What the person who decides gets to see.")
    human_intervention: str | None = Field(
        default=None, description="Who can overrule an output, and how that is made sure."
    )
    training: str | None = Field(default=None, description="What its users have to learn before.")
    appeal: str | None = Field(default=None, description="How a resident objects to an output.")
    rollback: str | None = Field(default=None, description="Whether effects can be undone, and how.")


class Safeguards(Entry):
    """How far the practices asked of a high-impact use have come; what is left out is published as empty."""

    testing: Practice | None = Field(default=None, description="Tests before deployment.")
    impact_assessment: Practice | None = Field(default=None, description="An AI impact assessment.")
    independent_review: Reviewed | None = Field(
        default=None, description="A review by somebody who had no part in the development."
    )
    monitoring: Practice | None = Field(default=None, description="A process of ongoing monitoring.")
    training: Practice | None = Field(default=None, description="Periodic training of operators.")
    failsafe: Failsafe | None = Field(default=None, description="A fail-safe against significant harm.")
    appeal: Appeal | None = Field(default=None, description="An appeal process for those concerned.")
    consultation: tuple[Consulted, ...] = Field(
        default=(), description="How users and the public were consulted."
    )
    authorized: bool | None = Field(
        default=None, description="Whether it is authorized to operate, by itself or within another system."
    )
    authorized_as: str | None = Field(default=None, description="Name of the system in that authorization.")
