"""Whether everything is in place for a run: each line is ok, a warning or a problem with its remedy."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from sundial.cli.connections import resolve
from sundial.cli.given import totals_of
from sundial.cli.systems import feed_standing
from sundial.cli.validate import validate_register
from sundial.engine.settings import Settings
from sundial.engine.today import PLAYED
from sundial.engine.today import today as day_in
from sundial.lake import Lake
from sundial.register.events import FeedName
from sundial.register.load import load_policy, load_register
from sundial.register.models import CADENCE_DAYS, Policy, System
from sundial.register.problems import RegisterError
from sundial.register.source import FilesSource, HttpSource, SqlSource
from sundial.register.used import needed_columns
from sundial.report.plain import clean, count, joined
from sundial.report.smtp import SMTP_CONNECTION, sender_of
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceError
from sundial.sources.fetch import fetch
from sundial.sources.pull import PSEUDONYM_CONNECTION
from sundial.store.checkpoints import FOLDER as CHECKPOINT_FOLDER
from sundial.store.database import Database, StoreError
from sundial.store.grants import Total
from sundial.store.results import Pull, Results
from sundial.sunset.checkpoint import NoCheckpoints, signer

Verdict = Literal["ok", "warning", "problem"]

SHORTEST_SECRET = 16
"""Characters from which on a pseudonym secret is not warned about."""

NAMED = (
    "apache-airflow",
    "great-expectations",
    "duckdb",
    "ibis-framework",
    "pyarrow",
    "pandas",
    "SQLAlchemy",
)


@dataclass(frozen=True)
class Line:
    """One thing that was looked at.

    Attributes:
        about: what it is about, such as `store` or `street-lights · outputs`.
        said: what was found, without any secret.
        remedy: what to do about it; empty where it is ok.
    """

    verdict: Verdict
    about: str
    said: str
    remedy: str = ""


def examine(where: Settings, only: str | None = None, *, reach: bool = False) -> Iterator[Line]:
    """Yields what holds and what does not.

    Args:
        where: store, lake, register and policy.
        only: the system whose feeds are looked at; all of them for None.
        reach: whether to ask each source for its rows from today on.
    """
    yield from _versions()
    policy = None
    with suppress(RegisterError):  # told with the register
        policy = load_policy(where.policy)
    yield from _register(where)
    store = None
    try:
        store = where.open_store()
        yield from _store(store)
    except StoreError as error:
        store = None
        yield Line("problem", "store", *_split(str(error)))
    lake = where.open_lake()
    yield from _lake(lake, where.lake)
    yield _secret()
    yield _checkpoints()
    yield _mail_server()
    if policy is not None:
        yield from _addresses(policy)
    if os.environ.get(PLAYED):
        yield Line(
            "warning",
            "the day that it is",
            f"{PLAYED} is set: what happens is dated as its file says",
            "unset it wherever decisions are real",
        )
    try:
        systems = load_register(where.register).systems
    except RegisterError:
        return
    today = day_in(policy.timezone if policy else "UTC")
    for system in [one for one in systems.values() if only in (None, one.id)]:
        yield from _system(system, policy, store, lake, today, reach=reach)


def _split(message: str) -> tuple[str, str]:
    """Returns a message's finding and its remedy, which follows the first semicolon."""
    said, _, remedy = message.partition("; ")
    return said, remedy


def _versions() -> Iterator[Line]:
    named = [f"Python {platform.python_version()}", f"Sundial {version('sundial')}"]
    for package in NAMED:
        with suppress(PackageNotFoundError):
            named.append(f"{package} {version(package)}")
    yield Line("ok", "versions", ", ".join(named))
    for text in requires("sundial") or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield Line("problem", "versions", f"{requirement.name} is not installed", "run make install")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            said = f"{requirement.name} is {found}; Sundial needs {requirement.specifier}"
            yield Line("problem", "versions", said, "run make install")


