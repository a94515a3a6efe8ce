"""What a request body may be: how large, how deep, how many parts. Refused before it is built."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from config.problems import MEDIA_TYPE, PayloadTooLarge, document

MAX_DEPTH = 32
MAX_KEYS = 10_000
MAX_CONTAINERS = 20_000
MAX_VALUES = 200_000
MAX_STRING = 1024 * 1024

NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
GZIP_MAGIC = b"\x1f\x8b"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def loads(data: bytes, max_keys: int = MAX_KEYS) -> Any:
    """The value of a JSON text within the limits above; raises ParseError naming the limit."""
    _check_shape(data, max_keys)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"The body is not JSON: {error.msg} (line {error.lineno}).") from None
    if len(data) > MAX_STRING or b"\\u0000" in data:
        _check_strings(value)
    return value


def _check_shape(data: bytes, max_keys: int) -> None:
    # With escapes gone a quote is a quote, and what lies between every other two is no text.
    flat = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    if flat.count(b'"') > 2 * (max_keys + MAX_VALUES):
        raise ParseError(f"The body has more than {MAX_VALUES} texts.")
    bare = b"".join(flat.split(b'"')[::2])
    if bare.count(b":") > max_keys:
        raise ParseError(f"The body has more than {max_keys} keys.")
    if bare.count(b"[") + bare.count(b"{") > MAX_CONTAINERS:
        raise ParseError(f"The body has more than {MAX_CONTAINERS} arrays and objects.")
    if bare.count(b",") > MAX_VALUES:
        raise ParseError(f"The body has more than {MAX_VALUES} values.")
    depth = 0
    for byte in bare.translate(None, NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.")


def _check_strings(value: Any) -> None:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one)
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str):
            if len(one) > MAX_STRING:
                raise ParseError(f"A text in the body is longer than {MAX_STRING} characters.")
            if "\0" in one:
                raise ParseError("A text in the body contains the NUL character, which is refused.")


def inflate(data: bytes, limit: int) -> bytes:
    """Undo one gzip layer, stopping at `limit` bytes however much there would be."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = inflater.decompress(data, limit + 1)
    except zlib.error:
        raise ParseError("The body is not gzip although Content-Encoding says so.") from None
    if len(plain) > limit:
        raise PayloadTooLarge(f"The body unpacks to more than {limit} bytes.")
    if not inflater.eof or inflater.unused_data:
        raise ParseError("The gzip body is cut off or followed by something else.")
    if plain.startswith(GZIP_MAGIC):
        raise ParseError("The body is gzip inside gzip, which is refused.")
    return plain


def read(stream: IO[bytes], encoding: str, limit: int) -> bytes:
    """The plain bytes of a request body, at most `limit` of them."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes.")
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return data
    if encoding == "gzip":
        return inflate(data, limit)
    raise UnsupportedMediaType(encoding, "Content-Encoding must be gzip or absent.")


class JSONBodyParser(BaseParser):
    """The only parser of the API."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        context = parser_context or {}
        request, view = context["request"], context.get("view")
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "")
        data = read(stream, encoding, settings.MC.max_body_bytes)
        return loads(data, getattr(view, "max_keys", MAX_KEYS))


class BodyLimit:
    """ASGI: refuses a body over the limit by its announced length, or as it streams in."""

    def __init__(self, app: AsgiApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > self.limit:
            await self._refuse(send)
            return
        await self._counted(scope, receive, send)

    async def _counted(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        seen = 0
        started = False

        async def counting_receive() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            # To the application it looks as if the client had gone: it cleans up and says nothing.
            return {"type": "http.disconnect"} if seen > self.limit else message

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        await self.app(scope, counting_receive, noting_send)
        if seen > self.limit and not started:
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        body = orjson.dumps(document(413, f"The body is larger than {self.limit} bytes."))
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
