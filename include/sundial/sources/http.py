"""Web services that give records as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pyarrow as pa
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from sundial.register.source import Cursor, HttpSource, NextLink, PageNumber
from sundial.sources.chunks import CommonTypes, settle
from sundial.sources.connection import Connection
from sundial.sources.errors import SourceBroken, SourceRefused, SourceUnreachable
from sundial.sources.records import tables_of
from sundial.sources.wanted import Wanted

_TRIES = 3
_LONGEST_WAIT_SECONDS = 30.0
_LARGEST_ANSWER_BYTES = 256 << 20
_BUSY = {httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS}
_NO_CREDENTIALS = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}

_backoff = wait_exponential(multiplier=0.5, max=_LONGEST_WAIT_SECONDS)


class _NotNow(SourceUnreachable):
    """One try that failed; `wait` is what the service asks for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class _Answer:
    """One page: its address, its headers' next link and its body."""

    def __init__(self, url: httpx.URL, linked: str | None, body: Any) -> None:
        self.url = url
        self.linked = linked
        self.body = body

    def at(self, path: str) -> Any:
        """The value at a dotted path of the body; None when there is none."""
        value = self.body
        for name in path.split(".") if path else ():
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


def read_http(source: HttpSource, connection: Connection, wanted: Wanted) -> Iterator[pa.Table]:
    """The wanted fields of all records, with the same types throughout.

    Args:
        source: which records, and how they are paged.
        connection: address and credentials: bearer with a password only, basic with a login.
        wanted: what to read; its bound on dates goes into the source's `since_param`.

    Yields:
        tables of at most 100,000 rows.

    Raises:
        SourceUnreachable: no answer, or only errors of the service, in three tries.
        SourceRefused: the service does not accept the credentials.
        SourceBroken: the answer is not the registered list of records, or paging leads astray.
    """
    service = _Service(source, connection, wanted)
    with closing(service):
        yield from settle(tables_of(service.records(), wanted, source.path), CommonTypes(wanted.columns))


