from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tls import Site, answering, certificate, open_site
from towns import POLICY, entry

from sundial.engine.run import Run
from sundial.lake import Lake
from sundial.register.models import Policy, System
from sundial.sources import notice
from sundial.sources.learnt import Learnt, Probe
from sundial.sources.notice import LARGEST_BYTES, probe
from sundial.sources.pull import Clock
from sundial.store.database import Database

LISTED = ("localhost", "127.0.0.1", "::1")
DAY = "2026-11-01"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    yield from open_site()


def ask(site: Site, path: str = "/ai", *, host: str = "localhost", hosts: tuple[str, ...] = LISTED) -> Probe:
    return probe(f"https://{host}:{site.port}{path}", hosts, DAY)


def test_a_page_that_comes_is_reachable_and_nothing_of_it_is_kept(site: Site) -> None:
    found = ask(site)
    assert found == Probe(DAY, f"https://localhost:{site.port}/ai", asked=True, status=200)
    assert found.reachable
    assert site.asked == [("/ai", f"localhost:{site.port}")]


@pytest.mark.parametrize("status", [204, 403, 404, 410, 500, 503])
def test_another_status_is_no_page(site: Site, status: int) -> None:
    site.answer = answering(status, b"")
    found = ask(site)
    assert (found.status, found.reachable, found.asked) == (status, False, True)


def test_only_https_is_asked(site: Site) -> None:
    found = probe(f"http://localhost:{site.port}/ai", LISTED, DAY)
    assert not found.asked
    assert "is not https" in str(found.problem)
    assert site.asked == []


def test_only_hosts_of_the_policy_are_asked(site: Site) -> None:
    found = ask(site, hosts=("www.city.gov", "127.0.0.1"))
    assert not found.asked
    assert found.problem == "localhost is none of the policy's notice_hosts; list it there"
    assert site.asked == []


def test_a_private_address_is_asked_only_where_it_is_listed_itself(site: Site) -> None:
    found = ask(site, hosts=("localhost",))
    assert not found.asked
    assert "private address" in str(found.problem)
    assert site.asked == []
    assert ask(site, host="127.0.0.1", hosts=("127.0.0.1",)).reachable


