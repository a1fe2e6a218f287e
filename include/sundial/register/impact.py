"""What a system does to people, on what basis, with which data, and by what kind of algorithm."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sundial.register.entry import Day, Entry, WebAddress

Demographic = Literal[
    "race_ethnicity",
    "sex",
    "age",
    "religion",
    "socioeconomic_status",
    "ability",
    "residency",
    "marital_status",
    "income",
    "employment_status",
    "other",
]
AlgorithmType = Literal["self-learning", "rule-based", "hybrid"]
Technique = Literal[
    "agentic",
    "predictive",
    "computer_vision",
    "generative",
    "natural_language",
    "reinforcement_learning",
]


class LawfulBasis(Entry):
    """By what right the City uses the system."""

    text: str = Field(min_length=3, description="The basis, in a sentence.")
    title: str | None = Field(default=None, description="Name of the law or decision.")
    link: WebAddress | None = Field(default=None, description="Where to read it.")


class DataSource(Entry):
    """Data that the system works on."""

    name: str = Field(min_length=2, description="Name of the data set.")
    description: str | None = Field(default=None, description="What it has, and what it is used for.")
    collected: str | None = Field(default=None, description="How it was collected, and why at first.")
    shared: str | None = Field(default=None, description="Agreements by which it is shared.")
    access: str | None = Field(default=None, description="Who has access, and how it is stored.")
    link: WebAddress | None = Field(default=None, description="Where the data is published.")


class DataUse(Entry):
    """The data that the system uses."""

    sources: tuple[DataSource, ...] = Field(default=(), description="Data that the system works on.")
    connections: str | None = Field(
        default=None, description="Connections to registers of people or other sources."
    )
    personal: bool | None = Field(default=None, description="Whether it has data about persons.")
    demographics: tuple[Demographic, ...] | None = Field(
        default=None, description="Demographic features that are inputs; [] when there is none."
    )
    retention: str | None = Field(default=None, description="How long inputs and outputs are kept.")
    processing_record: WebAddress | None = Field(
        default=None, description="Where the processing of personal data is recorded."
    )


class KnownRisk(Entry):
    """A risk of using the system."""

    name: str = Field(min_length=3, description="The risk, in a few words.")
    description: str | None = Field(default=None, description="Who may be harmed, and how.")
    mitigation: str | None = Field(default=None, description="What is done about it.")


class Assessment(Entry):
    """An impact assessment that was made."""

    kind: Literal["privacy", "algorithm", "equity", "other"] = Field(description="What it is about.")
    title: str = Field(min_length=3, description="Its title.")
    summary: str | None = Field(default=None, description="What it came to.")
    date: Day | None = Field(default=None, description="Day on which it was made.")
    link: WebAddress | None = Field(default=None, description="Where to read it.")


class Impact(Entry):
    """What the system does to people, and how that was weighed."""

    problem: str | None = Field(default=None, description="The problem that it is meant to solve.")
    people: str | None = Field(default=None, description="How people meet its effects, and what follows.")
    proportionality: str | None = Field(default=None, description="Why the benefits outweigh the harm.")
    alternatives: str | None = Field(default=None, description="What else was considered.")
    relied_on_by: tuple[str, ...] = Field(
        default=(), description="Services, systems and processes that would miss its outputs."
    )
    risks: tuple[KnownRisk, ...] = Field(default=(), description="Risks that are known.")
    assessments: tuple[Assessment, ...] = Field(default=(), description="Impact assessments.")


class Algorithm(Entry):
    """By what kind of algorithm the system works."""

    type: AlgorithmType | None = Field(default=None, description="Whether it learns, follows rules, or both.")
    technique: Technique | None = Field(default=None, description="The technique that describes it best.")
    methods: str | None = Field(default=None, description="Methods and models it uses, by name.")
    description: str | None = Field(
        default=None, description="How it works, at length: 500 to 5,000 characters suit all standards."
    )
    outputs: str | None = Field(default=None, description="What an output is.")
    architecture: WebAddress | None = Field(default=None, description="Documentation of the architecture.")
    code: WebAddress | None = Field(default=None, description="Published source code.")
    custom_code: bool | None = Field(default=None, description="Whether code was written for the City.")
    product_page: WebAddress | None = Field(default=None, description="The maker's page.")
    registration: WebAddress | None = Field(
        default=None, description="Where the product is registered for all who use it."
    )
