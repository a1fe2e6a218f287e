"""Short messages through further channels (chat, SMS …): Apprise sends them, its URLs are a connection's.

The URLs hold secrets: they stand in no file, in no log, and in nothing that is recorded.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Iterator, Sequence

from sundial.report.delivery import once
from sundial.report.mail import RESENT_NOTE
from sundial.report.plain import clean
from sundial.sources.connection import Connection
from sundial.store.outbox import Mail, Outbox

CHANNELS_CONNECTION = "sundial_channels"
"""Airflow connection whose password is the URLs, apart by white space."""


class ChannelsFailed(RuntimeError):  # noqa: N818
    """Some channels did not take the message; the others did, and are not asked again."""


def urls_of(connection: Connection) -> Sequence[str]:
    """Returns the URLs of a connection, in its order."""
    return connection.password.split()


def tell(urls: Sequence[str], key: str, title: str, body: str, outbox: Outbox) -> None:
    """Sends a message to each channel once.

    Args:
        urls: of the channels, as Apprise has them.
        key: what it is about; sent again it is the same message.
        title: the headline.
        body: the text with its link.
        outbox: where intent and outcome are recorded, the channel by its number.

    Raises:
        ChannelsFailed: some channels did not take it; call again to try those again.
    """
    failed = []
    for number, url in enumerate(urls, 1):
        name = f"channel/{number}/{key}"
        stamp = hashlib.sha256(name.encode()).hexdigest()[:16]
        mail = Mail(name, f"<{stamp}@channel-{number}>", (f"channel {number}",), clean(title, 150))

        def attempt(again: bool, url: str = url) -> None:
            _send(url, clean(title, 150), f"{RESENT_NOTE}\n{body}" if again else body)

        if not _is_known(url):
            failed.append(f"channel {number}: no URL that Apprise knows")
            continue
        try:
            once(mail, outbox, attempt)
        except Exception as error:  # noqa: BLE001 - one channel must not silence the others
            failed.append(f"channel {number}: {type(error).__name__}")
    if failed:
        raise ChannelsFailed(
            f"{', '.join(failed)}; the URLs are the words of connection {CHANNELS_CONNECTION}'s password, in "
            "this order: look whether the address still takes messages"
        )


def _is_known(url: str) -> bool:
    import apprise

    with _silent():
        return bool(apprise.Apprise().add(url))


def _send(url: str, title: str, body: str) -> None:
    import apprise

    with _silent():
        channel = apprise.Apprise()
        channel.add(url)
        if not channel.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT):
            raise ConnectionError("the channel did not take the message")


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keeps Apprise from logging addresses."""
    logger = logging.getLogger("apprise")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