WITHIN = ("10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "127.0.0.1")
WITHIN_6 = ("::1", "fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0", "fec0::1", "ff02::1")
TRANSLATED = ("64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:a00:1::1", "::10.0.0.1")
"""IPv6 addresses by which a translator or a tunnel leads to an IPv4 address within."""


@pytest.mark.parametrize("address", [*WITHIN, *WITHIN_6, *TRANSLATED, "::ffff:0:10.0.0.1"])
def test_addresses_within_are_not_public(address: str) -> None:
    assert not notice._is_public(address)


def test_addresses_outside_are_public() -> None:
    assert notice._is_public("8.8.8.8")
    assert notice._is_public("2606:4700:4700::1111")
    assert notice._is_public("64:ff9b::8.8.8.8")


def test_an_address_with_credentials_is_refused(site: Site) -> None:
    found = probe(f"https://ann:secret@localhost:{site.port}/", LISTED, DAY)
    assert not found.asked
    assert "secret" not in str(found.problem)


def test_a_redirect_within_the_listed_hosts_is_followed(site: Site) -> None:
    def moved(request: BaseHTTPRequestHandler) -> None:
        there = request.path == "/there"
        answering(200 if there else 301, b"", **({} if there else {"Location": "/there"}))(request)

    site.answer = moved
    assert ask(site).reachable
    assert [path for path, _ in site.asked] == ["/ai", "/there"]


@pytest.mark.parametrize(
    "to", ["https://elsewhere.example/", "http://localhost/", "https://169.254.169.254/"]
)
def test_a_redirect_to_another_host_is_not_followed(site: Site, to: str) -> None:
    site.answer = answering(302, b"", Location=to)
    found = ask(site)
    assert not found.asked
    assert len(site.asked) == 1


@pytest.mark.parametrize("to", ["https://xn--/", "https://localhost:abc/", "https://[::1", "\xff\xfe"])
def test_a_redirect_to_what_is_no_address_is_an_answer_as_any_other(site: Site, to: str) -> None:
    site.answer = answering(302, b"", Location=to)
    found = ask(site)
    assert not found.reachable
    assert found.problem


def test_redirects_in_a_circle_end(site: Site) -> None:
    site.answer = answering(302, b"", Location="/ai")
    found = ask(site)
    assert found.asked
    assert found.problem == "it redirects more than 5 times"
    assert len(site.asked) == 6


def test_a_large_page_is_not_read_to_its_end(site: Site) -> None:
    sent = 0

    def endless(request: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        request.send_response(200)
        request.end_headers()
        for _ in range(1_000):
            sent += request.wfile.write(bytes(1 << 16))

    site.answer = endless
    assert ask(site).reachable
    assert sent < 8 * LARGEST_BYTES


def test_a_page_whose_headers_drip_is_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice, "SECONDS", 0.4)

    def dripping(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(40):
            request.wfile.write(b"X")
            time.sleep(0.1)

    site.answer = dripping
    begun = time.monotonic()
    found = ask(site)
    assert found.problem == "it takes longer than 0.4 seconds"
    assert time.monotonic() - begun < 2


def test_a_name_that_resolves_slowly_is_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice, "SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_of, **_more: time.sleep(2))
    begun = time.monotonic()
    assert ask(site).problem == "it takes longer than 0.2 seconds"
    assert time.monotonic() - begun < 1


def test_a_slow_page_is_left(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice, "SECONDS", 0.4)

    def dripping(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(40):
            request.wfile.write(b".")
            time.sleep(0.1)

    site.answer = dripping
    begun = time.monotonic()
    found = ask(site)
    assert found.asked
    assert found.problem == "it takes longer than 0.4 seconds"
    assert time.monotonic() - begun < 2


def test_an_unknown_certificate_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert ask(site).problem == "its certificate is not valid"
    assert site.asked == []


def test_nobody_listening_and_no_such_name_are_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
        found = probe(f"https://127.0.0.1:{free}/", LISTED, DAY)
    assert (found.asked, found.problem) == (True, "it does not answer (ConnectError)")
    gone = probe("https://no-such-host.invalid/", ("no-such-host.invalid",), DAY)
    assert (gone.asked, gone.problem) == (True, "the name no-such-host.invalid cannot be resolved")


def run(folder: Path, page: str, *, today: date = date(2026, 11, 2), **changes: object) -> Run:
    """The pull of a system without feeds, as of the day before."""
    listed = {"hosts": LISTED, "approved_by": "Test", "approved_on": "2026-01-01"}
    policy = Policy.model_validate({**POLICY.model_dump(mode="json"), "notice_hosts": listed})
    changes = {"feeds": {}, "groups": None, "notice_page": page, **changes}
    system = System.model_validate({**entry(folder), **changes})
    database = Database(f"sqlite:///{folder / 'store.db'}")
    database.migrate()
    clock = Clock(date(2026, 11, 1), today)
    return Run(system, policy, clock, Lake(str(folder / "lake")), database, {}.__getitem__, "test")


def seen_by(one: Run) -> Probe | None:
    return Learnt(one.lake, one.system.id).page_on(one.clock.as_of)


def test_the_pull_keeps_what_it_saw_and_asks_again_until_the_page_came(site: Site, tmp_path: Path) -> None:
    one = run(tmp_path, f"https://localhost:{site.port}/ai")
    site.answer = answering(503)
    one.pull()
    assert (seen := seen_by(one)) is not None
    assert (seen.status, seen.day) == (503, "2026-11-01")
    site.answer = answering(200)
    one.pull()
    one.pull()
    assert (seen := seen_by(one)) is not None
    assert seen.reachable
    assert len(site.asked) == 2


def test_a_page_that_cannot_be_asked_fails_no_pull(tmp_path: Path) -> None:
    one = run(tmp_path, "https://not-listed.example/ai")
    assert one.pull() == {}
    assert (seen := seen_by(one)) is not None
    assert not seen.asked


def test_nobody_looks_for_a_week_long_past_or_for_historical_data(site: Site, tmp_path: Path) -> None:
    page = f"https://localhost:{site.port}/ai"
    run(tmp_path, page, today=date(2026, 12, 1)).pull()
    run(tmp_path, page, operated=False).pull()
    assert site.asked == []
