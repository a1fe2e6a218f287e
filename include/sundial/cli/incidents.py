"""The commands for incidents: report one, go on with it, see where it stands."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from sundial.cli.console import PROBLEM, RECORD, coloured, console, emit, problems_told, say, table
from sundial.cli.workbench import AsJson
from sundial.engine.settings import settings

if TYPE_CHECKING:
    from sundial.store.incidents import Incidents
    from sundial.sunset.incidents import Standing

# What is loaded inside the commands takes long to load: the others do not wait for it.

IncidentId = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, such as incident-2026-001.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="USER", help="Airflow user name; the user of this machine.")
]

incident = typer.Typer(help="Harms and security incidents.", no_args_is_help=True)


@incident.command("report")
def report(
    happened: Annotated[str, typer.Option(help="What happened; personal, it is kept apart.")],
    discovered: Annotated[
        str, typer.Option(metavar="TIME", help="When staff became aware: City time, or with an offset.")
    ],
    supervisor: Annotated[str, typer.Option(metavar="ADDRESS", help="Mail address of the supervisor.")],
    whom: Annotated[str, typer.Option(help="To whom it happened; personal, it is kept apart.")] = "",
    system: Annotated[str | None, typer.Option(metavar="SYSTEM", help="Id, where it is known.")] = None,
    kind: Annotated[str, typer.Option(help="harm, security or both.")] = "harm",
    grave: Annotated[bool, typer.Option("--grave", help="Somebody is, or may be, badly harmed.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Report an incident: supervisor, CDPO and Office of Employee Relations are mailed at once.

    They have to know within 24 hours of discovery, not of the report. Exit code 1 when a mail could not be
    sent: the incident is recorded, and the mail is due again.

    Example: sundial incident report --system street-light-triage --happened "A ramp was called safe"
    --whom "J. D." --discovered "2026-11-27 16:30" --supervisor boss@city.gov
    """
    from sundial.register.load import load_policy, load_register
    from sundial.sunset import incidents as sunset

    with problems_told(), refusals_told():
        where = settings()
        name = sunset.report(
            _incidents(),
            load_policy(where.policy),
            load_register(where.register).systems,
            key=f"command/{uuid4()}",
            system=system,
            kind=kind,
            grave=grave,
            happened=happened,
            whom=whom,
            discovered_at=discovered,
            supervisor=supervisor,
            by=by or getpass.getuser(),
            now=datetime.now(UTC),
        )
    sent = _send(name)
    _tell(name, as_json=as_json)
    raise typer.Exit(0 if sent else PROBLEM)


