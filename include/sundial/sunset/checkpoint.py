"""Where checkpoints go and who signs them: from the connection `sundial_checkpoints`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sundial.lake import Lake
from sundial.sources.connection import Connection
from sundial.store.checkpoints import private_key, public_half

CONNECTION = "sundial_checkpoints"

_REMEDY = (
    f"define the connection {CONNECTION}: type generic, as password the private key that "
    '`sundial checkpoint-key` makes, as extra {"url": "a folder apart from store and lake"}'
)


class NoCheckpoints(LookupError):  # noqa: N818
    """Nothing says where checkpoints go, or who signs them; the message has the remedy."""


@dataclass(frozen=True)
class Signer:
    """Who signs checkpoints, where they are filed, and whose signatures count."""

    key: Ed25519PrivateKey
    place: Lake
    public_keys: tuple[str, ...]


def signer(resolve: Callable[[str], Connection]) -> Signer:
    """Returns the signer of the connection.

    Its extra has `url`, and may have `storage_options` of the place and `public_keys`, those of earlier keys.

    Raises:
        NoCheckpoints: there is no connection, or something is missing or wrong in it.
    """
    try:
        found = resolve(CONNECTION)
    except LookupError:
        raise NoCheckpoints(f"there is no connection {CONNECTION}; {_REMEDY}") from None
    url = found.extra.get("url")
    if not found.password or not url:
        missing = "url in its extra" if found.password else "password"
        raise NoCheckpoints(f"connection {CONNECTION} has no {missing}; {_REMEDY}")
    try:
        key = private_key(found.password)
        place = Lake(str(url), found.extra.get("storage_options"))
    except (ValueError, TypeError) as error:
        raise NoCheckpoints(f"connection {CONNECTION}: {error}; {_REMEDY}") from None
    earlier = found.extra.get("public_keys") or ()
    return Signer(key, place, (public_half(key), *map(str, earlier)))
