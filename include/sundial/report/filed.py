"""The report as files of the lake and rows of the ledger: its data, its page and its PDF.

What a report says is what the store said when it was made. Its data is filed with it, and page, PDF and mail
are made of that: made again, they have the same bytes, whatever happened since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date

from pydantic import TypeAdapter

from sundial.lake import Lake
from sundial.report.document import render_pdf
from sundial.report.missed import FOLDER
from sundial.report.rendered import render_html
from sundial.report.weekly import WeeklyReport
from sundial.store.results import Report, Results

_DATA = TypeAdapter(WeeklyReport)


class ReportChanged(RuntimeError):  # noqa: N818
    """A filed report is not what the ledger says that it was."""


def files_of(report: WeeklyReport) -> Mapping[str, bytes]:
    """Returns the report's files by the ending of their names; the same report, the same bytes."""
    return {
        "json": _DATA.dump_json(report, indent=1),
        "pdf": render_pdf(report),
        "html": render_html(report).encode(),
    }


def file_report(report: WeeklyReport, lake: Lake, results: Results) -> str:
    """Files the report, records the hash of each file, and returns the path of the page in the lake.

    Its data is recorded first, the page last: where the page is recorded, all of it is and stands.
    """
    key = report.as_of.isoformat()
    if any(known.key == key for known in results.reports()):
        return f"{FOLDER}{key}.html"
    for ending, content in files_of(report).items():
        path = f"{FOLDER}{key}.{ending}"
        lake.put(path, content)
        digest = hashlib.sha256(content).hexdigest()
        results.record_report(Report(_key(key, ending), report.as_of, digest, path))
    return f"{FOLDER}{key}.html"


def filed_report(as_of: date, lake: Lake, results: Results) -> WeeklyReport | None:
    """Returns the report whose data was filed for an as-of date; None where none was.

    Raises:
        ReportChanged: its data in the lake has another hash than the ledger.
    """
    key = _key(as_of.isoformat(), "json")
    data = next((report for report in results.reports() if report.key == key), None)
    if data is None:
        return None
    content = lake.get(data.path)
    if hashlib.sha256(content).hexdigest() != data.html_hash:
        raise ReportChanged(
            f"{data.path} in the lake is not as the ledger has it: it was changed; restore it from a copy"
        )
    return _DATA.validate_json(content)


def _key(key: str, ending: str) -> str:
    return key if ending == "html" else f"{key}.{ending}"
