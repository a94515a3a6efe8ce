"""MCP over streamable HTTP at `/mcp`, in front of Django: who may come in, and how large a message is.

Stateless: every POST stands for itself and carries its key. There is no stream that the server opens
(GET) and no session to end (DELETE).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import orjson
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from rest_framework.exceptions import APIException

from apps.accounts.api.authentication import CHALLENGE
from apps.accounts.origins import origin_allowed
from apps.accounts.principal import KEY_MARK, NoProjectError, Principal, UnknownProjectError, authenticate
from apps.agents.api.mcp_server import CALLER, Caller, Configured

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

PATHS = ("/mcp", "/mcp/")
# A client that is refused looks here for a place to sign in. There is none, and the screen's page,
# which answers every unknown address, is not one.
SIGN_IN_PATHS = ("/.well-known/oauth-", "/.well-known/openid-")


class McpDoor:
    """ASGI. `check` raises APIException for a body that is too deep or no JSON; `headers` are those of
    every API response. Answers only between `start` and `stop`."""

    def __init__(
        self, app: AsgiApp, server: Server[Any, Any], check: Callable[[bytes], Any], headers: Headers
    ) -> None:
        self.app = app
        self._server = server
        self._check = check
        self._headers = headers
        self._manager: StreamableHTTPSessionManager | None = None
        self._running = AsyncExitStack()

    async def start(self) -> None:
        """Begin to answer; `stop` must be awaited by the same task."""
        self._manager = StreamableHTTPSessionManager(
            self._server,
            json_response=True,
            stateless=True,
            max_request_body_size=settings.MC.max_body_bytes,
        )
        await self._running.enter_async_context(self._manager.run())

    async def stop(self) -> None:
        self._manager = None
        await self._running.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path in PATHS:
            await self._enter(scope, receive, send)
        elif scope["type"] == "http" and path.startswith(SIGN_IN_PATHS):
            await self._refuse(
                send, 404, "Nobody signs in here: give the key as `Authorization: Bearer mc_…`."
            )
        else:
            await self.app(scope, receive, send)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = given.get(b"host", "")
        if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
            await self._refuse(send, 400, "This server is not known by that name; see ALLOWED_HOSTS.")
            return
        if b"origin" in given and not origin_allowed(given[b"origin"], host):
            await self._refuse(
                send, 403, "Pages of that origin may not call this server; see ALLOWED_ORIGINS."
            )
            return
        principal = await _key(given.get(b"authorization", ""))
        if principal is None:
            await self._unknown(given, send)
        elif scope["method"] != "POST":
            await self._refuse(
                send, 405, "Send messages with POST; there is no stream here.", (b"allow", b"POST")
            )
        elif self._manager is None:
            await self._refuse(send, 503, "The server is starting or stopping.", (b"retry-after", b"2"))
        else:
            await self._serve(self._manager, principal, given, scope, receive, send)

    async def _serve(
        self,
        manager: StreamableHTTPSessionManager,
        principal: Principal,
        given: dict[bytes, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        body = await _body(receive)
        if body is None:
            return
        try:
            self._check(body)
        except APIException as error:
            await self._respond(send, error.status_code, _not_understood(str(error.detail)))
            return
        gone: asyncio.Future[Message] = asyncio.ensure_future(receive())
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await asyncio.shield(gone)

        try:
            inner = {**scope, CALLER: Caller(principal, _configured(given), gone)}
            await manager.handle_request(inner, replay, self._dressed(send))
        finally:
            gone.cancel()

    def _dressed(self, send: Send) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name for name, _ in message["headers"]}
                more = [one for one in self._headers if one[0] not in known]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        return dressed

    async def _unknown(self, given: dict[bytes, str], send: Send) -> None:
        if b"authorization" in given:
            challenge, said = f'{CHALLENGE}, error="invalid_token"', "The key is not valid, or no longer."
        else:
            challenge, said = CHALLENGE, "Send a key: `Authorization: Bearer mc_…`."
        await self._refuse(send, 401, said, (b"www-authenticate", challenge.encode()))

    async def _refuse(self, send: Send, status: int, said: str, *headers: tuple[bytes, bytes]) -> None:
        await self._respond(send, status, _problem(types.INVALID_REQUEST, said), *headers)

    async def _respond(self, send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
        own = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": status, "headers": [*self._headers, *headers, *own]}
        await send(start)
        await send({"type": "http.response.body", "body": body})


async def _key(header: str) -> Principal | None:
    """The key that calls; a person's token is none."""
    if not header.partition(" ")[2].strip().startswith(KEY_MARK):
        return None
    try:
        return await authenticate(header)
    except (UnknownProjectError, NoProjectError):
        return None


def _configured(given: dict[bytes, str]) -> Configured:
    """What the client's configuration says of its agent, in headers: fixed text beside the key."""
    names = (b"x-agent-name", b"x-agent-type", b"x-agent-capabilities")
    return Configured(*(given.get(name, "").strip() for name in names))


def _not_understood(said: str) -> bytes:
    return _problem(types.PARSE_ERROR, said)


def _problem(code: int, said: str) -> bytes:
    """An error as JSON-RPC has it, for a message whose id is not known."""
    return orjson.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": said}})


async def _body(receive: Receive) -> bytes | None:
    """The whole body, which is bounded further out; None when the caller hangs up meanwhile."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
