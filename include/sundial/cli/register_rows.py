"""The commands that add to the register's rows: their arguments and help; the YAML is never written."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import Annotated

import typer

from sundial.cli.console import RECORD, console, emit, entry_path, no_such, problems_told, say
from sundial.cli.workbench import AsJson, SystemId
from sundial.engine.settings import settings

# What is loaded inside the commands takes long to load: the others do not wait for it.

Who = Annotated[str, typer.Option("--by", help="Who: name and role.")]
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day; today by default."),
]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of a row of the system.")]


def attest(
    system_id: SystemId,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What is attested, such as security_review.")],
    by: Who,
    date: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Day of the document.")],
    version: Annotated[str | None, typer.Option(help="Version of the document.")] = None,
    link: Annotated[str | None, typer.Option(help="Where to read it.")] = None,
    expires: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Last day on which it holds.")
    ] = None,
    since: From = None,
    as_json: AsJson = False,
) -> None:
    """Attest to a document of a system: who, when, what, and when it expires.

    The newest document of a kind counts, of the YAML's and of those given here.

    Example: sundial attest street-light-triage security_review --by "Ana Ruiz, CISO" --date 2026-10-01
    """
    from sundial.cli.given import add, typed
    from sundial.register.given import GivenAttestation

    with problems_told():
        entry_path(settings().register, system_id)
        row = typed(
            GivenAttestation,
            kind=kind,
            by=by,
            date=date,
            version=version,
            link=link,
            expires=expires,
            holds_from=since and since.date(),
        )
    add(system_id, row, as_json=as_json)


def waive(
    system_id: SystemId,
    check: Annotated[str, typer.Argument(metavar="CHECK", help="Name of a check, such as equity.groups.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")],
    approver: Annotated[str, typer.Option(help="Who approved it: name and role.")],
    link: Annotated[str, typer.Option(help="Where the decision, or the work on it, can be read.")],
    expires: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Last day; 52 weeks at most.")],
    metric: Annotated[str | None, typer.Option(help="One of its metrics; all by default.")] = None,
    slice_: Annotated[
        list[str] | None,
        typer.Option(
            "--slice", metavar="COLUMN=LEVEL", help="Exactly this slice; give it again for a combination."
        ),
    ] = None,
    since: From = None,
    as_json: AsJson = False,
) -> None:
    """Waive a check of a system for a time: its findings then say so, and what they would be.

    An error is never waived, evidence is carried on, and a sunset recommendation opens all the same.

    Example: sundial waive street-light-triage equity.groups --slice district=north --reason "The sensor is
    replaced in May" --approver "Ana Ruiz, CDPO" --link https://city.gov/waivers/7 --expires 2027-05-31
    """
    from sundial.cli.given import add, typed
    from sundial.engine.discover import discover
    from sundial.register.given import Waiver
    from sundial.register.wording import did_you_mean

    with problems_told():
        entry_path(settings().register, system_id)
        known = [one.name for one in discover()]
        if check not in known:
            raise no_such("check", check, did_you_mean(check, known))
        row = typed(
            Waiver,
            check=check,
            metric=metric,
            slice=_pairs(slice_) if slice_ else None,
            reason=reason,
            approver=approver,
            link=link,
            expires=expires,
            holds_from=since and since.date(),
        )
    add(system_id, row, as_json=as_json)


def _pairs(given: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for one in given:
        column, equals, level = one.partition("=")
        if not column or not equals:
            raise typer.BadParameter(f"--slice: {one!r} is no COLUMN=LEVEL; write it like district=north")
        pairs.append((column, level))
    return sorted(pairs)


def revoke(
    system_id: SystemId,
    number: Number,
    by: Who,
    reason: Annotated[str, typer.Option(help="Why, in a sentence.")],
    since: From = None,
    as_json: AsJson = False,
) -> None:
    """Revoke an attestation, a waiver, or a baseline's proposal or approval; the row itself stays.

    Example: sundial revoke street-light-triage 4 --by "Ana Ruiz, CDPO" --reason "It was of another system"
    """
    from sundial.cli.given import add, typed
    from sundial.register.given import Revocation

    with problems_told():
        row = typed(Revocation, number=number, by=by, reason=reason, holds_from=since and since.date())
    add(system_id, row, as_json=as_json)


def status(
    system_id: SystemId,
    lifecycle: Annotated[str, typer.Argument(metavar="LIFECYCLE", help="Such as suspended or retired.")],
    by: Who,
    reason: Annotated[str | None, typer.Option(help="Why; retired needs it.")] = None,
    since: From = None,
    as_json: AsJson = False,
) -> None:
    """Change the status of a system; retired is for ever, and its id is never used again.

    Example: sundial status street-light-triage suspended --by "Ana Ruiz, CIO" --reason "Under review"
    """
    from sundial.cli.given import add, typed, version_of
    from sundial.register.given import LifecycleChange, RegisterVersion
    from sundial.register.lifecycle import Lifecycle
    from sundial.register.load import load_system
    from sundial.store.register import RegisterRows

    with problems_told():
        where = settings()
        entry = load_system(entry_path(where.register, system_id))
        row = typed(
            LifecycleChange, status=lifecycle, by=by, reason=reason, holds_from=since and since.date()
        )
        if row.status is Lifecycle.RETIRED:  # what it was is kept, so that nothing else takes its id
            was = typed(RegisterVersion, **version_of(entry, by), holds_from=row.holds_from)
            RegisterRows(where.open_store()).add(system_id, was, getpass.getuser())
    add(system_id, row, as_json=as_json)


baseline = typer.Typer(
    help="The reference window of a system: proposed, then approved.", no_args_is_help=True
)


@baseline.command("propose")
def propose_baseline(
    system_id: SystemId,
    by: Who,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day, included.")
    ] = None,
    weeks: Annotated[
        int | None, typer.Option(min=1, max=520, help="Without days: so many weeks; the report window's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Propose a window, and show what it holds: days, outputs, versions of the model.

    Without --start and --end it is the latest judged weeks in a row without an error or a confirmed breach.

    Example: sundial baseline propose street-light-triage --by "Ana Ruiz, data engineer" --weeks 13
    """
    from sundial.cli.given import add, today, typed
    from sundial.engine.reference import holds, quiet_window
    from sundial.register.given import BaselineProposal
    from sundial.register.load import load_system
    from sundial.store.results import Results

    if (start is None) != (end is None):
        raise typer.BadParameter("--start and --end: give both, or none")
    with problems_told():
        where = settings()
        entry = load_system(entry_path(where.register, system_id))
        if start is not None and end is not None:
            window = start.date(), end.date()
        else:
            length = weeks or entry.window_weeks
            found = quiet_window(Results(where.open_store()), entry.id, length)
            if found is None:
                raise typer.BadParameter(
                    f"no {length} judged weeks in a row are without an error or a confirmed breach; give "
                    "fewer --weeks, or --start and --end"
                )
            window = found
        if window[1] >= today():
            raise typer.BadParameter(f"--end: {window[1]} is not over; give a day before {today()}")
        inside = holds(entry, where.open_lake(), *window)
        if not inside.outputs:
            raise typer.BadParameter(f"no outputs lie between {window[0]} and {window[1]}; give other days")
        row = typed(BaselineProposal, start=window[0], end=window[1], **vars(inside), proposed_by=by)
    add(system_id, row, as_json=as_json)


