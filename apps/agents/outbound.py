"""The one way to send an HTTP request to an address that somebody wrote into a definition.

A name is looked up once and the connection goes to the address that was checked, so that a name
server cannot change its mind in between. Redirects are answers, not instructions; there are no
cookies, no proxies from the environment and no second tries. Whoever calls decides what an answer
means.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

import httpcore
import httpx
from django.conf import settings
from django.utils import timezone

from apps.agents.addresses import Policy

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 5.0
MAX_REQUEST_BYTES = MAX_ANSWER_BYTES = 1_048_576
MAX_HEADERS, MAX_HEADER_BYTES = 50, 16_384
MAX_URL = 2_000
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What says where a message ends or who it is for is written here, never by a definition.
OWN_HEADERS = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te",
        "trailer", "expect", "accept-encoding", "proxy-authorization", "proxy-connection",
    }
)  # fmt: skip
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Resolve = Callable[[str, int], Awaitable[list[str]]]


class OutboundError(Exception):
    """There was no answer. `message` is shown to people: it names the host and no more of the URL."""

    def __init__(self, code: str, message: str, *, retryable: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. Header names are in lower case; the body is inflated."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `headers` come from a definition and are checked."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def policy() -> Policy:
    """Where this installation may send requests: MC_OUTBOUND, MC_OUTBOUND_PORTS, MC_OUTBOUND_ALLOW."""
    env = settings.MC
    return Policy.of(public=env.outbound == "allow", ports=env.outbound_ports, allowed=env.outbound_allow)


async def send(request: Request, *, seconds: float = TOTAL_SECONDS, resolve: Resolve | None = None) -> Answer:
    """Send one request and read its whole answer within `seconds`. Raises OutboundError."""
    url = checked(request)
    host = url.host
    guard = _Guard(policy(), resolve or look_up)
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(guard, url, request)
    except TimeoutError:
        raise OutboundError(
            "timeout", f"{host} did not answer within {seconds:g} s.", retryable=True
        ) from None
    except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.NetworkError) as error:
        distrusted = isinstance(error.__cause__, ssl.SSLError)
        reason = "its certificate was not accepted" if distrusted else "no connection"
        said = f"{host} could not be reached: {reason}."
        raise OutboundError("unreachable", said, retryable=not distrusted) from None
    except httpcore.TimeoutException:
        raise OutboundError("timeout", f"{host} did not answer in time.", retryable=True) from None
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
        raise OutboundError("bad_answer", f"{host} did not answer in HTTP.", retryable=True) from None


def checked(request: Request) -> httpx.URL:
    """The URL of a request that may be sent as far as it can be told without looking up its host.

    Raises OutboundError: `invalid_request`, or `address_refused` for a port nothing is allowed on.
    """
    if len(request.body) > MAX_REQUEST_BYTES:
        raise _invalid(f"The body is larger than {MAX_REQUEST_BYTES:,} bytes.")
    url = check_line(request.method, request.url, request.headers)
    if not policy().has_port(port_of(url)):
        raise _refused(url.host, port_of(url))
    return url


def check_line(method: str, url: str, headers: Mapping[str, str]) -> httpx.URL:
    """What can be told of a request anywhere, whatever the policy. Raises OutboundError."""
    if method not in METHODS:
        raise _invalid(f"The method must be one of {', '.join(sorted(METHODS))}.")
    _check_headers(headers.items())
    return parsed(url)


def parsed(text: str) -> httpx.URL:
    """The URL, if it is one a request may have. Raises OutboundError."""
    if len(text) > MAX_URL:
        raise _invalid(f"The URL is longer than {MAX_URL:,} characters.")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise _invalid("The URL is malformed.") from None
    if url.scheme not in ("http", "https"):
        raise _invalid("The URL must begin with http:// or https://.")
    if url.userinfo:
        raise _invalid("The URL holds a user name or password; use a header for them.")
    if not url.host or "%" in url.host or "\\" in text:
        raise _invalid("The URL is malformed.")
    if url.port is not None and not 1 <= url.port <= 65535:
        raise _invalid("The URL's port must be from 1 to 65535.")
    return url


def retry_after(answer: Answer) -> float | None:
    """The seconds that an answer asks to wait, given as a number of them or as a date."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - timezone.now()).total_seconds())


