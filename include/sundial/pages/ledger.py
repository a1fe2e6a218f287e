"""The state of the ledger: its chains, what checkpoints protect, and a walk through all of it on request."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from sundial.pages.frame import Visit, Visiting
from sundial.pages.site import PageError
from sundial.store.checkpoints import Checkpoint, Verified, latest, unprotected, verify
from sundial.store.ledger import CITY, Fault, Head, heads
from sundial.store.outbox import Mail, Outbox
from sundial.store.results import Results
from sundial.sunset.checkpoint import NoCheckpoints, Signer, signer

router = APIRouter(prefix="/ledger")

MAY_VERIFY = frozenset({"operator", "cdpo", "cio"})
LONGEST = 60.0
"""Seconds after which a walk ends; a command has no such limit."""

_WALKING = Lock()


class OverTime(Exception):  # noqa: N818
    """The walk took too long; the message names the chain that was not walked any more."""


@dataclass(frozen=True)
class Chain:
    """One chain: its last link, and the links that no checkpoint protects yet, in words."""

    head: Head
    name: str
    link: str
    open: str


@dataclass(frozen=True)
class Walked:
    """What a walk through the ledger found.

    Attributes:
        found: all of it; None where it took too long.
        stopped_at: the chain that was not walked any more.
        faults: those of chains that the visitor may see.
        hidden: how many faults are of others.
    """

    at: datetime
    by: str
    found: Verified | None
    stopped_at: str
    faults: tuple[Fault, ...]
    hidden: int
    without_checkpoints: bool


@router.get("/", response_class=HTMLResponse)
def ledger(visit: Visiting) -> HTMLResponse:
    """The state of the ledger; nothing is walked."""
    return _page(visit, None)


@router.post("/verify", response_class=HTMLResponse)
def walk(request: Request, visit: Visiting) -> HTMLResponse:
    """Walks the whole ledger now, for at most `LONGEST` seconds, and shows what it found."""
    if not _is_own(request):
        raise PageError(403, "This came from another site", "Press the button on the page of the ledger.")
    if not visit.visitor.roles & MAY_VERIFY:
        raise PageError(
            403,
            "You may not verify here",
            "It is for operators, CDPO and CIO; `sundial verify` does the same.",
        )
    if not _WALKING.acquire(blocking=False):
        raise PageError(409, "Somebody verifies already", "Wait a minute, then press the button again.")
    try:
        walked = _walk(visit)
    finally:
        _WALKING.release()
    return _page(visit, walked)


def _is_own(request: Request) -> bool:
    """Returns whether a form of these pages sent the request: browsers say where it comes from."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host") != ""


def _walk(visit: Visit) -> Walked:
    known, _ = _signer(visit)
    until = time.monotonic() + LONGEST

    def in_time(chain: str) -> None:
        if time.monotonic() > until:
            raise OverTime(chain)

    at, name = datetime.now(UTC), visit.visitor.name
    place, keys = (known.place, known.public_keys) if known else (None, ())
    try:
        found = verify(visit.city.store, place, keys, in_time)
    except OverTime as over:
        return Walked(at, name, None, str(over), (), 0, known is None)
    seen = tuple(fault for fault in found.faults if _is_theirs(visit, fault.chain))
    return Walked(at, name, found, "", seen, len(found.faults) - len(seen), known is None)


def _page(visit: Visit, walked: Walked | None) -> HTMLResponse:
    store = visit.city.store
    known, missing = _signer(visit)
    last, wrong = latest(known.place, known.public_keys) if known else (None, None)
    with store.read() as connection:
        now = heads(connection)
    waiting = Outbox(store).pending()
    pending = [mail for mail in waiting if _may_read(visit, mail)]
    trusted = last if wrong is None else None
    chains = _chains(visit, now, trusted)
    return visit.page(
        "ledger.html.j2",
        chains=chains,
        links=sum(chain.head.number for chain in chains),
        open=sum(chain.open != "" for chain in chains),
        last=last,
        wrong=wrong,
        missing=missing,
        walked=walked,
        may_verify=bool(visit.visitor.roles & MAY_VERIFY),
        longest=LONGEST,
        reports=Results(store).reports()[::-1],
        pending=pending,
        waiting=len(waiting),
    )


def _signer(visit: Visit) -> tuple[Signer | None, str]:
    """Returns who signs checkpoints, or why nobody does."""
    try:
        return signer(visit.site.connection), ""
    except NoCheckpoints as error:
        return None, str(error)


def _is_theirs(visit: Visit, chain: str) -> bool:
    return not chain.islower() or visit.visitor.may_see(chain)


def _may_read(visit: Visit, mail: Mail) -> bool:
    """Returns whether a mail's subject may be read: many name a system; an incident's is not looked up."""
    about, _, rest = mail.key.partition("/")
    if not visit.visitor.roles & MAY_VERIFY or about == "incident":
        return False
    if about not in ("question", "sunset"):
        return True
    case = rest.partition("/")[0]  # called <system>-<year>-<number>
    return visit.visitor.may_see(case.rsplit("-", 2)[0])


def _chains(visit: Visit, now: tuple[Head, ...], last: Checkpoint | None) -> list[Chain]:
    spans = {one.chain: one for one in unprotected(now, last)}
    systems = visit.systems
    shown = []
    for head in now:
        if not _is_theirs(visit, head.chain):
            continue
        span, system = spans.get(head.chain), systems.get(head.chain)
        links = "" if span is None else f"{span.first:,} to {span.last:,}"
        if span is not None and span.first == span.last:
            links = f"{span.first:,}"
        name = "The City" if head.chain == CITY else system.name if system else head.chain
        shown.append(Chain(head, name, f"{visit.base}/systems/{head.chain}" if system else "", links))
    return shown
