"""The weekly report as a page, as plain text, and as a mail that every reader of mail can show."""

from __future__ import annotations

import quopri
from dataclasses import dataclass

from sundial.report.health import SystemHealth
from sundial.report.page import environment
from sundial.report.picture import named, picture
from sundial.report.trend import Trend
from sundial.report.weekly import WeeklyReport
from sundial.store.records import Status

MAIL_BYTES = 98_000
"""Bytes of a mail's HTML as it is sent: Gmail cuts a mail off at 102 kB."""
_STEPS = (1_000, 60, 40, 25, 15, 8, 4, 2)
"""Entries of each list that a mail is tried with, the most first."""


@dataclass(frozen=True)
class Shown:
    """What of a report a mail shows; the attached document has the rest.

    Attributes:
        systems: those with a section of their own.
        rows: those with a row in the matrix.
        most: entries of each list of the first screen, and findings of a system.
    """

    systems: tuple[SystemHealth, ...]
    rows: tuple[SystemHealth, ...]
    most: int


def render_html(report: WeeklyReport, answers: str = "") -> str:
    """Returns the report as one HTML document without any remote content or script.

    Args:
        report: what to show.
        answers: where open questions are answered; empty for a page without links to other pages.
    """
    template = environment().get_template("weekly.html.j2")
    return template.render(report=report, answers=answers, picture=_picture)


def render_mail(report: WeeklyReport, answers: str = "") -> tuple[str, str]:
    """Returns the report as plain text and as HTML for a mail, cut so that no reader of mail cuts it.

    What is left out is counted, and stands in the attached document. Arguments as of `render_html`.
    """
    text = html = ""
    for most in _STEPS:
        shown = _shown(report, most)
        values = {"report": report, "answers": answers, "shown": shown}
        html = environment().get_template("weekly_mail.html.j2").render(values)
        if len(quopri.encodestring(html.encode())) <= MAIL_BYTES:
            break
    text = environment().get_template("weekly.txt.j2").render(report=report, answers=answers, shown=shown)
    return text, html


def render_text(report: WeeklyReport, answers: str = "") -> str:
    """Returns all of the report as plain text; arguments as of `render_html`."""
    values = {"report": report, "answers": answers, "shown": _shown(report, _STEPS[0])}
    return environment().get_template("weekly.txt.j2").render(values)


def _picture(trend: Trend, prefix: str) -> str:
    return named(picture(trend), prefix)


def _shown(report: WeeklyReport, most: int) -> Shown:
    """Returns the systems that need a look first; each list of at most so many."""
    ordered = sorted(report.in_use, key=_need)
    return Shown(tuple(ordered[:most]), tuple(ordered[: 3 * most]), most)


def _need(one: SystemHealth) -> tuple[bool, int, int, bool, str]:
    """Sorts by open cases, breaches and errors; then what was not judged."""
    judged = one.judged is not None and not one.behind
    return not one.cases, -one.counted(Status.BREACH), -one.counted(Status.ERROR), judged, one.id
