"""A real HTTP server on the loopback that answers like a model provider having a bad day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.agents.connectors.base import Work


@dataclass
class Provider:
    """What it was asked, and the answers it gives."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def provider(body: bytes, *, hang: bool = False) -> AsyncIterator[Provider]:
    """Answers every request with `body`, head and all; `hang` keeps the connection open afterwards."""
    seen = Provider()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(_header(head, "content-length") or 0)
        seen.requests.append(json.loads(await reader.readexactly(length)))
        seen.keys.append(_header(head, "authorization") or "")
        writer.write(body)
        await writer.drain()
        seen.arrived.set()
        if hang:
            await reader.read()  # returns when the client hangs up
            seen.hung_up.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield seen


def _header(head: str, name: str) -> str | None:
    found = (line.partition(":")[2].strip() for line in head.splitlines() if line.startswith(f"{name}:"))
    return next(found, None)


def http(status: int, body: Any = None, **headers: str) -> bytes:
    """A whole HTTP response with a JSON (or, given text, another) body."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if not any(name.lower() == "content_type" for name in headers):
        lines.append("content-type: application/json")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def stream(
    *pieces: str, usage: dict[str, int] | None = None, done: bool = True, reason: str = "stop"
) -> bytes:
    """A streamed chat completion; without `done` it breaks off."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny-1"}

    def event(**fields: Any) -> str:
        return f"data: {json.dumps({**head, **fields})}\n\n"

    def choice(delta: dict[str, str], ended: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": ended}]

    events = [event(choices=choice({"role": "assistant", "content": ""}))]
    events += [event(choices=choice({"content": piece})) for piece in pieces]
    if done:
        events.append(event(choices=choice({}, reason)))
        events += [event(choices=[], usage=usage)] if usage else []
        events.append("data: [DONE]\n\n")
    start = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return (start + "".join(events)).encode()


@dataclass
class Told:
    """Keeps what a connector reports."""

    lines: list[tuple[int, str, str | None]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    why_stopped: str = ""

    async def progress(self, percent: int, message: str = "", text: str | None = None) -> None:
        self.begun.set()
        self.lines.append((percent, message, text))


def work(prompt: str = "Say hello.", **fields: Any) -> Work:
    """A piece of work with everything but its question chosen."""
    given: dict[str, Any] = {
        "command_run_id": UUID(int=7), "fence": 1, "attempt": 1, "idempotency_key": "r:s:0",
        "agent_name": "Scribe", "agent_type": "documentation", "instructions": "You are brief.",
        "model": None, "command": "text.summarise", "title": "Summarise", "prompt": prompt,
        "input": {"text": prompt}, "timeout_seconds": 60.0, **fields,
    }  # fmt: skip
    return Work(**given)
