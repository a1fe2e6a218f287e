"""Checkpoints: the heads of all chains, signed and filed apart from the store, so that rewriting it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection

from sundial.lake import Lake
from sundial.store import personal_texts
from sundial.store.canonical import canonical, digest
from sundial.store.database import Database, StoreError
from sundial.store.ledger import FIRST, Fault, Head, broken, chains, faults, hashes, heads

FOLDER = "checkpoints"

CHECKPOINTS = "CHECKPOINTS"
"""Stands for the chain in a fault of the checkpoints themselves."""


class StoreRewritten(StoreError):  # noqa: N818
    """The store is not what an earlier checkpoint says."""


@dataclass(frozen=True)
class Checkpoint:
    """Where the chains stood.

    Attributes:
        number: from 1 on.
        previous: hash of the checkpoint before, `FIRST` in the first one.
        at: when it was signed.
        heads: the last link of each chain.
        public_key: of who signed, 64 hexadecimal digits.
        signature: Ed25519 (RFC 8032) of all else as canonical JSON, 128 hexadecimal digits.
    """

    number: int
    previous: str
    at: datetime
    heads: tuple[Head, ...]
    public_key: str
    signature: str = ""

    @property
    def content(self) -> str:
        """What is signed."""
        return canonical(
            {
                "number": self.number,
                "previous": self.previous,
                "at": self.at.isoformat(),
                "heads": [[head.chain, head.number, head.hash] for head in self.heads],
                "public_key": self.public_key,
            }
        )

    @property
    def hash(self) -> str:
        """What the next one names as `previous`."""
        return digest(self.content)


@dataclass(frozen=True)
class Unprotected:
    """Links of a chain, from `first` to `last`, that no checkpoint vouches for yet."""

    chain: str
    first: int
    last: int


@dataclass(frozen=True)
class Verified:
    """What verifying found: faults, none if all is well, and how far the checkpoints reach."""

    links: int
    checkpoints: int
    last_checkpoint: datetime | None
    faults: tuple[Fault, ...]
    unprotected: tuple[Unprotected, ...]


def new_key() -> tuple[str, str]:
    """Returns a new private key and its public key, 64 hexadecimal digits each."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes_raw().hex(), public_half(key)


def private_key(text: str) -> Ed25519PrivateKey:
    """Returns the key of 64 hexadecimal digits. Raises ValueError: it has not that many."""
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
    except ValueError:
        raise ValueError(
            "the private key of the checkpoints is not 64 hexadecimal digits; "
            "`sundial checkpoint-key` makes one"
        ) from None