@incident.command("confirm")
def confirm(
    name: IncidentId,
    which: Annotated[str, typer.Argument(metavar="WHO", help="supervisor, cdpo, oer or ciso.")],
    text: Annotated[str, typer.Option(help="How they were told, where it was not by mail.")] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Confirm that one of those who are told knows of an incident.

    Example: sundial incident confirm incident-2026-001 oer --by maria
    """
    _act("confirm", name, by, as_json, which=which, text=text)


@incident.command("note")
def note(
    name: IncidentId,
    text: Annotated[str, typer.Option(help="How things stand.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record how things stand.

    Example: sundial incident note incident-2026-001 --text "The vendor looks into it"
    """
    _act("status", name, by, as_json, text=text)


@incident.command("contain")
def contain(
    name: IncidentId,
    text: Annotated[str, typer.Option(help="How it was contained.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Record that the harm no longer goes on.

    Example: sundial incident contain incident-2026-001 --text "The queue is decided by hand"
    """
    _act("contain", name, by, as_json, text=text)


@incident.command("link")
def link(
    name: IncidentId,
    episode: Annotated[str, typer.Argument(metavar="CASE", help="A sunset case of its system.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Link an incident to a sunset case of its system.

    Example: sundial incident link incident-2026-001 street-light-triage-2026-001
    """
    _act("link", name, by, as_json, episode=episode)


@incident.command("close")
def close(
    name: IncidentId,
    text: Annotated[str, typer.Option(help="What was learnt.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Close an incident; refused while supervisor, CDPO or Office of Employee Relations has not confirmed.

    Example: sundial incident close incident-2026-001 --text "The form asks for the ramp's slope now"
    """
    _act("close", name, by, as_json, text=text)


@incident.command("send")
def send() -> None:
    """Send the mails about incidents that are due now; Airflow does so daily and at the deadlines.

    Example: sundial incident send
    """
    if not _send(None):
        raise typer.Exit(PROBLEM)


@incident.command("list")
def list_incidents(
    system: Annotated[
        str | None, typer.Option(metavar="SYSTEM", help="Of one system; all by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List incidents with their clock and the confirmations that are missing.

    Example: sundial incident list
    """
    from sundial.sunset.incidents import NAMES, Phase, clock, standing

    now = datetime.now(UTC)
    with problems_told():
        incidents = _incidents()
        found = [standing(incidents, one.id) for one in incidents.incidents(system)]
    if as_json:
        emit([_document(one, now) for one in found])
        return
    shown = table("id", "system", "kind", "state", "discovered", "clock", "not confirmed by")
    for one in found:
        phase = clock(one, now).phase
        late = phase in (Phase.LATE, Phase.MET_LATE)
        shown.add_row(
            one.incident.id,
            one.incident.system or "–",
            f"{one.incident.kind}{', grave' if one.incident.grave else ''}",
            one.state.value,
            f"{one.incident.discovered_at:%Y-%m-%d %H:%M} UTC",
            coloured("breach" if late else "", phase.value),
            ", ".join(NAMES[to] for to in one.unconfirmed),
        )
    console().print(shown)


@incident.command("show")
def show(name: IncidentId, as_json: AsJson = False) -> None:
    """Show an incident with all that was written about it; personal.

    Example: sundial incident show incident-2026-001
    """
    _tell(name, as_json=as_json, texts=True)


def _act(action: str, name: str, by: str | None, as_json: bool, **said: str) -> None:
    from sundial.register.load import load_policy
    from sundial.sunset.incidents import act

    given = {"which": "", "episode": "", "text": "", **said}
    who, key, now = by or getpass.getuser(), f"command/{uuid4()}", datetime.now(UTC)
    with problems_told(), refusals_told():
        where = settings()
        policy = load_policy(where.policy)
        act(where.open_store(), policy, action, name, key=key, by=who, now=now, **given)
    _tell(name, as_json=as_json)


def _send(name: str | None) -> bool:
    """Sends what is due; returns whether all of it was sent."""
    from sundial.cli.connections import resolve
    from sundial.register.load import load_policy, load_register
    from sundial.report.incident_mails import NoticesFailed, send_due

    with problems_told():
        where = settings()
        policy, systems = load_policy(where.policy), load_register(where.register).systems
        pages = os.environ.get("AIRFLOW__API__BASE_URL", "http://localhost:8080").rstrip("/")
        try:
            for key in send_due(where.open_store(), policy, systems, resolve, pages, name):
                say(f"sent {key}")
        except NoticesFailed as error:
            say(str(error))
            return False
    return True


def _tell(name: str, *, as_json: bool, texts: bool = False) -> None:
    from sundial.sunset.incidents import standing

    with problems_told():
        incidents = _incidents()
        found = _document(standing(incidents, name), datetime.now(UTC), incidents if texts else None)
    if as_json:
        emit(found)
        return
    out = console()
    for field, value in found.items():
        if not isinstance(value, dict | list):
            out.print(f"{field.replace('_', ' ')}: {'–' if value is None else value}", soft_wrap=True)
    for to, notice in found["notices"].items():
        out.print(f"notice to {to}: sent {notice['sent_at'] or '–'}, confirmed {_confirmed(notice)}")
    for event in found["events"]:
        text = f": {event['text']}" if event.get("text") else ""
        out.print(f"{event['at']} {event['kind']} by {event['by'] or 'Sundial'}{text}", soft_wrap=True)


def _confirmed(notice: dict[str, Any]) -> str:
    return f"{notice['confirmed_at']} by {notice['confirmed_by']}" if notice["confirmed_at"] else "–"


def _document(found: Standing, now: datetime, texts: Incidents | None = None) -> dict[str, Any]:
    """Returns an incident as JSON values; with what people wrote only where `texts` is given."""
    from sundial.sunset.incidents import clock

    at = clock(found, now)
    one = found.incident

    def text(part: str) -> dict[str, str | None]:
        return {} if texts is None else {"text": texts.text(one.id, part) or "destroyed"}

    told = {} if texts is None else {part: text(part)["text"] for part in ("happened", "whom")}
    return {
        "id": one.id,
        "system": one.system,
        "kind": one.kind,
        "grave": one.grave,
        "state": found.state.value,
        "clock": at.phase.value,
        "discovered_at": one.discovered_at.isoformat(),
        "due_at": at.due_at.isoformat(),
        "met_at": at.met_at and at.met_at.isoformat(),
        "reported_at": one.reported_at.isoformat(),
        "reported_by": one.reported_by,
        "supervisor": one.supervisor,
        "episode": found.episode,
        **told,
        "notices": {
            to: {
                "sent_at": notice.sent_at and notice.sent_at.isoformat(),
                "confirmed_at": notice.confirmed_at and notice.confirmed_at.isoformat(),
                "confirmed_by": notice.confirmed_by,
            }
            for to, notice in found.notices.items()
        },
        "events": [
            {
                "number": event.number,
                "at": event.at.isoformat(),
                "kind": event.kind,
                "by": event.by,
                **event.payload,
                **(text(str(event.number)) if event.has_text else {}),
            }
            for event in found.events
        ],
    }


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turns what was entered wrongly into its message and exit code 2."""
    from sundial.sunset.incidents import IncidentRefused

    try:
        yield
    except IncidentRefused as error:
        raise typer.BadParameter(str(error)) from None


def _incidents() -> Incidents:
    from sundial.store.incidents import Incidents

    return Incidents(settings().open_store())


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(incident, name="incident", rich_help_panel=RECORD)
