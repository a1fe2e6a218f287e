"""Further channels for headlines: Apprise's URLs come from Airflow's connection `sundial_channels`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sundial.airflow.connections import resolve

if TYPE_CHECKING:
    from sundial.store.outbox import Outbox

_log = logging.getLogger(__name__)


def tell_channels(key: str, title: str, link: str, outbox: Outbox) -> None:
    """Sends a headline with a link to every channel, once; without the connection there are none.

    Raises:
        ChannelsFailed: some channels did not take it.
    """
    from sundial.report.channels import CHANNELS_CONNECTION, tell, urls_of

    try:
        urls = urls_of(resolve(CHANNELS_CONNECTION))
    except LookupError:
        _log.info("No connection %s: there are no further channels.", CHANNELS_CONNECTION)
        return
    tell(urls, key, title, f"{title}\n{link}", outbox)