def _register(where: Settings) -> Iterator[Line]:
    given: Sequence[Total] = ()
    with suppress(StoreError):  # told with the store
        given = totals_of(where.open_store())
    try:
        found = validate_register(where.register, where.policy, given=given)
    except RegisterError as error:
        for text in str(error).splitlines():
            yield Line("problem", "register", *_split(text))
        return
    for text in found.problems:
        yield Line("problem", "register", *_split(text))
    for text in found.warnings:
        yield Line("warning", "register", *_split(text))
    if not found.problems:
        valid = f"{count(found.systems, 'system')} and the policy are valid ({where.register})"
        yield Line("ok", "register", valid)


def _store(store: Database) -> Iterator[Line]:
    with store.read():
        yield Line("ok", "store", f"{store.name} answers, and its tables are this version's")


def _lake(lake: Lake, url: str) -> Iterator[Line]:
    path = f"doctor/{secrets.token_hex(8)}"
    try:
        lake.put(path, b"")
        lake.delete(path)
    except Exception as error:  # whatever the file system's library raises  # noqa: BLE001
        said = f"{_without_login(url)} cannot be written ({type(error).__name__})"
        yield Line(
            "problem", "lake", said, "correct SUNDIAL_LAKE, or give this user the right to write there"
        )
    else:
        yield Line("ok", "lake", f"{_without_login(url)} can be written")


def _without_login(url: str) -> str:
    scheme, found, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if found else url


def _secret() -> Line:
    about = "pseudonym secret"
    remedy = f"define the connection {PSEUDONYM_CONNECTION} with a long random password that never changes"
    try:
        password = resolve(PSEUDONYM_CONNECTION).password
    except LookupError:
        return Line("problem", about, f"there is no connection {PSEUDONYM_CONNECTION}", remedy)
    if not password:
        return Line("problem", about, f"connection {PSEUDONYM_CONNECTION} has no password", remedy)
    if len(password) < SHORTEST_SECRET:
        said = f"it is shorter than {SHORTEST_SECRET} characters: keys could be guessed back"
        return Line(
            "warning",
            about,
            said,
            "take a longer one before the first pull; later, every key would be a new one",
        )
    return Line("ok", about, f"connection {PSEUDONYM_CONNECTION} has one")


def _checkpoints() -> Line:
    about = "checkpoints of the ledger"
    try:
        found = signer(resolve)
        last = found.place.list(CHECKPOINT_FOLDER)
    except NoCheckpoints as error:
        said, _, remedy = str(error).partition("; ")
        return Line("warning", about, f"{said}: a store that was rewritten would not show", remedy)
    except Exception as error:  # noqa: BLE001 - whatever a file system raises
        return Line(
            "problem",
            about,
            f"their place cannot be listed: {type(error).__name__}",
            "check url and credentials",
        )
    return Line("ok", about, f"{len(last)} are filed")


def _mail_server() -> Line:
    try:
        sender = sender_of(resolve(SMTP_CONNECTION))
    except LookupError as error:
        remedy = f"define the connection {SMTP_CONNECTION}, with from_email in its extra"
        return Line("warning", "mail", f"nothing can be mailed: {clean(str(error))}", remedy)
    return Line("ok", "mail", f"connection {SMTP_CONNECTION} sends as {sender}")


def _addresses(policy: Policy) -> Iterator[Line]:
    """Yields whose mail goes nowhere: nobody would learn what they are asked."""
    without = [name for name, role in policy.roles.items() if not role.email]
    if without:
        asked = [name for name in without if name in ("cio", "cdpo")]
        yield Line(
            "problem" if asked else "warning",
            "roles",
            f"{joined(without)} of policy.yaml without an address: their mail goes nowhere",
            f"give {joined([f'roles.{name}.email' for name in without])}",
        )
    sample = [name for name, role in policy.roles.items() if any(_is_sample(to) for to in role.email)]
    if sample:
        said = f"{joined(sample)} of policy.yaml: a sample address"
        yield Line("warning", "roles", said, "give the City's own under roles")


def _is_sample(address: str) -> bool:
    domain = address.rpartition("@")[2].casefold()
    return domain.startswith("example.") or domain.endswith((".example", ".invalid", ".test"))


