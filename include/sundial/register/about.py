"""Where a system is used, whom to ask, and what is published of its entry."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from sundial.register.entry import Email, Entry, WebAddress

Domain = Literal[
    "taxes",
    "housing, living and living environment",
    "culture, sports and leisure",
    "defence",
    "economy and entrepreneurship",
    "family, youth and households",
    "finance",
    "generic",
    "health and health care",
    "immigration and integration",
    "international collaboration and development aid",
    "agriculture, nature and food",
    "environment, spacial planning and water",
    "education and science",
    "public safety",
    "government",
    "justice",
    "travel, living and working abroad",
    "subsidies, benefits and allowances",
    "traffic and transportation",
    "work and career",
]
Theme = Literal[
    "Organisatie en bedrijfsvoering",
    "Cultuur en recreatie",
    "Economie",
    "Overheidsfinanciën",
    "Wonen",
    "Internationaal",
    "Migratie en integratie",
    "Natuur en milieu",
    "Onderwijs en wetenschap",
    "Openbare orde en veiligheid",
    "Recht",
    "Ruimte en infrastructuur",
    "Sociale zekerheid",
    "Verkeer",
    "Werk",
    "Zorg en gezondheid",
]
Topic = Literal[
    "Administrative Functions",
    "Cybersecurity",
    "Emergency Management",
    "Energy and the Environment",
    "Government Benefits Processing",
    "Health and Medical",
    "Human Resources",
    "Information Technology",
    "International Affairs",
    "Law Enforcement",
    "Other",
    "Procurement and Financial Management",
    "Science",
    "Service Delivery",
    "Transportation",
]


class Contact(Entry):
    """Whom a resident asks about the system."""

    name: str | None = Field(default=None, description="Person or team.")
    email: Email | None = Field(default=None, description="Address for questions from the public.")
    phone: str | None = Field(default=None, description="Telephone number.")
    page: WebAddress | None = Field(default=None, description="Page to ask on.")


class Scope(Entry):
    """Where and for what the system is used; each standard has its own list of subjects."""

    area: str | None = Field(default=None, description="Where in the City it is used.")
    intended: str | None = Field(default=None, description="What it is meant for, and what it is not.")
    usage: str | None = Field(default=None, description="How often it is used, such as decisions a month.")
    domain: Domain | None = Field(default=None, description="Domain, as Eurocities names them.")
    themes: tuple[Theme, ...] = Field(default=(), description="Themes, as the Dutch standard names them.")
    topic: Topic | None = Field(default=None, description="Topic, as the federal inventory names them.")


class Publication(Entry):
    """The published entry itself."""

    published: date | None = Field(default=None, description="Day on which it was first published.")
    changed: date | None = Field(default=None, description="Day of its last change.")
    revise_by: date | None = Field(default=None, description="Day by which it must be gone through again.")
    revision_note: str | None = Field(default=None, description="Why then.")
    language: str = Field(
        default="en", pattern=r"^[a-z]{2}$", examples=["en"], description="Language of its texts, ISO 639-1."
    )
    uuid: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        examples=["6f1c2a52-5a38-4e0e-9c1b-0a4f7f7a1f10"],
        description="An identifier that no other register uses.",
    )
    keywords: tuple[str, ...] = Field(default=(), description="Words to find it by.")
    source: WebAddress | None = Field(default=None, description="This entry in a form that machines read.")
    documentation: WebAddress | None = Field(default=None, description="More about this use.")
