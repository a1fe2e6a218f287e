"""The page that tells the public of a system: does it answer? Its status is learnt, nothing else is kept.

An address in a register entry must not lead the City's machines anywhere: only https, only hosts that the
policy lists, no address of a private network unless the policy lists that address itself, and the connection
goes to the address that was looked at.
"""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread

import httpx

from sundial.sources.learnt import Probe

SECONDS = 10.0
"""What one probe may take, redirects included."""

LARGEST_BYTES = 1 << 20
"""How much of a page is read, at most."""

_REDIRECTS = 5
_UNICAST = IPv6Network("2000::/3")
_TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 as it is seen from a network of IPv6 alone (RFC 6052)."""


class _NotAskedError(Exception):
    """The guards refuse an address; the message says why, with the remedy."""


class _NoAnswerError(Exception):
    """The page does not come."""


def probe(page: str, hosts: Collection[str], day: str) -> Probe:
    """Asks for a page once; it never raises for what the page does, and ends after `SECONDS`.

    Args:
        page: its address.
        hosts: names and addresses that may be asked, in small letters.
        day: as-of date of the run.
    """
    found: Future[Probe] = Future()

    def ask() -> None:
        try:
            found.set_result(_asked(page, hosts, day))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            found.set_exception(error)

    # A name that resolves slowly, and headers that drip, know no limit of their own.
    Thread(target=ask, daemon=True).start()
    try:
        return found.result(SECONDS)
    except TimeoutError:
        return Probe(day, page, asked=True, problem=_too_long())


def _asked(page: str, hosts: Collection[str], day: str) -> Probe:
    try:
        return Probe(day, page, asked=True, status=_status(page, hosts))
    except _NotAskedError as refused:
        return Probe(day, page, asked=False, problem=str(refused))
    except _NoAnswerError as error:
        return Probe(day, page, asked=True, problem=str(error))


def _status(page: str, hosts: Collection[str]) -> int:
    deadline = time.monotonic() + SECONDS
    url = _parsed(page)
    for _ in range(_REDIRECTS + 1):
        response = _get(url, hosts, deadline)
        if not response.has_redirect_location:
            return response.status_code
        try:
            url = url.join(response.headers["Location"])
        except (ValueError, httpx.InvalidURL):
            raise _NoAnswerError("it redirects to what is no address") from None
    raise _NoAnswerError(f"it redirects more than {_REDIRECTS} times")


def _parsed(page: str) -> httpx.URL:
    try:
        return httpx.URL(page)
    except httpx.InvalidURL:
        raise _NotAskedError("it is no web address; correct notice_page") from None


def _get(url: httpx.URL, hosts: Collection[str], deadline: float) -> httpx.Response:
    """Returns the answer of the first address of the host that can be connected to, without its body."""
    host = url.raw_host.decode("ascii").strip("[]").lower()
    if url.scheme != "https":
        raise _NotAskedError(f"{url.scheme}://{host} is not https; give an address with https://")
    if url.userinfo:
        raise _NotAskedError(f"the address of {host} holds credentials; leave them out")
    if host not in hosts:
        raise _NotAskedError(f"{host} is none of the policy's notice_hosts; list it there")
    proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")
    # A proxy looks names up by itself; it is the City's own gate.
    addresses = [host] if proxy else list(_addresses(host, url.port or 443, hosts))
    with httpx.Client(verify=httpx.create_ssl_context(), trust_env=False, proxy=proxy) as client:
        for place, address in enumerate(addresses, 1):
            try:
                return _answer(client, url, host, address, deadline)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if place == len(addresses):
                    raise _NoAnswerError(_said(error)) from None
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # it reads Location, too
                raise _NoAnswerError(_said(error)) from None
    raise _NoAnswerError(f"{host} has no address")


def _addresses(host: str, port: int, hosts: Collection[str]) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _NoAnswerError(f"the name {host} cannot be resolved") from None
    for address in dict.fromkeys(str(place[4][0]) for place in found):
        if address not in hosts and not _is_public(address):
            raise _NotAskedError(
                f"{host} is at a private address; list that address in the policy's notice_hosts, too, if it "
                "is meant"
            )
        yield address


def _is_public(address: str) -> bool:
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip in _TRANSLATED:
            ip = IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip not in _UNICAST or ip.sixtofour is not None:  # tunnels lead to addresses of IPv4
            return False
    return ip.is_global and not ip.is_multicast


def _answer(client: httpx.Client, url: httpx.URL, host: str, address: str, deadline: float) -> httpx.Response:
    """Asks one address in the name of the host: another look-up of the name could lead elsewhere."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise _NoAnswerError(_too_long())
    request = client.build_request(
        "GET",
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode("ascii"), "User-Agent": "Sundial", "Accept-Encoding": "identity"},
        extensions={"sni_hostname": host},
        timeout=left,
    )
    response = client.send(request, stream=True)
    try:
        read = 0
        for piece in response.iter_raw():
            read += len(piece)
            if read >= LARGEST_BYTES:
                break
            if time.monotonic() > deadline:
                raise _NoAnswerError(_too_long())
    finally:
        response.close()
    return response


def _too_long() -> str:
    return f"it takes longer than {SECONDS:g} seconds"


def _said(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "its certificate is not valid"
    return f"it does not answer ({type(error).__name__})"
