"""The workbench: what a data engineer or an operator types."""

from __future__ import annotations

import atexit
import gc
import json
import os
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sundial.cli import (
    ask_system,
    incidents,
    ledger,
    public,
    records,
    register_rows,
    report,
    sunset,
    workbench,
)
from sundial.cli.console import BEGIN, KEEP, RECORD, emit
from sundial.cli.export import ExportError, ExportStandard, export_register, write_whole
from sundial.engine.settings import INCLUDE, settings
from sundial.register.exports.layouts import Layout
from sundial.register.principles import Principle
from sundial.register.problems import RegisterError
from sundial.report.plain import count
from sundial.store.database import StoreError

app = typer.Typer(
    help="Sundial keeps measuring the AI systems a city has deployed. New here? docs/tutorial.md",
    no_args_is_help=True,
)
db = typer.Typer(help="The results store.", no_args_is_help=True)
new = typer.Typer(help="Begin a system's register entry, or a check of your own.", no_args_is_help=True)
app.add_typer(new, name="new", rich_help_panel=BEGIN)
new.command("system")(ask_system.system)
workbench.add_to(app)
register_rows.add_to(app)
ledger.add_to(app)
app.add_typer(sunset.app, name="sunset", rich_help_panel=RECORD)
incidents.add_to(app)
records.add_to(app)
public.add_to(app)
report.add_to(app)
examples = typer.Typer(help="The example systems, with generated data.", no_args_is_help=True)
app.add_typer(examples, name="examples", rich_help_panel=BEGIN)
app.add_typer(db, name="db", rich_help_panel=KEEP)


@db.command()
def migrate() -> None:
    """Create the store's tables, or bring them up to date (SUNDIAL_STORE)."""
    try:
        settings().open_store().migrate()
    except StoreError as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(1) from error
    typer.echo("The store is up to date.")


@new.command()
def check(
    name: Annotated[str, typer.Argument(help="Words of small letters joined by _, such as flagged_online.")],
    principle: Annotated[Principle, typer.Option(help="The guiding principle that it measures.")],
) -> None:
    """Write a check into checks/custom/, with its test and its page, which pass as they are.

    Example: sundial new check flagged_online --principle effectiveness
    """
    from sundial.cli.new_check import NewCheckError, new_check

    root = INCLUDE.parent
    try:
        written = new_check(root, name, principle)
    except NewCheckError as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(1) from error
    for path in written:
        typer.echo(path.relative_to(root))
    typer.echo(f"Test it: python -m pytest -q {written[1].relative_to(root)}; how it goes on: docs/checks.md")


@app.command(rich_help_panel=BEGIN)
def validate(
    register: Annotated[
        Path | None, typer.Option(help="Folder of register files; SUNDIAL_REGISTER by default.")
    ] = None,
    as_json: workbench.AsJson = False,
) -> None:
    """Check all register files and the policy; all errors at once, with file, line, field and remedy.

    Example: sundial validate --register include/systems
    """
    from sundial.cli.given import rows_of, totals_of
    from sundial.cli.validate import validate_register  # with Great Expectations: no other command waits

    where = settings()
    try:
        store = where.open_store()
        rows, given = rows_of(None, store), totals_of(store)
    except StoreError as error:
        rows, given = (), ()
        typer.echo(f"Whether an id was used before is not known: {error}", err=True)
    try:
        found = validate_register(register or where.register, where.policy, rows, given)
    except RegisterError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if as_json:
        emit(vars(found))
        raise typer.Exit(1 if found.problems else 0)
    for line in (*found.problems, *found.warnings):
        typer.echo(line, err=True)
    valid = f"{count(found.systems, 'system')} {'is' if found.systems == 1 else 'are'} valid"
    problems, warnings = count(len(found.problems), "problem"), count(len(found.warnings), "warning")
    typer.echo(f"{valid}, {problems}, {warnings}.")
    raise typer.Exit(1 if found.problems else 0)


