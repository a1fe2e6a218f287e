"""The vendor's AI FactSheet: what the maker says of the system, kept apart from what the City measures."""

from __future__ import annotations

from pydantic import Field

from sundial.register.attestation import Attestation
from sundial.register.entry import Day, Entry


class VendorClaim(Entry):
    """A figure that the vendor reports, never shown as the City's.

    Where its metric is one of Sundial's measures, transparency.vendor_claims holds it beside the City's own.
    """

    metric: str = Field(
        min_length=2,
        description=(
            "What was measured, in the vendor's words; where it is one of Sundial's measures, by its name, "
            "such as precision."
        ),
    )
    value: float = Field(description="The figure as the vendor reports it.")
    n: int | None = Field(default=None, ge=1, description="Cases it was measured on, where the vendor says.")
    date: Day | None = Field(default=None, description="Day of the measurement, where the vendor says.")
    source: str | None = Field(default=None, description="Where the vendor says so.")


class FactSheet(Attestation):
    """The vendor's AI FactSheet, with what it says; a field that the vendor left empty stays out."""

    vendor: str | None = Field(default=None, description="The vendor's name on the sheet.")
    system_name: str | None = Field(default=None, description="The system's name on the sheet.")
    overview: str | None = Field(default=None, description="What the system is.")
    purpose: str | None = Field(default=None, description="What the vendor made it for.")
    intended_domain: str | None = Field(default=None, description="Where the vendor means it to be used.")
    training_data: str | None = Field(default=None, description="What the model learned from.")
    test_data: str | None = Field(default=None, description="What the vendor tested it on.")
    model_information: str | None = Field(default=None, description="Kind, architecture and version.")
    update_procedure: str | None = Field(
        default=None, description="How and how often the model changes, and how the City learns of it."
    )
    inputs_and_outputs: str | None = Field(default=None, description="What goes in, and what comes out.")
    performance_metrics: tuple[VendorClaim, ...] = Field(
        default=(), description="Figures that the vendor claims."
    )
    bias: str | None = Field(default=None, description="Bias that the vendor knows of, and what it does.")
    robustness: str | None = Field(
        default=None, description="How it bears unusual, missing or hostile inputs."
    )
    optimal_conditions: str | None = Field(default=None, description="Where it works best.")
    poor_conditions: str | None = Field(
        default=None, description="Where it works badly: the first candidates for slices."
    )
    explanation: str | None = Field(default=None, description="How an output can be explained.")
    jurisdiction: str | None = Field(default=None, description="What is particular to this jurisdiction.")
    data_ownership_and_retention: str | None = Field(
        default=None, description="Whose the data is, and how long the vendor keeps it."
    )
    human_in_the_loop: str | None = Field(default=None, description="Where the vendor foresees a person.")
    independent_evaluation: str | None = Field(default=None, description="Who else evaluated it.")
