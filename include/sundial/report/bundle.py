"""The evidence bundle of a sunset case: its record and a year of its figures, frozen and hashed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sundial.lake import Lake
from sundial.register.models import Policy, System
from sundial.report.page import environment
from sundial.report.plain import clean
from sundial.store.canonical import canonical
from sundial.store.cases import EVIDENCE, Cases, Episode, Event, NewEvent
from sundial.store.database import Database
from sundial.store.records import Finding
from sundial.store.results import Results
from sundial.sunset.around import around
from sundial.sunset.case import case_body
from sundial.sunset.record import record_of

BUNDLE = "bundle"
"""The kind of the event that freezes a bundle."""

WEEKS = 52


class BundleChanged(ValueError):  # noqa: N818
    """A file of a bundle is not what was filed; the message has both hashes."""


@dataclass(frozen=True)
class Bundle:
    """A bundle as files.

    Attributes:
        document: the record and the figures, canonical JSON.
        page: the same to read, HTML with its pictures inside.
    """

    document: bytes
    page: bytes

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 of both, by the ending of their names."""
        return {
            "json": hashlib.sha256(self.document).hexdigest(),
            "html": hashlib.sha256(self.page).hexdigest(),
        }


def build(episode: Episode, database: Database, system: System, policy: Policy) -> Bundle:
    """Returns the bundle of a case as it stands; the same store gives the same bytes."""
    cases = Cases(database)
    events = cases.events(episode.id)
    series = _series(episode, [e.payload for e in events if e.kind == EVIDENCE], Results(database))
    record = record_of(episode, events, system, around(database, episode.id, episode.system))
    document = {
        "record": record,
        "series": [_point(finding) for finding in series],
        "events": [
            {"number": e.number, "kind": e.kind, "by": e.by, "at": e.at.isoformat(), "payload": e.payload}
            for e in events
        ],
    }
    template = environment().get_template("bundle.html.j2")
    page = template.render(
        case=episode.id,
        city=clean(policy.city),
        name=clean(system.name),
        notice=clean(system.notice) if system.notice else "",
        **_case(case_body(cases, episode, system)),
        parts=record_lines(record),
        points=[_row(finding) for finding in series],
        metric=series[-1].metric.replace("_", " ") if series else "",
        picture=_picture(series) if len(series) > 1 else "",
    )
    return Bundle(canonical(document).encode(), page.encode())


def record_lines(record: Mapping[str, Any]) -> Sequence[tuple[str, Sequence[str]]]:
    """Returns the parts of a record as lines of text; of the evidence the first and the last week."""
    return [(name.replace("_", " "), _lines(_shown(name, value))) for name, value in record.items()]


def filed(lake: Lake, event: Event, ending: str) -> bytes:
    """Returns a file of a filed bundle, once it is what the ledger says.

    Args:
        lake: where it was filed.
        event: of kind `BUNDLE`.
        ending: "html" or "json".

    Raises:
        FileNotFoundError: the lake does not have it.
        BundleChanged: it is not what was filed.
    """
    path = f"{event.payload['path']}.{ending}"
    data, recorded = lake.get(path), event.payload["sha256"][ending]
    found = hashlib.sha256(data).hexdigest()
    if found != recorded:
        raise BundleChanged(f"{path} has the SHA-256 {found}; when it was filed it was {recorded}")
    return data


def file_bundle(
    episode: Episode, database: Database, lake: Lake, system: System, policy: Policy, as_of: date
) -> str:
    """Files the bundle as the case goes to the CIO, once a determination, and records its hashes.

    Returns:
        The path of the page in the lake; the document lies beside it, its name ending in .json.
    """
    cases = Cases(database)
    events = cases.events(episode.id)
    number = sum(event.kind == "determination" for event in events)
    key, path = f"{BUNDLE}/{number}", f"sunset/{episode.id}/bundle-{number}"
    if not any(event.key == key for event in events):
        made = build(episode, database, system, policy)
        lake.put(f"{path}.json", made.document)
        lake.put(f"{path}.html", made.page)
        cases.append(episode.id, NewEvent(key, BUNDLE, {"path": path, "sha256": made.hashes}, as_of))
    return f"{path}.html"


