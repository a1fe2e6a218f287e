"""The command that publishes the register."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sundial.cli.console import KEEP, PROBLEM, emit, problems_told, say
from sundial.cli.workbench import AsJson
from sundial.engine.settings import settings


def public(
    folder: Annotated[
        Path | None,
        typer.Argument(file_okay=False, help="Folder that gets the site as public/; the lake by default."),
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day to publish as of; today by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish the register: a static site without script, with downloads.

    What it writes counts as published: figures of a window are filed in the lake and never told otherwise,
    and the ledger gets a row. What lies in public/ and is no longer of the site is removed. Exit code 1
    when a register file is wrong; the others are published.

    Example: sundial public ~/site && python -m http.server --directory ~/site/public
    """
    from sundial.engine.today import today
    from sundial.lake import Lake
    from sundial.register.load import load_policy, load_register
    from sundial.report.publication import publish_register

    where = settings()
    with problems_told():
        policy, register = load_policy(where.policy), load_register(where.register)
        day = as_of.date() if as_of is not None else today(policy.timezone)
        if day > today(policy.timezone):
            raise typer.BadParameter("lies in the future; give a day up to today", param_hint="--as-of")
        into = Lake(str(folder.expanduser().resolve())) if folder is not None else where.open_lake()
        row, found = publish_register(register, policy, where.open_store(), where.open_lake(), day, into)
    for error in register.errors.values():
        say(f"Not published: {error}")
    index = into.uri("public/index.html")
    if as_json:
        emit(
            {
                "index": index,
                "manifest": row.path,
                "sha256": row.html_hash,
                "systems": [s.id for s in found.systems],
            }
        )
    else:
        typer.echo(index)
    raise typer.Exit(PROBLEM if register.errors else 0)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("public", rich_help_panel=KEEP)(public)
