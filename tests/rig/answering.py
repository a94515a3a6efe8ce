"""A real HTTP server on the loopback that answers with the bytes a test hands it, and keeps what it
was asked."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Reply = bytes | Callable[[Asked], bytes | Iterator[bytes]]


@dataclass
class Answering:
    """`reply` may be exchanged at any time; `asked` is in the order of arrival."""

    reply: Reply
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def http(status: int = 200, body: Any = None, /, raw: bytes | None = None, **headers: str) -> bytes:
    """A whole answer with a JSON body, or with the bytes of `raw`."""
    content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if raw is None and body is not None:
        given.setdefault("content-type", "application/json")
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in given.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


@contextmanager
def answering(reply: Reply = b"", *, port: int = 0) -> Iterator[Answering]:
    """Serve until the block ends. A reply that yields is sent piece by piece, until the other hangs up."""
    seen = Answering(reply or http(200, {"ok": True}))

    class Handler(socketserver.StreamRequestHandler):
        timeout = 20

        def handle(self) -> None:
            first = self.rfile.readline().decode("latin-1").split()
            if len(first) < 2:
                return
            headers: dict[str, str] = {}
            while line := self.rfile.readline().decode("latin-1").strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", "0")))
            asked = Asked(first[0], first[1], headers, body)
            seen.asked.append(asked)
            said = seen.reply(asked) if callable(seen.reply) else seen.reply
            try:
                for piece in [said] if isinstance(said, bytes) else said:
                    self.wfile.write(piece)
            except OSError:
                return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", port), Handler) as server:
        seen.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()
