"""How statuses look, and the templates' environment: shared by pages and mails.

A status is a word with a symbol; its colour only repeats it. Red is a confirmed breach and nothing else,
green is what was measured and is within its limits, and nothing else.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from sundial.report.plain import count, day, joined, tight
from sundial.store.records import Status

LINE = 78
"""Characters of a line of plain text."""


@dataclass(frozen=True)
class Look:
    """A status as it is shown: word and symbol say it, the colours repeat it.

    Attributes:
        css: class in the page.
        ink: colour of the text, on `paper`.
        edge: colour and style of the border, the part that tells it from the page.
    """

    word: str
    symbol: str
    css: str
    ink: str
    paper: str
    edge: str


LOOKS: dict[Status, Look] = {
    Status.BREACH: Look("breach", "■", "breach", "#ffffff", "#b3261e", "solid #b3261e"),
    Status.ERROR: Look("error", "!", "error", "#ffffff", "#4a3f78", "solid #4a3f78"),
    Status.WATCH: Look("watch", "▲", "watch", "#5c3b00", "#fff1cc", "solid #9a6700"),
    Status.INSUFFICIENT: Look("too few data", "…", "few", "#29415e", "#e8eef6", "solid #5b7595"),
    Status.WAIVED: Look("waived", "◇", "waived", "#29415e", "#ffffff", "solid #5b7595"),
    Status.OK: Look("ok", "✓", "ok", "#12491f", "#e0f2e3", "solid #2e7d3c"),
    Status.NOT_MEASURED: Look("not measured", "○", "none", "#444b54", "#ffffff", "dashed #6b737d"),
    Status.NOT_APPLICABLE: Look("not applicable", "–", "na", "#555d66", "#f4f5f6", "solid #f4f5f6"),
}
IN_PART = Look("ok in part", "◐", "part", "#29415e", "#ffffff", "solid #5b7595")
"""Measured and within limits as far as it was measured; something was not, so it is not green."""
PAST = Look("was ok", "◌", "past", "#444b54", "#ffffff", "dashed #6b737d")
"""Within limits when it was last judged, which is not this week."""

COLOURS = {
    "text": "#1b1f24",
    "quiet": "#4b535d",
    "page": "#f4f5f6",
    "card": "#ffffff",
    "line": "#d5d9de",
    "link": "#0b4f9e",
}
DARK = {
    "text": "#e8eaed",
    "quiet": "#b4bbc4",
    "page": "#14171b",
    "card": "#1d2126",
    "line": "#3a414a",
    "link": "#8ab8f5",
}
"""The same where the reader's device is dark; statuses keep their colours."""
PAIRS = (
    ("text", "page"),
    ("text", "card"),
    ("quiet", "page"),
    ("quiet", "card"),
    ("link", "page"),
    ("link", "card"),
)
"""Which of the colours stand as text on which."""


def wrapped(text: str, indent: int = 0, bullet: str = "") -> str:
    """Returns text in lines of at most `LINE` characters; continued lines align after the bullet."""
    first = " " * indent + bullet
    filled = textwrap.fill(
        tight(text), LINE, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
    )
    return filled.replace("\u00a0", " ").replace("\u2060", "")


def environment() -> Environment:
    """Returns the environment of the package's templates; HTML is escaped, an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("sundial.report"),
        autoescape=select_autoescape(enabled_extensions=("html", "html.j2"), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"day": day, "joined": joined, "tight": tight, "wrapped": wrapped}
    made.globals |= {
        "count": count,
        "looks": LOOKS,
        "in_part": IN_PART,
        "past": PAST,
        "colours": COLOURS,
        "dark": DARK,
    }
    return made
