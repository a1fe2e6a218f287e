"""The weekly report as a tagged PDF (PDF/UA-1), for who reads with a screen reader and for the file.

Typst sets the report's JSON: what people wrote is data there, never markup. Its own fonts are used and no
others, and its clock is the report's date, so that the same report has the same bytes everywhere.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from importlib import resources
from typing import Any

from sundial.report.health import Line, PrincipleCell, SystemHealth
from sundial.report.page import IN_PART, LOOKS, PAST, Look
from sundial.report.picture import picture
from sundial.report.plain import count, day, joined, tight
from sundial.report.waivers import Waived
from sundial.report.weekly import News, WeeklyReport
from sundial.store.records import Status

_NO_GLYPH = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
_LONG = re.compile(r"\S{24}(?=\S)")
_TRIES = 20
MANY = 40
"""Systems above which each one's part is brief, so that the file can be mailed; the page has all of it."""
_BRIEF_LINES, _BRIEF_WEEKS = 4, 13
_PICTURE_PPI = 110


def render_pdf(report: WeeklyReport) -> bytes:
    """Returns the report as a PDF/UA-1 file; the same report gives the same bytes.

    A character that the fonts do not have is spelled out, as in "[grinning face]" or "[U+65E5]": without
    that the file would be none of the standard.
    """
    (made,) = _typeset(report, format="pdf", pdf_standards="ua-1")
    return made


def render_pictures(report: WeeklyReport) -> Sequence[bytes]:
    """Returns the pages of the PDF as PNG pictures."""
    return _typeset(report, format="png", ppi=_PICTURE_PPI)


def _typeset(report: WeeklyReport, **output: Any) -> Sequence[bytes]:
    import typst

    template = resources.files("sundial.report").joinpath("templates/weekly.typ").read_bytes()
    made_at = datetime.combine(report.as_of, time(), UTC)
    data = json.dumps(_document(report), ensure_ascii=False)
    for _ in range(_TRIES):
        try:
            made = typst.compile(
                template, ignore_system_fonts=True, timestamp=made_at, sys_inputs={"data": data}, **output
            )
        except typst.TypstError as error:
            missing = set(_without_glyph(error.diagnostic))
            if not missing:
                raise
            data = data.translate({ord(character): _spelled(character) for character in missing})
        else:
            return made if isinstance(made, list) else [made]
    raise ValueError("the report has more characters without a glyph than can be spelled out")


def _without_glyph(diagnostic: str) -> Iterable[str]:
    for found in _NO_GLYPH.findall(diagnostic):
        yield from _ESCAPED.sub(lambda code: chr(int(code[1], 16)), found)


def _spelled(character: str) -> str:
    """Returns a character's name where it is a picture, its code point where it is a letter."""
    if unicodedata.category(character) in ("Cf", "Mn", "Me"):  # joins or changes what is spelled out already
        return ""
    if unicodedata.category(character) == "So" and (name := unicodedata.name(character, "")):
        return f"[{name.lower()}]"
    return f"[U+{ord(character):04X}]"


def _document(report: WeeklyReport) -> Mapping[str, Any]:
    """Returns the report as the template takes it: texts, and looks by their key."""
    looks = {look.css: look for look in (*LOOKS.values(), IN_PART, PAST)}
    notices: dict[str, list[str]] = {}
    for one in report.in_use:
        if one.notice:
            notices.setdefault(one.notice, []).append(one.name)
    document: Mapping[str, Any] = _broken(
        {
            "title": f"AI health report, week {report.week}",
            "city": report.city,
            "dates": f"{day(report.start)} to {day(report.end)} · as of {day(report.as_of)}",
            "headline": report.headline,
            "missed": joined(report.missed, 12),
            "notices": [
                {"names": joined(names, 4), "notice": notice} for notice, names in sorted(notices.items())
            ],
            "looks": {css: _look(look) for css, look in looks.items()},
            "news": [_news(news) for news in report.news],
            "waiting": [
                {
                    "who": one.who,
                    "what": f"{one.system}: {one.what}",
                    "term": one.term,
                    "overdue": one.overdue,
                }
                for one in report.waiting
            ],
            "gaps": [
                {
                    "look": LOOKS[Status.ERROR if group.error else Status.NOT_MEASURED].css,
                    "length": group.length,
                    "systems": joined(group.systems, 4),
                    "gaps": [{"what": gap.what, "reason": gap.reason} for gap in group.gaps],
                }
                for group in report.gap_groups
            ],
            "principles": report.principles,
            "incidents": [incident.said for incident in report.incidents],
            "retired": [{"name": one.name, "said": one.retired} for one in report.retired],
            "systems": [_system(one, brief=len(report.in_use) > MANY) for one in report.in_use],
        }
    )
    return document


def _look(look: Look) -> Mapping[str, str]:
    style, edge = look.edge.split()
    return {
        "word": look.word,
        "symbol": look.symbol,
        "ink": look.ink,
        "paper": look.paper,
        "edge": edge,
        "style": style,
    }