def _system(
    system: System, policy: Policy | None, store: Database | None, lake: Lake, today: date, *, reach: bool
) -> Iterator[Line]:
    pulls = Results(store).latest_pulls(system.id) if store else {}
    for name in system.feeds.names:
        about = f"{system.id} · {name}"
        lines = list(_connection(system, name, about))
        yield from lines
        if reach and all(line.verdict != "problem" for line in lines):
            yield _reached(system, name, about, today)
        if store is not None:
            yield _fresh(system, name, about, pulls.get(name), lake, policy, today)


def _connection(system: System, name: FeedName, about: str) -> Iterator[Line]:
    source = getattr(system.feeds, name).source
    if source.connection is None:
        yield Line("ok", about, "needs no connection")
        return
    try:
        found = resolve(source.connection)
    except LookupError as error:
        text = clean(str(error))
        remedy = f"define it in Airflow, or set AIRFLOW_CONN_{source.connection.upper()}"
        yield Line("problem", about, text, remedy)
        return
    yield _credentials(source, found, about)


def _credentials(source: FilesSource | SqlSource | HttpSource, found: Connection, about: str) -> Line:
    name = f"connection {source.connection}"
    match source:
        case FilesSource() if source.url.startswith("s3://"):
            if not (found.login and found.password):
                said = f"{name} has no key and secret: this machine's own identity is used"
                return Line("warning", about, said, "give it login and password, unless that is meant")
        case FilesSource():
            folder = found.extra.get("path")
            if not folder or not Path(str(folder)).is_dir():
                said = f"{name} has no folder of this machine as `path` in its extra"
                return Line("problem", about, said, "correct the path, or mount the folder here")
        case SqlSource() if found.conn_type != "sqlite" and not (found.login and found.password):
            said = f"{name} has no login and password"
            return Line("warning", about, said, "give it both, unless the server asks for none")
        case HttpSource() if not found.password and not found.extra.get("headers"):
            said = f"{name} has no password, token or headers"
            return Line("warning", about, said, "give it one, unless the service asks for none")
    return Line("ok", about, f"{name} is there")


def _reached(system: System, name: FeedName, about: str, today: date) -> Line:
    feed = getattr(system.feeds, name)
    dated = getattr(feed, "date", None) or getattr(feed, "known_on", None)
    columns = needed_columns(system, name)
    chunks = fetch(feed.source, columns=columns, since=today, date_column=dated, resolve=resolve, where=about)
    try:
        next(chunks)
    except SourceError as error:
        return Line("problem", about, clean(str(error)), "mend what the message says, and try again")
    return Line("ok", about, f"the source answers and has the {len(columns)} columns that are needed")


def _fresh(
    system: System,
    name: FeedName,
    about: str,
    pull: Pull | None,
    lake: Lake,
    policy: Policy | None,
    today: date,
) -> Line:
    """Returns how far the feed is behind its cadence and what the policy's term for silence gives."""
    if pull is None:
        return Line("warning", about, "was never pulled", f"run monitor__{system.id} in Airflow")
    if pull.status == "failed":
        said = f"the last pull, as of {pull.as_of}, failed: {clean(pull.error or '')}"
        return Line("problem", about, said, "mend what the message says; the next run pulls again")
    standing = feed_standing(system, name, pull, lake)
    ended = system.feeds.outputs is not None and system.feeds.outputs.ends is not None
    if ended or not system.operated:
        return Line("ok", about, f"historical: up to {standing.until}")
    if standing.until is None:
        return Line("warning", about, "has brought nothing yet", "ask whoever fills the source")
    silent = policy.terms.get("silent") if policy else None
    allowed = CADENCE_DAYS[standing.cadence] + (silent.limit_days if silent else 0)
    due = standing.until + timedelta(days=allowed)
    said = f"latest day {standing.until}, pulled as of {pull.as_of} ({standing.cadence})"
    if due < today:
        remedy = "see whether its runs go through, then ask whoever fills the source"
        return Line("warning", about, f"{said}: more was due by {due}", remedy)
    return Line("ok", about, said)


def counted(lines: Sequence[Line]) -> str:
    """Returns the lines of each verdict in words."""
    n = {verdict: sum(line.verdict == verdict for line in lines) for verdict in ("ok", "warning", "problem")}
    return f"{n['ok']} ok, {count(n['warning'], 'warning')}, {count(n['problem'], 'problem')}."