@baseline.command("approve")
def approve_baseline(
    system_id: SystemId, number: Number, by: Who, since: From = None, as_json: AsJson = False
) -> None:
    """Approve a proposed window: weeks from this one on are compared with it.

    Example: sundial baseline approve street-light-triage 3 --by "Dana Lee, CDPO"
    """
    from sundial.cli.given import add, typed
    from sundial.register.given import BaselineApproval

    with problems_told():
        row = typed(BaselineApproval, proposal=number, approved_by=by, holds_from=since and since.date())
    add(system_id, row, as_json=as_json)


@baseline.command("list")
def list_baselines(system_id: SystemId, as_json: AsJson = False) -> None:
    """List the proposals and approvals of a system, and the baseline in effect.

    Example: sundial baseline list street-light-triage
    """
    from sundial.cli.given import document, entry_today, rows_table
    from sundial.register.given import BaselineApproval, BaselineProposal, Revocation
    from sundial.register.load import load_system
    from sundial.store.register import RegisterRows

    with problems_told():
        where = settings()
        store = where.open_store()
        rows = RegisterRows(store).rows(system_id)
        now = entry_today(load_system(entry_path(where.register, system_id)), store).baseline
    ours = {row.number for row in rows if isinstance(row.given, BaselineProposal | BaselineApproval)}
    shown = [
        row
        for row in rows
        if row.number in ours or (isinstance(row.given, Revocation) and row.given.number in ours)
    ]
    if as_json:
        in_effect = now.model_dump(mode="json") if now else None
        emit({"in_effect": in_effect, "rows": [document(row) for row in shown]})
        return
    if shown:
        console().print(rows_table(shown))
    approved = (
        f"{now.start} to {now.end}, approved by {now.approved_by} on {now.approved_on}" if now else "none"
    )
    console().print(f"In effect: {approved}", markup=False)