class _Service:
    def __init__(self, source: HttpSource, connection: Connection, wanted: Wanted) -> None:
        self._source = source
        self._where = wanted.where
        self._base = self._address(connection)
        self._since = {}
        if source.since_param and wanted.since:
            self._since = {source.since_param: wanted.since.isoformat()}
        headers = connection.extra.get("headers", {})
        if not isinstance(headers, Mapping) or not all(isinstance(value, str) for value in headers.values()):
            raise self._broken(
                "the connection's extra `headers` are no object of texts", "Correct the connection"
            )
        headers = {"Accept": "application/json", **headers}
        if connection.password and not connection.login:
            headers["Authorization"] = f"Bearer {connection.password}"
        self._client = httpx.Client(
            headers=headers,
            auth=(connection.login, connection.password) if connection.login else None,
            timeout=source.timeout_seconds,
        )

    def close(self) -> None:
        self._client.close()

    def records(self) -> Iterator[Mapping[str, Any]]:
        """All records of all pages."""
        for answer in self._pages():
            records = self._list_of(answer)
            if not all(isinstance(record, Mapping) for record in records):
                raise self._broken("a record is no JSON object", "Correct the feed's `records` path")
            yield from records

    def _pages(self) -> Iterator[_Answer]:
        url = self._base.copy_merge_params(self._since)
        match self._source.paging:
            case PageNumber() as paging:
                yield from self._numbered(url, paging)
            case NextLink(field=field):
                yield from self._chained(url, lambda answer: self._next_link(answer, field))
            case Cursor(param=param, field=field):
                yield from self._chained(url, lambda answer: self._next_cursor(url, answer, param, field))
            case _:
                yield self._get(url)

    def _chained(self, first: httpx.URL, next_of: Callable[[_Answer], httpx.URL | None]) -> Iterator[_Answer]:
        url: httpx.URL | None = first
        seen = set()
        while url is not None:
            if url in seen:
                raise self._broken("paging comes back to a page that was read", "Correct the feed's paging")
            seen.add(url)
            answer = self._get(url)
            yield answer
            url = next_of(answer)

    def _next_link(self, answer: _Answer, field: str) -> httpx.URL | None:
        link = answer.at(field) if field else answer.linked
        if not link:
            return None
        try:
            url = answer.url.join(link)
        except (TypeError, ValueError, httpx.InvalidURL):
            raise self._broken("the next link is no address", "Correct the feed's paging") from None
        if (url.scheme, url.host, url.port) != (
            self._base.scheme,
            self._base.host,
            self._base.port,
        ) or url.userinfo:
            # Following it would hand our credentials, and the say over the rows, to somebody else.
            raise self._broken(
                f"the next link leads away from {self._base.host}, to {url.scheme}://{url.host}",
                "Have the service link to itself, or register its own address",
            )
        return url

    def _next_cursor(self, url: httpx.URL, answer: _Answer, param: str, field: str) -> httpx.URL | None:
        cursor = answer.at(field)
        if cursor is None or cursor in ("", False):
            return None
        if not isinstance(cursor, str | int):
            raise self._broken(f"the cursor at {field!r} is no text or number", "Correct the feed's paging")
        return url.copy_set_param(param, str(cursor))

    def _numbered(self, url: httpx.URL, paging: PageNumber) -> Iterator[_Answer]:
        if paging.size_param:
            url = url.copy_set_param(paging.size_param, str(paging.size))
        number, before, short = paging.start, None, 0
        while True:
            answer = self._get(url.copy_set_param(paging.param, str(number)), past_end=number > paging.start)
            if answer is None:
                return
            count = len(self._list_of(answer))
            if count and short:
                raise self._broken(
                    f"pages hold {short} records though {paging.size} were expected",
                    f"Set the paging's size to {short}",
                )
            if count and answer.body == before:
                raise self._broken(
                    "every page is the same", f"Correct the paging's param, now {paging.param!r}"
                )
            yield answer
            if not count or (paging.size and count < paging.size and number > paging.start):
                return
            # A first page below the size may be a service's own limit, not the end: one more request tells.
            short = count if paging.size and count < paging.size else 0
            number, before = number + 1, answer.body

    def _list_of(self, answer: _Answer) -> list[Any]:
        records = answer.at(self._source.records)
        if not isinstance(records, list):
            place = (
                f"at {self._source.records!r} of the answer"
                if self._source.records
                else "as the answer's body"
            )
            raise self._broken(f"there is no list of records {place}", "Correct the feed's `records` path")
        return records

    def _get(self, url: httpx.URL, *, past_end: bool = False) -> Any:
        """One page, in up to three tries; None for a page that is not there, past the end."""
        retrying = Retrying(
            stop=stop_after_attempt(_TRIES), wait=_wait, retry=retry_if_exception_type(_NotNow), reraise=True
        )
        return retrying(self._try, url, past_end)

    def _try(self, url: httpx.URL, past_end: bool) -> _Answer | None:
        deadline = time.monotonic() + self._source.timeout_seconds
        try:
            with self._client.stream("GET", url) as response:
                if past_end and response.status_code == httpx.codes.NOT_FOUND:
                    return None
                self._check(response)
                content = self._content(response, deadline)
        except httpx.TransportError as error:
            raise self._not_now(f"does not answer ({type(error).__name__})") from None
        except (httpx.RequestError, httpx.InvalidURL):
            raise self._broken("the answer cannot be decoded", "Check the connection's address") from None
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            kind = response.headers.get("Content-Type", "without a type").partition(";")[0][:50]
            raise self._broken(
                f"the answer is no JSON ({kind}, {len(content)} bytes)", "Check the address and path"
            ) from None
        return _Answer(url, response.links.get("next", {}).get("url"), body)

    def _content(self, response: httpx.Response, deadline: float) -> bytes:
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > _LARGEST_ANSWER_BYTES:
                raise self._broken(
                    f"the answer is larger than {_LARGEST_ANSWER_BYTES >> 20} MB",
                    "Use paging, or smaller pages",
                )
            if time.monotonic() > deadline:
                raise self._not_now("takes longer than the feed's timeout_seconds for one answer")
        return bytes(content)

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in _NO_CREDENTIALS:
            raise SourceRefused(
                f"{self._named()} does not accept the credentials (status {status}). Correct the connection."
            )
        if status in _BUSY or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise self._not_now(
                f"fails (status {status})", _asked_wait(response.headers.get("Retry-After", ""))
            )
        if status != httpx.codes.OK:
            raise self._broken(
                f"the service answers with status {status}", "Check the address, path and parameters"
            )

    def _address(self, connection: Connection) -> httpx.URL:
        host = connection.host
        text = host if "://" in host else f"{connection.schema or 'https'}://{host}"
        try:
            base = httpx.URL(text)
            base = base.copy_with(port=connection.port) if connection.port else base
            url = httpx.URL(str(base).rstrip("/") + self._source.path)
        except httpx.InvalidURL:
            url = httpx.URL("")
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
            raise SourceBroken(
                f"{self._where}: the connection has no web address. Give its host, with http:// or https://; "
                "credentials go into login and password."
            )
        return url

    def _named(self) -> str:
        return f"{self._where}: the service at {self._base.host}{self._source.path.partition('?')[0]}"

    def _broken(self, what: str, remedy: str) -> SourceBroken:
        return SourceBroken(f"{self._where}: {self._source.path.partition('?')[0]}: {what}. {remedy}.")

    def _not_now(self, what: str, wait: float = 0.0) -> _NotNow:
        return _NotNow(
            f"{self._named()} {what}, in {_TRIES} tries. Try later; check the connection's host.", wait
        )


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait if isinstance(error, _NotNow) else 0.0
    return min(max(asked, _backoff(state)), _LONGEST_WAIT_SECONDS)


def _asked_wait(retry_after: str) -> float:
    """Seconds in a Retry-After header, which holds a number of them or a date; 0 for neither."""
    if retry_after.isdigit():
        return float(retry_after)
    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
