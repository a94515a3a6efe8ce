"""Dashboard sockets without a server: the consumer on the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from channels.testing import WebsocketCommunicator
from django.db import close_old_connections

from apps.accounts.models import Project, User
from apps.accounts.principal import Principal, authenticate_header
from apps.accounts.sessions import sign_in
from apps.accounts.tickets import issue_ticket
from apps.monitoring.consumers import DashboardConsumer

T = TypeVar("T")

ORIGIN = "http://localhost"
SECONDS = 5.0


async def in_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Rows are changed from a thread, as views and workers do."""

    def run() -> T:
        try:
            return call(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.to_thread(run)


def principal_of(user: User, project: Project | None = None) -> Principal:
    principal = authenticate_header(f"Bearer {sign_in(user).access}", str(project.pk) if project else None)
    assert principal is not None
    return principal


def ticket_of(user: User, project: Project | None = None) -> str:
    return issue_ticket(principal_of(user, project))


class Line:
    """One socket: `line = await Line.ticket(value)`, then `await line.hear()`."""

    def __init__(self, *, offers: list[str] | None = None, **headers: str) -> None:
        given = {"host": "localhost", **headers}
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
        self.wire = WebsocketCommunicator(
            DashboardConsumer.as_asgi(), "/ws/dashboard/", headers=raw, subprotocols=offers
        )

    async def open(self) -> Line:
        accepted, self.subprotocol = await self.wire.connect(timeout=SECONDS)
        self.accepted = accepted
        return self

    @classmethod
    async def dial(cls, *, offers: list[str] | None = None, **headers: str) -> Line:
        return await cls(offers=offers, **({"origin": ORIGIN} | headers)).open()

    @classmethod
    async def plain(cls, ticket: str) -> Line:
        line = await cls.dial(offers=["dashboard", f"ticket.{ticket}"])
        assert await line.hear() == {"type": "connection", "message": "Connected to dashboard"}
        return line

    @classmethod
    async def resumable(cls, ticket: str, **hello: Any) -> Line:
        line = await cls.dial()
        await line.say(type="hello", v=1, ticket=ticket, **hello)
        line.ready = await line.hear()
        assert line.ready["type"] == "ready"
        return line

    ready: dict[str, Any]

    async def say(self, **frame: Any) -> None:
        await self.wire.send_to(text_data=orjson.dumps(frame).decode())

    async def hear(self) -> Any:
        return orjson.loads(await self.wire.receive_from(timeout=SECONDS))

    async def hear_of(self, kind: str) -> dict[str, Any]:
        """The next frame of a type, whatever comes before it and however it is packed."""
        while True:
            body = await self.hear()
            for frame in body if isinstance(body, list) else [body]:
                if frame["type"] == kind:
                    found: dict[str, Any] = frame
                    return found

    async def closed(self) -> int:
        """The code the server closes with; what it says before that is passed over."""
        while True:
            message = await self.wire.receive_output(timeout=SECONDS)
            if message["type"] == "websocket.close":
                return int(message.get("code", 1000))

    async def hang_up(self) -> None:
        await self.wire.disconnect(timeout=SECONDS)
