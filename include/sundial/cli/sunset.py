"""The commands on sunset cases: their arguments and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sundial.cli.console import PROBLEM, console, emit, entry_path, problems_told, say, table
from sundial.cli.workbench import AsJson, SystemId
from sundial.engine.settings import settings

# What is loaded inside the commands takes long to load: the others do not wait for it.

CaseId = Annotated[str, typer.Argument(metavar="CASE", help="Id of a case: `sundial sunset list` has them.")]

app = typer.Typer(help="Sunset cases, and the rules that open them.", no_args_is_help=True)


@app.command("replay")
def replay_rules(
    policy: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, exists=True, help="A policy with other rules; SUNDIAL_POLICY by default."
        ),
    ] = None,
    system_id: Annotated[
        str | None, typer.Option("--system", metavar="SYSTEM", help="One system by its id; all by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which cases a policy's sunset rules would have opened, beside those that were; writes nothing.

    Every recorded run is judged again with what it knew. Findings are as they were judged, by the thresholds
    of their time.

    Example: sundial sunset replay --policy policy-draft.yaml --system street-light-triage
    """
    from sundial.cli.replayed import compared
    from sundial.register.load import load_policy, load_register
    from sundial.sunset.replay import replay

    with problems_told():
        where = settings()
        if system_id is not None:
            entry_path(where.register, system_id)
        chosen = load_policy(policy or where.policy)
        register = load_register(where.register)
        if system_id in {path.stem for path in register.errors}:
            say(str(next(e for path, e in register.errors.items() if path.stem == system_id)))
            raise typer.Exit(PROBLEM)
        asked = [register.systems[system_id]] if system_id is not None else [*register.systems.values()]
        store = where.open_store()
        found = {system.id: replay(system, chosen, register.systems, store) for system in asked}
    rows = [row for replayed in found.values() for row in compared(replayed)]
    if as_json:
        emit(
            {
                "policy": str(policy or where.policy),
                "runs": {system: len(replayed.runs) for system, replayed in found.items()},
                "cases": [row.document() for row in rows],
            }
        )
        return
    runs = sum(len(replayed.runs) for replayed in found.values())
    if not rows:
        console().print(f"{runs:,} runs replayed: no case would have been opened, and none was.")
        return
    out = table("system", "would open", "opened", "rule", "set for", "sentence")
    for row in rows:
        out.add_row(row.system, row.would_text, row.did_text, row.rule, row.set_for, row.sentence)
    console().print(f"{runs:,} runs replayed; nothing was recorded.")
    console().print(out)


@app.command("list")
def list_cases(
    all_: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the sunset cases: where each one stands, and what it waits for.

    Example: sundial sunset list --all
    """
    from sundial.store.cases import Cases
    from sundial.sunset.course import course_of

    with problems_told():
        cases = Cases(settings().open_store())
        rows = [
            {
                "case": episode.id,
                "system": episode.system,
                "state": course_of(cases.events(episode.id)).state.value,
                "opened": episode.opened_as_of.isoformat(),
                "rule": episode.rule,
                "waits_for": [f"{q.role}: {q.kind}" for q in cases.open_questions(episode.id)],
            }
            for episode in cases.episodes()
            if episode.open or all_
        ]
    if as_json:
        emit(rows)
        return
    if not rows:
        console().print("There is no case." if all_ else "No case is open.")
        return
    out = table("case", "system", "state", "opened", "rule", "waits for")
    for row in rows:
        waits = ", ".join(row["waits_for"])
        out.add_row(*(str(row[name]) for name in ("case", "system", "state", "opened", "rule")), waits)
    console().print(out)


@app.command("show")
def show_case(case: CaseId, as_json: AsJson = False) -> None:
    """Show one case: what happened, the steps that are left, and with --json the record in sixteen parts.

    Example: sundial sunset show street-light-triage-2026-001
    """
    from sundial.cli.given import entry_today
    from sundial.register.load import load_system
    from sundial.store.cases import Cases
    from sundial.sunset.around import around
    from sundial.sunset.case import case_body
    from sundial.sunset.course import course_of
    from sundial.sunset.record import record_of
    from sundial.sunset.steps import steps_of

    with problems_told():
        where = settings()
        store = where.open_store()
        cases = Cases(store)
        episode, events = cases.episode(case), cases.events(case)
        system = entry_today(load_system(entry_path(where.register, episode.system)), store)
    if as_json:
        emit(record_of(episode, events, system, around(store, episode.id, episode.system)))
        return
    console().print(f"{episode.id} · {system.name} · {course_of(events).state.value}\n")
    console().print(case_body(cases, episode, system))
    if steps := steps_of(events):
        out = table("step", "owner", "due", "done by", title="Closing steps")
        for step in steps:
            out.add_row(step.id, step.owner, str(step.due), step.done.by if step.done else "")
        console().print(out)


@app.command("open")
def open_case(
    system_id: SystemId,
    reasons: Annotated[str, typer.Option(help="Why it may no longer provide a positive outcome.")],
    by: Annotated[str, typer.Option(help="Your user name in policy.yaml.")],
) -> None:
    """Open a case by hand; the CDPO is asked for a determination with the next run of sunset_watch.

    Evidence may be empty, and the record says so. Deciding is done in Airflow only.

    Example: sundial sunset open street-light-triage --by ana.ruiz --reasons "Crews no longer use the list."
    """
    from datetime import UTC, datetime

    from sundial.cli.given import entry_today, today
    from sundial.register.load import load_policy, load_system
    from sundial.store.cases import Cases
    from sundial.sunset.by_hand import OpeningRefused, open_by_hand

    with problems_told():
        where = settings()
        store = where.open_store()
        system = entry_today(load_system(entry_path(where.register, system_id)), store)
        try:
            case = open_by_hand(
                Cases(store),
                load_policy(where.policy),
                system,
                key=datetime.now(UTC).isoformat(),
                by=by,
                reasons=reasons,
                as_of=today(),
            )
        except OpeningRefused as error:
            say(str(error))
            raise typer.Exit(PROBLEM) from error
    typer.echo(f"Opened {case}. The CDPO is asked with the next run of sunset_watch.")


@app.command("done")
def step_done(
    case: CaseId,
    step: Annotated[str, typer.Argument(metavar="STEP", help="Id of a closing step.")],
    by: Annotated[str, typer.Option(help="Your user name in policy.yaml.")],
    note: Annotated[str, typer.Option(help="What was done, and what came of it.")],
    link: Annotated[str, typer.Option(help="Where that can be read.")] = "",
) -> None:
    """Say that a closing step of a case is done.

    Example: sundial sunset done street-light-triage-2026-001 stop_jobs --by operator --note "Job removed."
    """
    from sundial.cli.given import today
    from sundial.register.load import load_policy
    from sundial.store.cases import Cases
    from sundial.sunset.steps import StepRefused, finish

    with problems_told():
        where = settings()
        try:
            finish(
                Cases(where.open_store()),
                load_policy(where.policy),
                case,
                step,
                by=by,
                note=note,
                link=link,
                as_of=today(),
            )
        except StepRefused as error:
            say(str(error))
            raise typer.Exit(PROBLEM) from error
    typer.echo(f"{case}: {step} is done.")