def public_half(key: Ed25519PrivateKey) -> str:
    """Returns the public key in hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def sign(database: Database, place: Lake, key: Ed25519PrivateKey) -> Checkpoint:
    """Files where the chains stand now; where nothing came since, the last checkpoint stands for it.

    Args:
        database: the store.
        place: apart from store and lake; what lies there already is never changed.
        key: that signs.

    Raises:
        StoreRewritten: a chain does not go on from where the last checkpoint has it. Nothing is filed: a new
            checkpoint would vouch for what was rewritten.
    """
    last, _ = _read(place, None)
    before = last[-1] if last else None
    with database.write(FOLDER) as connection:  # nothing is written, but nobody else signs meanwhile
        if wrong := [*_contradictions(connection, last[-1:]), *_broken_links(connection, before)]:
            raise StoreRewritten(
                f"no checkpoint was signed: chain {wrong[0].chain}, link {wrong[0].number}: {wrong[0].what}; "
                "run `sundial verify`"
            )
        now = heads(connection)
        if before is not None and before.heads == now:
            return before
        made = Checkpoint(
            number=before.number + 1 if before else 1,
            previous=before.hash if before else FIRST,
            at=datetime.now(UTC),
            heads=now,
            public_key=public_half(key),
        )
        signed = replace(made, signature=key.sign(made.content.encode()).hex())
        text = canonical({**json.loads(signed.content), "signature": signed.signature})
        place.put(_path(signed.number), text.encode())
    return signed


def latest(place: Lake, public_keys: Iterable[str]) -> tuple[Checkpoint | None, Fault | None]:
    """Returns the last checkpoint and what is wrong with it alone; `verify` looks at all of them."""
    paths = place.list(FOLDER)
    if not paths:
        return None, None
    try:
        found = _parsed(place.get(paths[-1]))
    except (ValueError, KeyError, TypeError):
        return None, Fault(CHECKPOINTS, None, f"{paths[-1]} is no checkpoint: it was changed")
    what = _distrust(found, found.number, found.previous, frozenset(public_keys))
    return found, Fault(CHECKPOINTS, found.number, f"{paths[-1]}: {what}") if what else None


def unprotected(now: Sequence[Head], last: Checkpoint | None) -> tuple[Unprotected, ...]:
    """Returns the links that came after a checkpoint, by chain; all of them where there is none."""
    protected = {head.chain: head.number for head in (last.heads if last else ())}
    return tuple(
        Unprotected(head.chain, protected.get(head.chain, 0) + 1, head.number)
        for head in now
        if head.number > protected.get(head.chain, 0)
    )


def verify(
    database: Database,
    place: Lake | None,
    public_keys: Iterable[str],
    at_each: Callable[[str], None] | None = None,
) -> Verified:
    """Walks all chains and holds them against the checkpoints.

    Args:
        database: the store.
        place: where the checkpoints lie; None to walk the chains alone.
        public_keys: those whose signatures count.
        at_each: is told each chain before it is walked; what it raises ends the walk.
    """
    known, wrong = _read(place, frozenset(public_keys)) if place is not None else ((), ())
    found = list(wrong)
    with database.read() as connection:
        for chain in chains(connection):
            if at_each is not None:
                at_each(chain)
            found += faults(connection, chain)
        found += personal_texts.faults(connection)
        found += _contradictions(connection, known)
        now = heads(connection)
    return Verified(
        links=sum(head.number for head in now),
        checkpoints=len(known),
        last_checkpoint=known[-1].at if known else None,
        faults=tuple(found),
        unprotected=unprotected(now, known[-1] if known else None),
    )


def _contradictions(connection: Connection, known: Sequence[Checkpoint]) -> list[Fault]:
    """Returns, for each chain, the first checkpoint that the store does not bear out."""
    there: dict[str, Mapping[int, str]] = {}
    found: dict[str, Fault] = {}
    for checkpoint in known:
        for head in checkpoint.heads:
            if head.chain in found:
                continue
            if head.chain not in there:
                there[head.chain] = hashes(connection, head.chain)
            of_chain = there[head.chain]
            if of_chain.get(head.number) == head.hash:
                continue
            seen = f"checkpoint {checkpoint.number} of {checkpoint.at:%Y-%m-%d %H:%M} UTC"
            what = (
                f"the chain ends at link {max(of_chain, default=0)}, but {seen} has seen {head.number}: "
                "the tail is gone, or an older database was restored"
                if head.number not in of_chain
                else f"it is not the link that {seen} has seen: the store was rewritten"
            )
            found[head.chain] = Fault(head.chain, head.number, what)
    return list(found.values())


def _broken_links(connection: Connection, since: Checkpoint | None) -> list[Fault]:
    trusted = {head.chain: head for head in (since.heads if since else ())}
    found = [broken(connection, chain, trusted.get(chain)) for chain in chains(connection)]
    return [fault for fault in found if fault is not None]


def _read(
    place: Lake, public_keys: frozenset[str] | None
) -> tuple[tuple[Checkpoint, ...], tuple[Fault, ...]]:
    """Returns the checkpoints that can be trusted, and what is wrong with others; with None all are read."""
    good: list[Checkpoint] = []
    wrong: list[Fault] = []
    previous, number = FIRST, 0
    for path in place.list(FOLDER):
        try:
            found = _parsed(place.get(path))
        except (ValueError, KeyError, TypeError):
            wrong.append(Fault(CHECKPOINTS, None, f"{path} is no checkpoint: it was changed"))
            continue
        if what := _distrust(found, number + 1, previous, public_keys):
            wrong.append(Fault(CHECKPOINTS, found.number, f"{path}: {what}"))
        else:
            good.append(found)
        previous, number = found.hash, found.number
    return tuple(good), tuple(wrong)


def _distrust(
    found: Checkpoint, number: int, previous: str, public_keys: frozenset[str] | None
) -> str | None:
    if public_keys is not None and found.public_key not in public_keys:
        return f"signed with key {found.public_key[:16]}…, which is none of the trusted ones"
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.public_key))
        key.verify(bytes.fromhex(found.signature), found.content.encode())
    except (InvalidSignature, ValueError):
        return "its signature does not fit its content: it was changed"
    if found.number != number:
        return f"checkpoint {number} is missing before it"
    return None if found.previous == previous else "does not follow the checkpoint before it"


def _parsed(text: bytes) -> Checkpoint:
    content: dict[str, Any] = json.loads(text)
    return Checkpoint(
        number=int(content["number"]),
        previous=str(content["previous"]),
        at=datetime.fromisoformat(content["at"]),
        heads=tuple(Head(*head) for head in content["heads"]),
        public_key=str(content["public_key"]),
        signature=str(content["signature"]),
    )


def _path(number: int) -> str:
    return f"{FOLDER}/{number:08d}.json"