register = typer.Typer(help="What is registered beside the YAML.", no_args_is_help=True)


@register.command("list")
def list_rows(system_id: SystemId, as_json: AsJson = False) -> None:
    """List all rows of a system: attestations, waivers, baselines, statuses, versions.

    Example: sundial register list street-light-triage
    """
    from sundial.cli.given import document, rows_table
    from sundial.store.register import RegisterRows

    with problems_told():
        rows = RegisterRows(settings().open_store()).rows(system_id)
    if as_json:
        emit([document(row) for row in rows])
    elif rows:
        console().print(rows_table(rows))
    else:
        console().print(f"Nothing is registered of {system_id} beside its YAML.")


@register.command("record")
def record_versions(
    by: Annotated[
        str | None, typer.Option("--by", help="Who deploys, where git does not know who wrote an entry.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Record a version of every entry that has changed since the last one: its content hash and its author.

    The author is that of the commit, where the register's folder is in git. Exit code 1 when a register file
    is wrong.

    Example: sundial register record
    """
    from sundial.cli.given import document, said, typed, version_of
    from sundial.register.given import RegisterVersion
    from sundial.register.load import entry_hash, load_register
    from sundial.store.register import RegisterRows

    with problems_told():
        where = settings()
        found = load_register(where.register)
        ledger = RegisterRows(where.open_store())
        known = {row.system: row.given for row in ledger.rows() if isinstance(row.given, RegisterVersion)}
        changed = [
            system
            for name, system in found.systems.items()
            if name not in known or known[name].content_hash != entry_hash(system)
        ]
        versions = {system.id: typed(RegisterVersion, **version_of(system, by)) for system in changed}
        added = [ledger.add(name, version, getpass.getuser()) for name, version in versions.items()]
    if as_json:
        emit([document(row) for row in added])
    else:
        for row in added:
            console().print(f"{row.system}: row {row.number}: {said(row.given)}", soft_wrap=True)
        console().print(f"{len(added)} of {len(found.systems)} entries have a new version.")
    for error in found.errors.values():
        say(str(error))
    raise typer.Exit(1 if found.errors else 0)


def add_to(app: typer.Typer) -> None:
    """Gives an application these commands."""
    app.command("attest", rich_help_panel=RECORD)(attest)
    app.command("waive", rich_help_panel=RECORD)(waive)
    app.command("revoke", rich_help_panel=RECORD)(revoke)
    app.command("status", rich_help_panel=RECORD)(status)
    app.add_typer(baseline, name="baseline", rich_help_panel=RECORD)
    app.add_typer(register, name="register", rich_help_panel=RECORD)
