"""The commands of the workbench: their arguments and help; the work is each command's own module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sundial.cli.console import (
    BEGIN,
    LOOK,
    PROBLEM,
    console,
    emit,
    entry_path,
    no_such,
    problems_told,
    progress,
    say,
)
from sundial.engine.settings import settings
from sundial.store.database import Database, StoreNotMigrated

if TYPE_CHECKING:
    from sundial.cli.doctor import Line
    from sundial.cli.quarantine import Refused
    from sundial.cli.trial import Tried
    from sundial.register.models import System
    from sundial.store.records import Finding
    from sundial.store.results import Results

# What is loaded inside the commands takes long to load: the others do not wait for it.

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout instead of tables.")]
SystemId = Annotated[str, typer.Argument(metavar="SYSTEM", help="Id of a system in the register.")]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="A day of the week to judge."),
]


OfCheck = Annotated[
    str | None, typer.Option(help="Show the findings of this check only, such as effectiveness.rates.")
]


def systems(as_json: AsJson = False) -> None:
    """List the systems of the register: where each one stands by its last judged week.

    Exit code 1 when a register file is wrong.

    Example: sundial systems
    """
    from sundial.cli.given import entry_today
    from sundial.cli.systems import standings, standings_table
    from sundial.register.load import load_register

    with problems_told():
        where = settings()
        register = load_register(where.register)
        store = _store()
        found = standings([entry_today(entry, store) for entry in register.systems.values()], store)
    if as_json:
        emit([one.document() for one in found])
    else:
        console().print(standings_table(found))
    for error in register.errors.values():
        say(str(error))
    raise typer.Exit(PROBLEM if register.errors else 0)


def system(system_id: SystemId, check: OfCheck = None, as_json: AsJson = False) -> None:
    """Show one system: its entry in short, its feeds, and its newest findings by principle.

    The id at the end of a finding's line is what `sundial explain` takes.

    Example: sundial system street-light-triage
    """
    from sundial.cli.findings import findings_table
    from sundial.cli.given import entry_today
    from sundial.cli.systems import entry_lines, feed_standings, feeds_table, standings, system_document
    from sundial.register.load import load_system
    from sundial.store.results import Results

    with problems_told():
        where = settings()
        store = _store()
        entry = entry_today(load_system(entry_path(where.register, system_id)), store)
        (standing,) = standings([entry], store)
        feeds = feed_standings(entry, store, where.open_lake())
        findings = _of_check(check, Results(store).latest_findings(entry.id) if store else ())
    if as_json:
        emit(system_document(standing, feeds, findings))
        return
    out = console()
    for line in entry_lines(entry):
        out.print(line)
    out.print()
    out.print(feeds_table(feeds) if feeds else "No feeds: it is judged by its documents.")
    out.print()
    if standing.week is None:
        out.print(f"Not judged yet. See what would be found: sundial try {entry.id}")
        return
    out.print(f"Findings of the week of {standing.week}")
    out.print(findings_table(findings))


def try_(
    system_id: SystemId,
    week: Day = None,
    no_gate: Annotated[
        bool,
        typer.Option(
            "--no-gate",
            help="Do not ask the feeds' contracts, and do not load Great Expectations: faster. Keys, days, "
            "scores, decisions and truths are still held to what the feed's shape implies; what only a "
            "contract would refuse is measured.",
        ),
    ] = False,
    afresh: Annotated[
        bool,
        typer.Option(
            "--afresh",
            help="Read the sources whole, as a first pull does, whatever the City's lake has of them.",
        ),
    ] = False,
    check: OfCheck = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole flow of a system on its real data, and record nothing.

    Lake and store are temporary and removed at the end. The run goes on from what the City's lake had on the
    Sunday of the judged week; where it had nothing, the sources are read whole up to that day, as a first
    pull does. Estimates are those that a run would record. Evidence is carried on from the store where it has
    judged weeks before this one; else it is from a cold start, over the weeks of the report window, and then
    says less than what a monitored system carries.

    Exit code 1 when something could not be measured; a breach is a result, and no error.

    Example: sundial try street-light-triage --week 2026-10-05 --no-gate
    """
    from sundial.cli.connections import resolve
    from sundial.cli.trial import LakeNotRead, WeekNotOver, try_system
    from sundial.register.load import load_policy, load_system

    with problems_told():
        where = settings()
        entry = load_system(entry_path(where.register, system_id))
        policy = load_policy(where.policy)
        _known_check(check)
        try:
            with progress() as step:
                tried = try_system(
                    entry,
                    policy,
                    week.date() if week else None,
                    resolve=resolve,
                    store=where.open_store(),
                    lake=None if afresh else where.open_lake(),
                    contracts=not no_gate,
                    step=lambda name: step(f"{entry.id}: {name}"),
                )
        except WeekNotOver as error:
            raise typer.BadParameter(str(error), param_hint="--week") from error
        except LakeNotRead as error:
            say(str(error))
            raise typer.Exit(PROBLEM) from error
    tried = replace(tried, findings=_of_check(check, tried.findings))
    if as_json:
        emit(tried.document())
    else:
        _show_tried(tried)
    raise typer.Exit(PROBLEM if tried.failed else 0)


