"""Headlines through Apprise, to a real HTTP server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat_server import SECRET, Chat

from sundial.report.channels import ChannelsFailed, tell, urls_of
from sundial.report.mail import RESENT_NOTE
from sundial.sources.connection import Connection
from sundial.store.outbox import Outbox

KEY, TITLE, LINK = "report/2016-W51", "AI health 2016-W51: 1 with a breach", "https://airflow.city.example"


@pytest.fixture
def chats() -> Iterator[list[Chat]]:
    made = [Chat(), Chat()]
    yield made
    for chat in made:
        chat.shutdown()
        chat.server_close()


def test_each_channel_is_told_once(chats: list[Chat], outbox: Outbox) -> None:
    urls = urls_of(Connection("generic", password=f"{chats[0].url}\n{chats[1].url}\n"))
    for _ in range(2):
        tell(urls, KEY, TITLE, f"{TITLE}\n{LINK}", outbox)
    for chat in chats:
        assert [(one["title"], one["message"]) for one in chat.taken] == [(TITLE, f"{TITLE}\n{LINK}")]


def test_one_that_fails_silences_no_other_and_gets_it_once_more_with_a_word(
    chats: list[Chat], outbox: Outbox
) -> None:
    chats[0].answer = 500
    urls = [chat.url for chat in chats]
    with pytest.raises(ChannelsFailed, match="channel 1: ConnectionError"):
        tell(urls, KEY, TITLE, LINK, outbox)
    chats[0].answer = 200
    tell(urls, KEY, TITLE, LINK, outbox)
    assert [one["message"].partition("\n")[0] for one in chats[0].taken] == [LINK, RESENT_NOTE]
    assert len(chats[1].taken) == 1


def test_no_address_is_told_recorded_or_logged(
    chats: list[Chat], outbox: Outbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    chats[0].answer = 403
    with pytest.raises(ChannelsFailed) as failed:
        tell([chats[0].url, f"nonsense://{SECRET}"], KEY, TITLE, LINK, outbox)
    assert "channel 2: no URL that Apprise knows" in str(failed.value)
    recorded = repr([outbox.pending(), outbox.tries(f"channel/1/{KEY}")])
    assert SECRET not in str(failed.value) + recorded + caplog.text + "".join(capfd.readouterr())
