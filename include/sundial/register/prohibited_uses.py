"""The uses that the City's AI policy prohibits: each is asked for, and no system may answer yes."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from sundial.register.emotions import EMOTION_ANALYSIS
from sundial.register.entry import Entry

Answer = Annotated[bool, Field(examples=["no"], description="Yes or no; yes refuses the entry.")]


class ProhibitedUses(Entry):
    """Whether the system is a use that the policy prohibits; the policy's list is not exhaustive."""

    biometric_identification: Answer = Field(title="Real-time and covert biometric identification")
    emotion_analysis: Answer = Field(title=EMOTION_ANALYSIS)
    automated_decisions: Answer = Field(
        title=(
            "Fully automated decisions that substantially impact the rights or safety of individuals with no "
            "meaningful human oversight"
        )
    )
    employment_decisions: Answer = Field(
        title="Sole determining factor in hiring, promotion, discipline, or evaluation of employees"
    )
    social_scoring: Answer = Field(
        title=(
            "Social scoring, or the use of AI systems to track and classify individuals based on their "
            "behaviors, socioeconomic status, or personal characteristics"
        )
    )
    behavioral_manipulation: Answer = Field(
        title="Cognitive behavioral manipulation of people or specific vulnerable groups"
    )
    answered_by: str = Field(min_length=1, description="Who answered: name and role.")
    answered_on: Annotated[date, Field(description="Day of the answers.")]

    @field_validator("*")
    @classmethod
    def _no_prohibited_use(cls, value: object, info: ValidationInfo) -> object:
        if value is True:
            use = cls.model_fields[str(info.field_name)].title
            raise ValueError(
                f"the policy prohibits this use: {use}; the system must not be used so: tell the CDPO, and "
                "register it only once the answer is no"
            )
        return value
