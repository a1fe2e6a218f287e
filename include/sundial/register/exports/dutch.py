"""The Dutch national publication standard for algorithms, version 1.0.10."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

from sundial.register.about import Theme
from sundial.register.exports.standard import CITY, Field, Kind, Record, Standard, Value, always
from sundial.register.exports.values import (
    assessments,
    constant,
    described,
    first,
    risks,
    sources,
    together,
    word,
)
from sundial.register.lifecycle import CROSSWALK

VERSION = "1.0.10"
STATUSES = ("In ontwikkeling", "In gebruik", "Buiten gebruik")
CATEGORIES = ("Hoog-risico AI-systemen", "Impactvolle algoritmes", "Overige algoritmes")
CATEGORY_OF_TIER = {
    "rights": "Hoog-risico AI-systemen",
    "safety": "Hoog-risico AI-systemen",
    "service": "Impactvolle algoritmes",
    "internal": "Overige algoritmes",
}
"""The City's reading of its tiers in the standard's words."""


def _ended(record: Record) -> bool:
    return record["status"] == "Buiten gebruik"


def _linked(items: Iterable[Any] | None) -> Value:
    """Return titles with their links, one text each."""
    named = ((getattr(item, "title", None) or getattr(item, "name", ""), item.link) for item in items or ())
    return tuple(f"{name}: {link}" for name, link in named if link) or None


def _law(title: str | None, link: str | None) -> Value:
    return (f"{title or link}: {link}",) if link else None


_ASSESSMENTS: Callable[[Any], Value] = assessments("privacy", "algorithm", "equity", "other")

DUTCH = Standard(
    "Dutch publication standard for algorithms",
    VERSION,
    (
        Field("name", ("name",), needed=always, longest=99),
        Field(
            "description_short",
            ("description", "status", "lifetime.end_reason"),
            described,
            needed=always,
            longest=349,
        ),
        Field("organization", (CITY,), needed=always, longest=99),
        Field("category", ("scope.themes",), kind=Kind.CHOICES, choices=get_args(Theme)),
        Field(
            "status",
            ("status",),
            lambda status: CROSSWALK[status].dutch,
            Kind.CHOICE,
            always,
            choices=STATUSES,
        ),
        Field("begin_date", ("lifetime.start",), kind=Kind.MONTH),
        Field("end_date", ("lifetime.end",), kind=Kind.MONTH, needed=_ended),
        Field("contact_email", ("contact.email", "contact.page"), first, Kind.EMAIL_OR_URL, always),
        Field("website", ("notice_page",), kind=Kind.URL),
        Field(
            "publication_category",
            ("risk.tier",),
            word(CATEGORY_OF_TIER),
            Kind.CHOICE,
            always,
            choices=CATEGORIES,
        ),
        Field("url", ("publication.source",), kind=Kind.URL),
        Field("goal", ("intended_outcome.statement", "impact.people"), together, longest=2_499),
        Field("proportionality", ("impact.proportionality", "impact.alternatives"), together),
        Field("human_intervention", ("decision.human_intervention",)),
        Field("risks", ("impact.risks",), risks),
        Field("lawful_basis", ("lawful_basis.text",)),
        Field("lawful_basis_grouping", ("lawful_basis.title", "lawful_basis.link"), _law, many=True),
        Field("process_index_url", ("data.processing_record",), kind=Kind.URL),
        Field("impacttoetsen_grouping", ("impact.assessments",), _linked, many=True),
        Field("impacttoetsen", ("impact.assessments",), _ASSESSMENTS),
        Field("source_data", ("data.sources",), sources),
        Field("source_data_grouping", ("data.sources",), _linked, many=True),
        Field("methods_and_models", ("algorithm.description",), longest=4_999),
        Field("provider", ("vendor.name",), longest=199),
        Field("publiccode", ("algorithm.code",), kind=Kind.URL),
        Field("lang", ("publication.language",)),
        Field("standard_version", (), constant(VERSION), choices=(VERSION,)),
        Field("source_id", ("id",)),
        Field("tags", ("publication.keywords",), lambda words: ", ".join(words) or None),
    ),
)