def port_of(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


async def look_up(host: str, port: int) -> list[str]:
    """The addresses a name stands for, in the order in which the system prefers them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _exchange(guard: _Guard, url: httpx.URL, request: Request) -> Answer:
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    headers = [
        (b"host", url.netloc),
        (b"accept-encoding", b"identity"),
        *((name.encode(), value.encode("latin-1")) for name, value in request.headers.items()),
    ]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        headers.append((b"content-length", str(len(request.body)).encode()))
    pool = httpcore.AsyncConnectionPool(
        ssl_context=_certificates(), network_backend=guard, retries=0, max_keepalive_connections=0
    )
    async with pool, pool.stream(request.method, target, headers=headers, content=request.body) as answer:
        said = _readable(answer.headers)
        body = await _body(answer, said.get("content-encoding", ""), url.host)
        return Answer(answer.status, said, body)


async def _body(answer: httpcore.Response, encoding: str, host: str) -> bytes:
    """The whole body, inflated. Nothing larger than the limit is ever held."""
    inflate = _inflater(encoding.strip().lower(), host)
    body = bytearray()
    async for piece in answer.aiter_stream():
        room = MAX_ANSWER_BYTES + 1 - len(body)
        try:
            body += inflate.decompress(piece, room) if inflate else piece[:room]
        except zlib.error:
            raise OutboundError("bad_answer", f"{host} sent a broken body.", retryable=True) from None
        if len(body) > MAX_ANSWER_BYTES:
            said = f"{host} answered with more than {MAX_ANSWER_BYTES:,} bytes."
            raise OutboundError("answer_too_large", said, retryable=False)
    return bytes(body)


def _inflater(encoding: str, host: str) -> zlib._Decompress | None:
    """Nobody was asked to compress, but some do. Only one layer is taken off."""
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    said = f"{host} compressed its answer although it was asked not to."
    raise OutboundError("bad_answer", said, retryable=False)


def _check_headers(headers: Iterable[tuple[str, str]]) -> None:
    total = 0
    for count, (name, value) in enumerate(headers, start=1):
        total += len(name) + len(value)
        if count > MAX_HEADERS or total > MAX_HEADER_BYTES:
            raise _invalid(
                f"There are more than {MAX_HEADERS} headers or {MAX_HEADER_BYTES:,} bytes of them."
            )
        if not HEADER_NAME.fullmatch(name):
            raise _invalid(f"{name[:50]!r} is no name of a header.")
        if name.lower() in OWN_HEADERS:
            raise _invalid(f"The header {name} is written by the sender; leave it out.")
        if not HEADER_VALUE.fullmatch(value):
            raise _invalid(f"The value of the header {name} holds a line break or another control character.")


def _readable(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header names in lower case; values that came several times are joined."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


class _Guard(httpcore.AsyncNetworkBackend):
    """Connects to an address that was checked, and to nothing else."""

    def __init__(self, policy: Policy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise OutboundError("unreachable", f"There is no host {host}.", retryable=True) from None
        permitted = [address for address in found if self._policy.permits(host, address, port)]
        if not permitted:
            raise _refused(host, port)
        for address in permitted[:-1]:
            try:
                return await self._network.connect_tcp(address, port, CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(permitted[-1], port, CONNECT_SECONDS)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise _refused("a file", 0)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Loading them takes milliseconds. SSL_CERT_FILE and SSL_CERT_DIR name a house's own."""
    return httpx.create_ssl_context()


def _invalid(message: str) -> OutboundError:
    return OutboundError("invalid_request", message, retryable=False)


def _refused(host: str, port: int) -> OutboundError:
    return OutboundError(
        "address_refused",
        f"Requests to {host[:100]} on port {port} are not allowed here: it is not on the public internet, "
        "or not on a usual port. An administrator can allow it with MC_OUTBOUND_ALLOW.",
        retryable=False,
    )