def _case(body: str) -> Mapping[str, Any]:
    """Returns a case's Markdown as what the page shows: its sentence, its points and its table."""
    lines = [line for line in body.splitlines() if line and not line.startswith(">")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {
        "sentence": " ".join(line.strip("*") for line in lines if line.startswith("**")),
        "facts": [line.removeprefix("- ") for line in lines if line.startswith("- ")],
        "heads": table[0] if table else [],
        "rates": table[2:],  # the second one is Markdown's rule
    }


def _series(episode: Episode, evidence: Sequence[Mapping[str, Any]], results: Results) -> Sequence[Finding]:
    """Returns the findings of a year that the latest evidence is one of."""
    found = next((one["finding"] for one in reversed(evidence) if one.get("finding")), None)
    if found is None:
        return ()
    last = date.fromisoformat(found["week"])
    first = last - timedelta(weeks=WEEKS - 1)
    where = [tuple(pair) for pair in found["slice"]]
    return [
        finding
        for finding in results.findings_between(first, last, episode.system, None, [found["check"]])
        if finding.metric == found["metric"] and [*finding.slice] == where
    ]


def _point(finding: Finding) -> Mapping[str, Any]:
    return {"payload": finding.payload(), "hash": finding.payload_hash()}


def _row(finding: Finding) -> Mapping[str, str]:
    interval = finding.interval
    shown = "" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
    return {
        "week": finding.week.isoformat(),
        "estimate": "–" if finding.estimate is None else f"{finding.estimate:.3f}",
        "interval": shown,
        "n": "" if finding.n is None else f"{finding.n:,}",
        "threshold": "" if finding.threshold is None else f"{finding.threshold.value:g}",
        "status": finding.status.value.replace("_", " "),
    }


def _picture(series: Sequence[Finding]) -> str:
    """Returns estimate, interval and threshold by week as an SVG picture that needs no script."""
    import altair as alt
    import pandas as pd
    import vl_convert

    rows = pd.DataFrame(
        [
            {
                "week": finding.week.isoformat(),
                "estimate": finding.estimate,
                "low": finding.interval.low if finding.interval else None,
                "high": finding.interval.high if finding.interval else None,
                "threshold": finding.threshold.value if finding.threshold else None,
            }
            for finding in series
            if finding.estimate is not None
        ]
    )
    if rows.empty:
        return ""
    week = alt.X("week:T", title="week", axis=alt.Axis(format="%Y-%m-%d", labelAngle=-45))
    base = alt.Chart(rows)
    band = base.mark_area(opacity=0.25, color="#0b4f9e").encode(x=week, y="low:Q", y2="high:Q")
    line = base.mark_line(point=True, color="#0b4f9e").encode(
        x=week, y=alt.Y("estimate:Q", title=series[-1].metric.replace("_", " "), scale=alt.Scale(zero=False))
    )
    limit = base.mark_line(strokeDash=[6, 4], color="#b3261e").encode(x=week, y="threshold:Q")
    chart = (band + line + limit).properties(width=760, height=260)
    return str(vl_convert.vegalite_to_svg(chart.to_json()))


def _shown(part: str, value: Any) -> Any:
    """Returns of the evidence the first and the last week; the document has all of them."""
    if part != "evidence" or len(value) < 3:
        return value
    return {
        "weeks": f"{len(value)}, of which the first and the last",
        "at first": value[0],
        "at last": value[-1],
    }


def _lines(value: Any, depth: int = 0) -> Sequence[str]:
    """Returns a part of the record as lines of text, what lies inside indented."""
    if value is None or value in ("", [], {}):
        return ["not said yet"] if depth == 0 else ["–"]
    if isinstance(value, Mapping):
        lines = []
        for name, inner in value.items():
            if name in ("finding", "also"):
                continue  # the figures have a table of their own
            shown = _lines(inner, depth + 1)
            title = str(name).replace("_", " ")
            if len(shown) == 1:
                lines.append(f"{title}: {shown[0]}")
            else:
                lines += [f"{title}:", *(f"    {line}" for line in shown)]
        return lines
    if isinstance(value, list | tuple):
        return [line for one in value for line in _lines(one, depth + 1)]
    return [clean(str(value), 4000)]
