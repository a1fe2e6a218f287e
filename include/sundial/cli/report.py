"""The weekly report of any week as files, as it goes out."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from sundial.cli.console import KEEP, problems_told
from sundial.engine.settings import settings

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


def report(
    week: Annotated[str, typer.Argument(metavar="YYYY-Www", help="The week, such as 2026-W45.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to; it is made.")],
    pictures: Annotated[bool, typer.Option(help="Also the pages of the PDF as PNG pictures.")] = False,
) -> None:
    """Write the weekly report of a week: page, PDF, data, and the mail as HTML and text. Nothing is sent.

    What was filed is made again from its data; else the report is made as of the week's Sunday.

    Example: sundial report 2026-W45 --out report
    """
    from sundial.engine.clock import last_complete_week, week_name
    from sundial.register.load import load_policy, load_register
    from sundial.report.document import render_pictures
    from sundial.report.filed import filed_report, files_of
    from sundial.report.missed import FOLDER
    from sundial.report.rendered import render_mail
    from sundial.report.weekly import report_of
    from sundial.store.results import Results

    as_of = _sunday(week)
    with problems_told():
        where = settings()
        database, lake = where.open_store(), where.open_lake()
        results = Results(database)
        filed = [
            one.as_of
            for one in results.reports()
            if one.path.startswith(FOLDER) and week_name(last_complete_week(one.as_of)) == week
        ]
        made = filed_report(filed[-1], lake, results) if filed else None
        if made is None:
            systems = load_register(where.register).systems
            made = report_of(database, systems, load_policy(where.policy), filed[-1] if filed else as_of)
    out.mkdir(parents=True, exist_ok=True)
    text, html = render_mail(made)
    files = {f"{week}.{ending}": content for ending, content in files_of(made).items()}
    files |= {"mail.html": html.encode(), "mail.txt": text.encode()}
    if pictures:
        files |= {f"{week}-{n}.png": page for n, page in enumerate(render_pictures(made), 1)}
    for name, content in files.items():
        (out / name).write_bytes(content)
        typer.echo(out / name)


def _sunday(week: str) -> date:
    found = _WEEK.fullmatch(week)
    try:
        return date.fromisocalendar(int(found[1]), int(found[2]), 7) if found else _refused(week)
    except ValueError:
        return _refused(week)


def _refused(week: str) -> date:
    raise typer.BadParameter(f"{week} is no week; write it as 2026-W45")


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("report", rich_help_panel=KEEP)(report)
