"""The commands for records: holds, what may be destroyed, destruction, and a system's records as files."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sundial.cli.console import KEEP, console, emit, entry_path, problems_told, table
from sundial.cli.workbench import AsJson, SystemId
from sundial.engine.settings import settings

if TYPE_CHECKING:
    from sundial.store.holds import Hold

# What is loaded inside the commands takes long to load: the others do not wait for it.

Why = Annotated[str, typer.Option(help="Why, in a sentence.")]
Where = Annotated[str, typer.Option("--link", help="Where the order can be read.")]

hold = typer.Typer(help="Orders that records are kept, whatever their age.", no_args_is_help=True)


@hold.command("add")
def add_hold(
    reason: Why,
    link: Where,
    system: Annotated[
        str | None, typer.Option(metavar="SYSTEM", help="Of one system; all by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold the records of a system, or of the whole City, until the hold is released.

    Example: sundial hold add --system street-light-triage --reason "A claim" --link https://city.gov/7
    """
    from sundial.store.holds import Holds

    with problems_told():
        if system is not None:
            entry_path(settings().register, system)
        added = Holds(settings().open_store()).hold(system, reason=reason, link=link, by=getpass.getuser())
    _tell([added], as_json=as_json)


@hold.command("release")
def release_hold(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of the hold.")],
    reason: Why,
    link: Where,
    as_json: AsJson = False,
) -> None:
    """Release a hold; the row itself stays.

    Example: sundial hold release 1 --reason "The claim was settled" --link https://city.gov/8
    """
    from sundial.store.holds import Holds

    with problems_told():
        added = Holds(settings().open_store()).release(number, reason=reason, link=link, by=getpass.getuser())
    _tell([added], as_json=as_json)


@hold.command("list")
def list_holds(as_json: AsJson = False) -> None:
    """List holds and releases.

    Example: sundial hold list
    """
    from sundial.store.holds import Holds

    with problems_told():
        found = Holds(settings().open_store()).all()
    _tell(list(found), as_json=as_json)


def retention(as_json: AsJson = False) -> None:
    """Propose which personal texts of incidents may be destroyed, and why the others are kept.

    It destroys nothing. Findings, decisions and incidents themselves are kept for good.

    Example: sundial retention
    """
    from sundial.cli.given import today
    from sundial.register.load import load_policy, load_register
    from sundial.sunset.records import proposed

    with problems_told():
        where = settings()
        policy, systems = load_policy(where.policy), load_register(where.register).systems
        found = proposed(where.open_store(), policy, systems, today())
    if as_json:
        emit([{**vars(text), "closed_on": text.closed_on and text.closed_on.isoformat()} for text in found])
        return
    shown = table("text", "system", "closed", "proposal")
    for text in found:
        proposal = f"keep: {text.kept}" if text.kept else "may be destroyed after an approval"
        shown.add_row(text.id, text.system or "–", str(text.closed_on or "–"), proposal)
    console().print(shown)


def destroy(
    approval: Annotated[str, typer.Option(metavar="LINK", help="Of the resolution that approves it.")],
    before: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Of incidents closed before this day."),
    ],
    as_json: AsJson = False,
) -> None:
    """Destroy the personal texts of incidents that were closed before a day, two years ago at least.

    Kept are those of open incidents, under a hold, and for four years those of systems of employment. Each
    destruction is a row of the ledger. With PostgreSQL only the store's owner may: set SUNDIAL_STORE.

    Example: sundial destroy --approval https://city.gov/resolutions/7 --before 2026-01-01
    """
    from sundial.cli.given import today
    from sundial.register.load import load_policy, load_register
    from sundial.sunset.incidents import RUN
    from sundial.sunset.records import DestructionRefused
    from sundial.sunset.records import destroy as destroy_texts

    with problems_told():
        where = settings()
        policy, systems = load_policy(where.policy), load_register(where.register).systems
        try:
            gone = destroy_texts(
                where.open_store(),
                policy,
                systems,
                approval=approval,
                before=before.date(),
                by=getpass.getuser(),
                today=today(),
            )
        except DestructionRefused as error:
            raise typer.BadParameter(str(error)) from None
    if as_json:
        emit([text.id for text in gone])
        return
    for text in gone:
        console().print(f"destroyed {text.id}")
    console().print(f"{len(gone)} texts were destroyed.")
    for run in sorted({text.key.removeprefix(RUN) for text in gone if text.key.startswith(RUN)}):
        console().print(f"its form is kept by Airflow until you delete the run {run}", soft_wrap=True)


def records(
    system_id: SystemId,
    since: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day.")
    ],
    until: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day.")
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to; new or empty.")],
) -> None:
    """Write everything that was recorded of a system in a period, a JSON file for each kind of record.

    What people wrote about people is withheld: `withheld.json` names each such text and the reason.

    Example: sundial records street-light-triage --from 2026-01-01 --to 2026-12-31 --out request-17
    """
    from sundial.register.load import load_policy
    from sundial.sunset.records import export

    if out.exists() and any(out.iterdir()):
        raise typer.BadParameter(f"--out: {out} is not empty; name a new folder")
    with problems_told():
        where = settings()
        policy = load_policy(where.policy)
        files = export(where.open_store(), policy, system_id, since.date(), until.date())
    out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")
        typer.echo(out / name)


def _tell(found: list[Hold], *, as_json: bool) -> None:
    if as_json:
        emit([{**vars(one), "recorded_at": one.recorded_at.isoformat()} for one in found])
        return
    shown = table("number", "what", "system", "reason", "link", "by", right=("number",))
    for one in found:
        what = "hold" if one.releases is None else f"releases {one.releases}"
        shown.add_row(str(one.number), what, one.system or "all", one.reason, one.link, one.by)
    console().print(shown)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(hold, name="hold", rich_help_panel=KEEP)
    app.command("retention", rich_help_panel=KEEP)(retention)
    app.command("destroy", rich_help_panel=KEEP)(destroy)
    app.command("records", rich_help_panel=KEEP)(records)
