"""A client that knows only the published contract: REST under /api/v1/ and the dashboard socket.

It shares no code with the product, so that a test through it sees what a stranger would see.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.rig.waiting import until

TERMINAL = ("completed", "failed", "cancelled")
DASHBOARD = "/api/v1/monitoring/dashboard"


class Client:
    """REST with a login that renews itself."""

    def __init__(self, base: str, username: str = "admin", password: str = "") -> None:
        self.base = base
        self.http = httpx.Client(base_url=base, timeout=15.0)
        self.username, self.password = username, password
        self._refresh = ""

    def close(self) -> None:
        self.http.close()

    def login(self) -> Client:
        answer = self.http.post(
            "/api/v1/auth/token/",
            json={"username": self.username, "password": self.password, "cookie": False},
        )
        answer.raise_for_status()
        self._keep(answer.json())
        return self

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One call; an expired access token is renewed once."""
        url = path if path.startswith("/") else f"/api/v1/{path}"
        answer = self.http.request(method, url, **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._refresh:
            self.login()
            answer = self.http.request(method, url, **options)
        return answer

    def get(self, path: str, **options: Any) -> Any:
        return self._json(self.request("GET", path, **options))

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self._json(self.request("POST", path, json=body, **options))

    def dashboard(self, name: str) -> Any:
        return self.get(f"{DASHBOARD}/{name}")

    def start(self, workflow: str, body: dict[str, Any] | None = None) -> Any:
        """Start a run of the workflow with the given input (its schema's defaults otherwise)."""
        return self.post(
            f"workflows/{workflow}/runs/", {"input": body if body is not None else self.example(workflow)}
        )

    def example(self, workflow: str) -> dict[str, Any]:
        """An input made from what the workflow's own schema gives as examples or defaults."""
        schema = self.get(f"workflows/{workflow}/")["input"]
        return {
            name: _example(about)
            for name, about in schema.get("properties", {}).items()
            if name in schema.get("required", []) or "default" in about or "examples" in about
        }

    def run(self, run_id: str) -> Any:
        return self.get(f"runs/{run_id}/")

    def wait_run(self, run_id: str, within: float = 120.0) -> Any:
        """The run once it is over. A server that is away for a moment is asked again."""

        def over() -> Any:
            run = self.run(run_id)
            return run if run["status"] in TERMINAL else None

        return until(over, within, f"run {run_id} over", every=0.2, ignoring=(httpx.HTTPError,))

    def ticket(self) -> str:
        value: str = self.post("auth/socket-ticket/")["ticket"]
        return value

    @property
    def socket_url(self) -> str:
        return self.base.replace("http", "ws", 1) + "/ws/dashboard/"

    @property
    def origin(self) -> Origin:
        return Origin(self.base)

    @contextmanager
    def socket(self) -> Iterator[Messages]:
        """The plain protocol as a page would speak it: own origin, ticket as subprotocol."""
        offer = [Subprotocol("dashboard"), Subprotocol(f"ticket.{self.ticket()}")]
        with connect(self.socket_url, subprotocols=offer, origin=self.origin) as wire:
            assert wire.subprotocol == "dashboard"
            messages = Messages(wire)
            try:
                yield messages
            finally:
                messages.close()

    def _keep(self, tokens: dict[str, Any]) -> None:
        self._refresh = tokens.get("refresh", "")
        self.http.headers["Authorization"] = f"Bearer {tokens['access']}"

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        if answer.is_error:
            raise httpx.HTTPStatusError(
                f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}",
                request=answer.request,
                response=answer,
            )
        return answer.json() if answer.content else None


class Messages:
    """What arrived on a socket, in order, read by a thread of its own."""

    def __init__(self, wire: ClientConnection) -> None:
        self.wire = wire
        self.received: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], within: float = 30.0) -> dict[str, Any]:
        """The first message, already received or still to come, that is wanted."""
        with self._news:
            found = self._news.wait_for(
                lambda: next((m for m in self.received if wanted(m)), None) or self.closed, within
            )
            match = next((m for m in self.received if wanted(m)), None)
        assert match is not None, f"no such message ({found!r}); the last were {self.received[-5:]}"
        return match

    def of(self, kind: str) -> list[dict[str, Any]]:
        with self._news:
            return [message for message in self.received if message.get("type") == kind]

    def send(self, message: dict[str, Any]) -> None:
        self.wire.send(json.dumps(message))

    def close(self) -> None:
        self.wire.close()
        self._reader.join(5)

    def _read(self) -> None:
        try:
            for frame in self.wire:
                body = json.loads(frame)
                with self._news:
                    self.received.extend(body if isinstance(body, list) else [body])
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            with self._news:
                self.closed = (self.wire.close_code or 1006, self.wire.close_reason or "")
                self._news.notify_all()


def _example(about: dict[str, Any]) -> Any:
    if about.get("examples"):
        return about["examples"][0]
    if "default" in about:
        return about["default"]
    if about.get("enum"):
        return about["enum"][0]
    blank: dict[str, Any] = {"string": "Something", "integer": 1, "number": 1, "boolean": True}
    return blank.get(about.get("type", "string"), [] if about.get("type") == "array" else {})