def _of_check(check: str | None, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Returns the findings of a check; all of them for None."""
    return findings if check is None else [finding for finding in findings if finding.check == check]


def _known_check(name: str | None) -> None:
    from sundial.engine.discover import discover
    from sundial.register.wording import did_you_mean

    known = [check.name for check in discover()]
    if name is not None and name not in known:
        raise no_such("check", name, did_you_mean(name, known))


def _show_tried(tried: Tried) -> None:
    from sundial.cli.findings import findings_table

    out = console()
    for name, feed in tried.feeds.items():
        out.print(f"{name}: {feed.rows:,} rows, {feed.refused:,} refused")
        if feed.error:
            say(f"{name}: {feed.error}")
    if tried.lake_until is not None:
        out.print(
            f"Rows up to {tried.lake_until} are those of the City's lake; --afresh reads the sources whole."
        )
    if not tried.contracts:
        since = "" if tried.lake_until is None else " of new rows"
        out.print(f"The contracts were not asked{since} (--no-gate): what they alone refuse is measured.")
    out.print(f"Findings of the week of {tried.week}; nothing was recorded. {tried.evidence}")
    out.print(findings_table(tried.findings))
    out.print(f"{sum(tried.seconds.values()):.1f} s: {_seconds(tried)}")
    if tried.last_output is not None and (tried.week - tried.last_output).days > 0:
        say(f"No outputs in this week: the last are of {tried.last_output}; try --week {tried.last_output}")


def _seconds(tried: Tried) -> str:
    steps = {name: tried.seconds[name] for name in ("pull", "gate", "profile") if name in tried.seconds}
    checks = sum(tried.seconds.values()) - sum(steps.values())
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in [*steps.items(), ("checks", checks)])


def backtest(
    system_id: SystemId,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="A day of the last week to replay."),
    ] = None,
    draws: Annotated[
        int, typer.Option(min=0, max=10_000, help="Years drawn of each stream's good weeks; 0 for none.")
    ] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    thresholds: Annotated[
        bool, typer.Option("--thresholds/--no-thresholds", help="Whether to try other thresholds, too.")
    ] = True,
    no_gate: Annotated[
        bool, typer.Option("--no-gate", help="Do not ask the feeds' contracts: faster.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Write the statuses by week as a picture.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a system's history: when it would have alarmed, how often by chance, what thresholds change.

    Every week from the first row on is measured from a cold start, and nothing is recorded. By chance: years
    are drawn from the weeks of the baseline, or of a stream's first 13 where it has none there, and it is
    counted in how many of them the stream alarms; a season is not in them. Thresholds: each is tried at
    half, three quarters, five quarters and one and a half times its value.

    Example: sundial backtest street-light-triage --plot backtest.svg
    """
    from sundial.cli import backtest as replayed
    from sundial.cli.connections import resolve
    from sundial.register.load import load_policy, load_system

    with problems_told():
        where = settings()
        entry = load_system(entry_path(where.register, system_id))
        policy = load_policy(where.policy)
        with progress() as step:
            result = replayed.backtest(
                entry,
                policy,
                resolve=resolve,
                until=until.date() if until else None,
                contracts=not no_gate,
                draws=draws,
                seed=seed,
                thresholds=thresholds,
                step=lambda name: step(f"{entry.id}: {name}"),
            )
    if plot is not None:
        replayed.plot(result, plot)
    if as_json:
        emit(result.document())
    else:
        for part in replayed.shown(result):
            console().print(part)


def explain(
    finding: Annotated[
        str, typer.Argument(metavar="FINDING", help="Id of a finding, its first digits, or its whole key.")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell how a recorded number came about: measure, window, evidence, configuration, code and batches.

    Ids stand in the last column of `sundial system ID`; a unique beginning is enough, and a finding of the
    same week, check, metric and slice has the same id for ever.

    Example: sundial explain 3fa91c
    """
    from sundial.cli.explain import explain as explained
    from sundial.cli.explain import lines
    from sundial.cli.given import entry_today
    from sundial.register.load import load_policy, load_system
    from sundial.store.results import Results

    with problems_told():
        where = settings()
        results = Results(where.open_store())
        key = _one_key(finding, results)
        path = where.register / f"{key.partition('|')[0]}.yaml"
        entry = entry_today(load_system(path), where.open_store()) if path.exists() else None
        found = explained(key, results, where.open_lake(), entry, load_policy(where.policy))
    if as_json:
        emit(found.document())
        return
    out = console()
    for line in lines(found):
        out.print(line)


def _one_key(asked: str, results: Results) -> str:
    if "|" in asked:
        if results.revisions(asked):
            return asked
        raise no_such("finding", asked, "copy an id from `sundial system ID`")
    keys = results.keys_of(asked.lower())
    if not asked or not keys:
        raise no_such("finding", asked, "copy an id from `sundial system ID`")
    if len(keys) > 1:
        raise typer.BadParameter(f"{len(keys)} findings begin with {asked!r}; give more digits")
    return keys[0]


def doctor(
    system_id: Annotated[
        str | None, typer.Argument(metavar="[SYSTEM]", help="Look at the feeds of this system only.")
    ] = None,
    reach: Annotated[
        bool,
        typer.Option(
            "--reach",
            help="Also ask each source for rows from today on; one that cannot be asked so is read whole.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look whether everything is in place: connections, secret, store, lake, register, feeds, versions.

    Each line is ok, a warning or a problem with its remedy. Exit code 1 when there is a problem. No secret is
    ever shown.

    Example: sundial doctor --reach
    """
    from sundial.cli.doctor import counted, examine

    where = settings()
    if system_id is not None:
        entry_path(where.register, system_id)
    lines: list[Line] = []
    for line in examine(where, system_id, reach=reach):
        lines.append(line)
        if not as_json:
            _show_line(line)
    if as_json:
        emit([vars(line) for line in lines])
    else:
        console().print(counted(lines))
    raise typer.Exit(PROBLEM if any(line.verdict == "problem" for line in lines) else 0)


def _show_line(line: Line) -> None:
    from sundial.cli.console import coloured

    text = coloured(line.verdict, f"{line.verdict:8}")
    text.append(f" {line.about}: {line.said}{f'; {line.remedy}' if line.remedy else ''}", style="default")
    console().print(text, soft_wrap=True)


quarantine = typer.Typer(help="Rows that the gate refused: reasons and counts.", no_args_is_help=True)


@quarantine.command("list")
def list_quarantine(
    system_id: Annotated[
        str | None, typer.Argument(metavar="[SYSTEM]", help="Id of a system; all of them by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the batches with refused rows, each with its most frequent reason.

    Example: sundial quarantine list street-light-triage
    """
    from sundial.cli.quarantine import list_table, refused_batches

    with problems_told():
        where = settings()
        found = list(refused_batches(_systems(system_id), where.open_lake()))
    if as_json:
        emit([one.document() for one in found])
    elif found:
        console().print(list_table(found))
    else:
        console().print("No rows are in quarantine.")


@quarantine.command("show")
def show_quarantine(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="Id of a batch, or its unique beginning.")],
    as_json: AsJson = False,
) -> None:
    """Show why rows of a batch were refused: reasons and counts, never the values of a row.

    Example: sundial quarantine show 2026-10-11-0001
    """
    from sundial.cli.quarantine import combined_reasons, reasons_table

    with problems_told():
        lake = settings().open_lake()
        found = _one_batch(batch)
        reasons = combined_reasons(found, lake)
    if as_json:
        emit({**found.document(), "combined_reasons": dict(reasons)})
        return
    out = console()
    out.print(f"{found.system} · {found.feed} · {found.manifest.batch}")
    out.print(f"{found.manifest.refused:,} of {found.manifest.rows:,} rows refused")
    out.print(reasons_table(reasons))
    out.print(f"Rows     {lake.uri(found.manifest.quarantine or '')}")
    out.print(f"Page     {lake.uri(found.manifest.data_docs)}")


def _one_batch(start: str) -> Refused:
    from sundial.cli.quarantine import refused_batches

    found = [
        r
        for r in refused_batches(_systems(None), settings().open_lake())
        if r.manifest.batch.startswith(start)
    ]
    if not found:
        raise no_such("batch with refused rows", start, "copy an id from `sundial quarantine list`")
    if len(found) > 1:
        raise typer.BadParameter(f"{len(found)} batches begin with {start!r}; give more of the id")
    return found[0]


@quarantine.command("rejudge")
def rejudge_quarantine(system_id: SystemId, as_json: AsJson = False) -> None:
    """Judge batches again whose contract, or the outputs that they belong to, has changed.

    The gate does the same on its own in the system's next run; this is for seeing the effect now. Do not use
    it while a run of the system is under way. Profiles and findings follow with the next run, and what is
    accepted now counts in no week that is judged already. Exit code 1 when a contract cannot be run.

    Example: sundial quarantine rejudge street-light-triage
    """
    from sundial.cli.quarantine import rejudge, rejudged_table
    from sundial.register.load import load_system
    from sundial.store.results import Results

    with problems_told():
        where = settings()
        entry = load_system(entry_path(where.register, system_id))
        done, problems = rejudge(entry, where.open_lake(), Results(where.open_store()))
    if as_json:
        emit([vars(one) for one in done])
    elif done:
        console().print(rejudged_table(done))
    else:
        console().print("Nothing to judge: no contract and no outputs have changed since.")
    for problem in problems:
        say(problem)
    raise typer.Exit(PROBLEM if problems else 0)


def add_to(app: typer.Typer) -> None:
    """Gives an application the commands of the workbench."""
    app.command("try", rich_help_panel=BEGIN)(try_)
    app.command("systems", rich_help_panel=LOOK)(systems)
    app.command("system", rich_help_panel=LOOK)(system)
    app.command("explain", rich_help_panel=LOOK)(explain)
    app.command("backtest", rich_help_panel=LOOK)(backtest)
    app.add_typer(quarantine, name="quarantine", rich_help_panel=LOOK)
    app.command("doctor", rich_help_panel=LOOK)(doctor)


def _store() -> Database | None:
    """Returns the store; None, with a message, where none was made yet."""
    store = settings().open_store()
    try:
        with store.read():
            return store
    except StoreNotMigrated as error:
        say(f"Nothing is recorded yet: {error}")
        return None


def _systems(system_id: str | None) -> Sequence[System]:
    """Returns one system of the register, or all that have no problem."""
    from sundial.register.load import load_register, load_system

    where = settings()
    if system_id is not None:
        return [load_system(entry_path(where.register, system_id))]
    register = load_register(where.register)
    for error in register.errors.values():
        say(str(error))
    return list(register.systems.values())
