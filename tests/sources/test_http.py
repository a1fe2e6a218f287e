from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from source_helpers import WHERE, ask

from sundial.register.source import HttpSource
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceBroken, SourceRefused, SourceUnreachable

RECORDS = [{"id": number, "day": f"2013-01-{number:02}"} for number in range(1, 8)]
Answer = tuple[int, dict[str, str], Any]
Seen = dict[str, Any]


class Service:
    """A real web service whose answers a test decides, request by request."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.answer: Callable[[Seen], Answer] = lambda seen: (200, {}, [])
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                seen = {"path": address.path, "headers": dict(self.headers), **dict(parse_qsl(address.query))}
                service.requests.append(seen)
                status, headers, body = service.answer(seen)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # who asked has left
                    self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    try:
        yield running
    finally:
        running.close()


def at(service: Service, **settings: Any) -> Connection:
    return Connection("http", **{"host": "127.0.0.1", "schema": "http", "port": service.port, **settings})


def records(**settings: Any) -> HttpSource:
    return HttpSource.model_validate({"kind": "http", "connection": "it", "path": "/v1/outputs", **settings})


class TestPaging:
    def test_one_answer_may_hold_everything_below_a_dotted_path(self, service: Service) -> None:
        service.answer = lambda seen: (200, {}, {"data": {"items": RECORDS}})
        table = ask(records(records="data.items"), ["day", "id"], connection=at(service))
        assert table["id"].to_pylist() == [1, 2, 3, 4, 5, 6, 7]

    @pytest.mark.parametrize("size", [None, 3])
    def test_pages_by_number_end_at_a_short_or_an_empty_one(self, service: Service, size: int | None) -> None:
        service.answer = lambda seen: (200, {}, RECORDS[int(seen["p"]) * 3 :][:3])
        paging = {"kind": "page", "param": "p", "start": 0, "size": size}
        assert ask(records(paging=paging), ["id"], connection=at(service)).num_rows == 7
        assert len(service.requests) == (3 if size else 4)

    def test_a_page_that_is_not_there_is_the_end_too(self, service: Service) -> None:
        service.answer = lambda seen: (
            (200, {}, RECORDS) if seen["p"] == "1" else (404, {}, {"detail": "no page"})
        )
        paging = {"kind": "page", "param": "p", "size_param": "n", "size": 7}
        assert ask(records(paging=paging), ["id"], connection=at(service)).num_rows == 7
        assert service.requests[0]["n"] == "7"

    def test_a_service_that_gives_fewer_a_page_than_asked_is_not_mistaken_for_its_end(
        self, service: Service
    ) -> None:
        service.answer = lambda seen: (200, {}, RECORDS[(int(seen["p"]) - 1) * 3 :][:3])
        paging = {"kind": "page", "param": "p", "size_param": "n", "size": 500}
        with pytest.raises(SourceBroken, match="pages hold 3 records though 500 were expected"):
            ask(records(paging=paging), ["id"], connection=at(service))

    def test_a_service_that_ignores_the_page_number_is_noticed(self, service: Service) -> None:
        service.answer = lambda seen: (200, {}, RECORDS)
        with pytest.raises(SourceBroken, match="every page is the same"):
            ask(records(paging={"kind": "page", "param": "p"}), ["id"], connection=at(service))

    def test_next_links_are_followed_in_the_body_or_the_header(self, service: Service) -> None:
        def answer(seen: Seen) -> Answer:
            start = int(seen.get("from", 0))
            link = f"/v1/outputs?from={start + 3}" if start + 3 < 7 else None
            header = {"Link": f'<{link}>; rel="next"'} if link else {}
            return 200, header, {"items": RECORDS[start : start + 3], "links": {"next": link}}

        service.answer = answer
        for field in ("links.next", ""):
            source = records(records="items", paging={"kind": "next_link", "field": field})
            assert ask(source, ["id"], connection=at(service)).num_rows == 7

    @pytest.mark.parametrize(
        "link",
        [
            "http://localhost:{port}/x",
            "http://127.0.0.1:9/x",
            "https://127.0.0.1:{port}/x",
            "//other.example/x",
        ],
    )
    def test_a_next_link_to_another_host_is_not_followed(self, service: Service, link: str) -> None:
        service.answer = lambda seen: (200, {}, {"items": RECORDS, "next": link.format(port=service.port)})
        source = records(records="items", paging={"kind": "next_link", "field": "next"})
        with pytest.raises(SourceBroken, match=r"leads away from 127\.0\.0\.1"):
            ask(source, ["id"], connection=at(service, password="token"))
        assert len(service.requests) == 1

    def test_a_next_link_in_a_circle_is_noticed(self, service: Service) -> None:
        service.answer = lambda seen: (200, {}, {"items": RECORDS, "next": "/v1/outputs"})
        source = records(records="items", paging={"kind": "next_link", "field": "next"})
        with pytest.raises(SourceBroken, match="comes back"):
            ask(source, ["id"], connection=at(service))

    def test_cursors_are_followed(self, service: Service) -> None:
        def answer(seen: Seen) -> Answer:
            start = int(seen.get("after", 0))
            return (
                200,
                {},
                {"items": RECORDS[start : start + 4], "meta": {"next": start + 4 if start < 4 else None}},
            )

        service.answer = answer
        paging = {"kind": "cursor", "param": "after", "field": "meta.next"}
        assert ask(records(records="items", paging=paging), ["id"], connection=at(service)).num_rows == 7


class TestBound:
    def test_the_date_goes_into_the_query_beside_what_is_there(self, service: Service) -> None:
        service.answer = lambda seen: (200, {}, [r for r in RECORDS if r["day"] >= seen["from"]])
        source = records(path="/v1/outputs?kind=score", since_param="from")
        table = ask(source, ["id"], since=date(2013, 1, 6), by="day", connection=at(service))
        assert table["id"].to_pylist() == [6, 7]
        assert (service.requests[0]["kind"], service.requests[0]["from"]) == ("score", "2013-01-06")

    def test_it_is_applied_to_what_comes_when_the_service_has_no_such_parameter(
        self, service: Service
    ) -> None:
        service.answer = lambda seen: (200, {}, RECORDS)
        table = ask(records(), ["id"], since=date(2013, 1, 6), by="day", connection=at(service))
        assert table["id"].to_pylist() == [6, 7]

    def test_no_new_records_are_a_table_without_rows(self, service: Service) -> None:
        assert ask(records(), ["id"], connection=at(service)).num_rows == 0


class TestCredentials:
    def test_a_password_alone_is_a_bearer_token(self, service: Service) -> None:
        ask(records(), ["id"], connection=at(service, password="t0ken", extra={"headers": {"X-City": "LB"}}))
        headers = service.requests[0]["headers"]
        assert (headers["Authorization"], headers["X-City"]) == ("Bearer t0ken", "LB")

    def test_a_login_makes_it_basic(self, service: Service) -> None:
        ask(records(), ["id"], connection=at(service, login="sundial", password="pw"))
        assert service.requests[0]["headers"]["Authorization"] == "Basic c3VuZGlhbDpwdw=="

    @pytest.mark.parametrize("status", [401, 403])
    def test_refused_credentials_are_not_tried_again_and_not_shown(
        self, service: Service, status: int
    ) -> None:
        service.answer = lambda seen: (status, {}, {})
        with pytest.raises(SourceRefused, match=f"status {status}") as raised:
            ask(records(), ["id"], connection=at(service, password="t0ken"))
        assert "t0ken" not in str(raised.value)
        assert len(service.requests) == 1

    def test_a_base_path_and_scheme_may_stand_in_the_host(self, service: Service) -> None:
        ask(records(), ["id"], connection=Connection("http", host=f"http://127.0.0.1:{service.port}/api/"))
        assert service.requests[0]["path"] == "/api/v1/outputs"

    @pytest.mark.parametrize("host", ["", "ftp://x", "http://user:pw@x", "http://x:port"])
    def test_a_connection_without_a_web_address_is_refused(self, service: Service, host: str) -> None:
        with pytest.raises(SourceBroken, match="no web address") as raised:
            ask(records(), ["id"], connection=Connection("http", host=host))
        assert "pw" not in str(raised.value)


class TestFailures:
    @pytest.mark.parametrize("status", [500, 503, 429])
    def test_a_passing_failure_is_tried_again(self, service: Service, status: int) -> None:
        service.answer = lambda seen: (status, {}, {}) if len(service.requests) < 2 else (200, {}, RECORDS)
        assert ask(records(), ["id"], connection=at(service)).num_rows == 7

    def test_a_service_that_asks_to_wait_is_given_the_time(self, service: Service) -> None:
        service.answer = lambda seen: (
            (429, {"Retry-After": "1"}, {}) if len(service.requests) < 2 else (200, {}, RECORDS)
        )
        started = time.monotonic()
        ask(records(), ["id"], connection=at(service))
        assert time.monotonic() - started >= 1

    def test_a_lasting_failure_is_unreachable_after_three_tries(self, service: Service) -> None:
        service.answer = lambda seen: (500, {}, b"secret row 42")
        with pytest.raises(SourceUnreachable, match=r"status 500.*3 tries") as raised:
            ask(records(), ["id"], connection=at(service))
        assert str(raised.value).startswith(WHERE)
        assert "42" not in str(raised.value)
        assert len(service.requests) == 3

    def test_nobody_listening_is_unreachable(self, service: Service) -> None:
        with pytest.raises(ConnectionError, match="does not answer"):
            ask(records(), ["id"], connection=at(service, port=9))

    def test_a_service_that_hangs_is_unreachable(self, service: Service) -> None:
        release = threading.Event()
        service.answer = lambda seen: (release.wait(10), (200, {}, []))[1]
        try:
            with pytest.raises(SourceUnreachable, match="ReadTimeout"):
                ask(records(timeout_seconds=0.2), ["id"], connection=at(service))
        finally:
            release.set()

    @pytest.mark.parametrize(
        ("status", "headers", "body", "message"),
        [
            (200, {}, b'[{"id": 1', "no JSON"),
            (200, {"Content-Type": "text/html"}, b"<html>Log in</html>", r"no JSON \(text/html, 19 bytes\)"),
            (200, {}, b"[" * 100_000, "no JSON"),
            (200, {}, {"items": []}, "no list of records as the answer's body"),
            (200, {}, [1, 2], "a record is no JSON object"),
            (200, {"Content-Encoding": "gzip"}, b"not gzip", "cannot be decoded"),
            (200, {}, [{"name": "x"}], "has no column id; it has name"),
            (302, {"Location": "http://other.example/"}, {}, "status 302"),
            (404, {}, {}, "status 404"),
        ],
    )
    def test_an_answer_that_is_not_the_feed_is_said_once(
        self, service: Service, status: int, headers: dict[str, str], body: Any, message: str
    ) -> None:
        service.answer = lambda seen: (status, headers, body)
        with pytest.raises(SourceBroken, match=message):
            ask(records(), ["id"], connection=at(service))
        assert len(service.requests) == 1