def _news(news: News) -> Mapping[str, Any]:
    change = news.change
    return {
        "look": LOOKS[change.after].css if change and change.after else "",
        "headline": change.headline if change else "",
        "system": news.system,
        "sentence": news.sentence,
    }


def _system(one: SystemHealth, *, brief: bool) -> Mapping[str, Any]:
    most = _BRIEF_LINES if brief else len(one.lines) + len(one.changes)
    notes = [one.notice] if one.notice else []
    if one.judged is None:
        notes.append("This system was never judged: no run has recorded a week, so nothing is known of it.")
    elif one.behind:
        weeks = count(one.behind, "week")
        notes.append(f"The last judged week is {one.judged}, {weeks} before this report: all is as of then.")
    notes += [f"Last pull failed: {failure}" for failure in one.pull_failures]
    notes += [f"{one.refused} {one.where_refused}"] if one.refused else []
    return {
        "name": one.name,
        "when": "never judged" if one.judged is None else f"as of {one.judged}" if one.behind else "",
        "about": f"{one.description} {one.department}; owner {one.owner}; id {one.id}.",
        "notes": notes,
        "cases": [case.said for case in one.cases],
        "outcome": {
            "look": one.outcome.look.css,
            "met": one.outcome.met.capitalize(),
            "statement": one.outcome.statement,
            "sentence": one.outcome.sentence,
            "target": one.outcome.target,
        },
        "harm": one.harm,
        "trend": _trend(one, _BRIEF_WEEKS if brief else len(one.trend.points) if one.trend else 0),
        "cells": [_cell(cell) for cell in one.cells],
        "principles": [
            {
                **_cell(cell),
                "lines": [_line(line) for line in lines[:most]],
                "more": _more(len(lines) - most, "finding"),
            }
            for cell, lines in one.by_principle
        ],
        "counts": _counted(one.counts),
        "hidden": count(one.hidden_watches, "more watch", "more watches") if one.hidden_watches else "",
        "drift": {"counts": _counted(one.drifts), "lines": [_line(line) for line in one.drift_lines]},
        "incidents": [incident.said for incident in one.incidents],
        "expiring": [document.said for document in one.expiring],
        "waivers": [_waiver(waiver) for waiver in one.waivers],
        "compared": one.compared_with or "",
        "changes": [
            {
                "look": LOOKS[change.after].css if change.after else "",
                "headline": change.headline,
                "sentence": change.sentence,
            }
            for change in one.changes[:most]
        ],
        "more_changes": _more(len(one.changes) - most, "change"),
        "unmeasured": [
            {
                "look": LOOKS[row.status].css,
                "text": f"{row.principle}{f' ({joined(row.measures, 6)})' if row.measures else ''}, "
                f"{count(row.weeks, 'week')}{' or longer' if row.at_least else ''}: {row.reason}",
            }
            for row in one.unmeasured
        ],
    }


def _more(number: int, noun: str) -> str:
    return f"{count(number, f'more {noun}')} on the report's page." if number > 0 else ""


def _trend(one: SystemHealth, weeks: int) -> Mapping[str, Any] | None:
    if one.trend is None:
        return None
    return {
        "svg": picture(one.trend),
        "alternative": one.trend.alternative,
        "caption": one.trend.caption,
        "title": one.trend.title,
        "rows": one.trend.rows()[-weeks:],
    }


def _cell(cell: PrincipleCell) -> Mapping[str, Any]:
    return {
        "principle": cell.principle,
        "looks": [look.css for look in cell.looks],
        "counted": cell.counted,
    }


def _line(line: Line) -> Mapping[str, Any]:
    return {"look": line.look.css, "harm": line.harm, "said": line.said, "subject": line.subject}


def _waiver(waiver: Waived) -> Mapping[str, Any]:
    would = f"; without it: {waiver.would_be}" if waiver.would_be else ""
    ended = f"Ended {day(waiver.expires)}, still in breach."
    return {
        "look": LOOKS[Status.BREACH if waiver.still else Status.WAIVED].css,
        "headline": ended if waiver.still else f"In force until {day(waiver.expires)}.",
        "text": f"{waiver.what}: {waiver.reason}. By {waiver.approver}, {count(waiver.days, 'day')} ago; "
        f"{waiver.link}{would}.",
        "still": waiver.still,
    }


def _counted(counts: Iterable[tuple[Status, int]]) -> str:
    return ", ".join(f"{number:,} {LOOKS[status].word}" for status, number in counts)


def _broken(value: Any) -> Any:
    """Returns texts with places where a line may end within a long word, and none within a figure."""
    match value:
        case str() if not value.startswith("<svg"):
            return _LONG.sub(lambda part: f"{part[0]}\u200b", tight(value))
        case dict():
            return {name: _broken(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_broken(inner) for inner in value]
        case _:
            return value