@app.command(rich_help_panel=KEEP)
def export(
    standard: Annotated[
        ExportStandard, typer.Option(help="A published standard, or json: the entry itself.")
    ] = ExportStandard.JSON,
    system: Annotated[str | None, typer.Option(help="One system by its id; all by default.")] = None,
    layout: Annotated[
        Layout, typer.Option("--format", help="How it is written; the entry itself is JSON only.")
    ] = Layout.JSON,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write; standard output by default.")
    ] = None,
    register: Annotated[
        Path | None, typer.Option(help="Folder of register files; SUNDIAL_REGISTER by default.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 when a published system has a problem.")
    ] = False,
) -> None:
    """Write the register as a published standard has it; what is empty or not allowed is told beside it."""
    where = settings()
    try:
        found = export_register(
            register or where.register, where.policy, standard, system, layout, where.open_store()
        )
        if out is None:
            typer.echo(found.text, nl=False)
        else:
            write_whole(out, found.text)
    except (RegisterError, ExportError, StoreError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    for line in (*found.errors, *found.left_out, *found.problems):
        typer.echo(line, err=True)
    raise typer.Exit(1 if found.errors or (strict and found.problems) else 0)


@examples.command("write")
def write_examples(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where to write; made if it is not there.")],
    weeks: Annotated[int, typer.Option(min=1, max=520, help="Weeks of data, from 30 December 2024 on.")] = 65,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same rows.")] = 1,
    fault: Annotated[
        str | None, typer.Option(help="A fault by its name in docs/examples.md; none by default.")
    ] = None,
    from_week: Annotated[int, typer.Option(min=0, help="The fault's first week, counted from 0.")] = 26,
) -> None:
    """Write the generated data that the example systems of the register point to.

    Example: sundial examples write ~/sundial-examples --fault quality_70
    """
    from sundial.cli import examples as of_examples
    from sundial.examples.faults import Fault

    try:
        seeded = None if fault is None else Fault(fault, from_week)  # type: ignore[arg-type]  # it refuses others
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        for path, rows in of_examples.write_examples(
            folder.resolve(), settings().register, weeks, seed, seeded
        ):
            typer.echo(f"{path}: {rows:,} rows")
    except (RegisterError, of_examples.ExamplesError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if seeded is not None and (others := of_examples.without(seeded)):
        typer.echo(f"{seeded.name} does not fit {', '.join(others)}: they are without a fault.", err=True)
    connection = json.dumps({"conn_type": "fs", "extra": {"path": str(folder.resolve())}})
    typer.echo(f"Their connection: export AIRFLOW_CONN_SUNDIAL_EXAMPLES='{connection}'")


@app.command(rich_help_panel=BEGIN)
def demo(
    home: Annotated[
        Path, typer.Option(help="Where the demo keeps everything; delete it to start over.")
    ] = Path(".demo"),
    stop: Annotated[
        bool, typer.Option("--exit", help="End when the job is done instead of staying up.")
    ] = False,
    answers: Annotated[
        bool, typer.Option(help="Scripted people answer about COMPAS; without, you may be CDPO and CIO.")
    ] = True,
) -> None:
    """Run the whole job on real data in a real Airflow: from outputs to a halt that is verified."""
    from sundial.cli.demo import run_demo

    raise typer.Exit(run_demo(home.resolve(), stay=not stop, answers=answers))


@app.command("airflow", rich_help_panel=BEGIN)
def own_airflow(
    run: Annotated[
        str | None, typer.Option(metavar="SYSTEM", help="Run this system once, and tell how its tasks ended.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Day of that run; the last whole day by default."
        ),
    ] = None,
    stop: Annotated[
        bool, typer.Option("--exit", help="End when the run is over instead of staying up.")
    ] = False,
    home: Annotated[
        Path | None, typer.Option(help="Where Airflow keeps its own; ~/.sundial/airflow by default.")
    ] = None,
) -> None:
    """Start an Airflow on this machine with your register, checks and policy; it stays up until Ctrl-C.

    Connections are taken from AIRFLOW_CONN_... in the environment. Mail is filed in a folder, and the secret
    that keys are hashed with is made, unless the environment has them. A week is judged once: what is changed
    after a run is measured from the next week on. Exit code 1 when the run failed; a breach is a result.

    Example: sundial airflow --run street-light-triage --as-of 2026-10-11
    """
    from sundial.cli.console import entry_path, problems_told
    from sundial.cli.own_airflow import run_own

    where = settings()
    if as_of is not None and run is None:
        raise typer.BadParameter("it is the day of a run; give --run, too", param_hint="--as-of")
    if run is not None:
        entry_path(where.register, run)
    with problems_told():
        code = run_own(
            (home or where.home / "airflow").resolve(), run, as_of.date() if as_of else None, stay=not stop
        )
    raise typer.Exit(code)


def run() -> NoReturn:
    """Runs the command as a process of its own.

    It collects garbage seldom, and ends once all is said: to take down what was loaded takes a second.
    """
    gc.set_threshold(100_000)
    code: str | int | None = 0
    try:
        app()
    except SystemExit as ended:
        code = ended.code
    if isinstance(code, str):  # as Python does with a message
        typer.echo(code, err=True)
    atexit._run_exitfuncs()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else code is not None)


if __name__ == "__main__":
    run()
