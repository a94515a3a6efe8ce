"""The socket's promises over a real server: the plain protocol's messages, and rows 7 and 8 of the
threat table (who may open a socket, and when an open one is closed)."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.rig.client import Client
from tests.rig.stack import Stack

pytestmark = pytest.mark.timeout(300)


def offers(ticket: str) -> list[Subprotocol]:
    return [Subprotocol("dashboard"), Subprotocol(f"ticket.{ticket}")]


def closed_with(wire: ClientConnection, within: float = 10) -> int:
    """The code of the close, whatever is said before it."""
    deadline = time.monotonic() + within
    try:
        while time.monotonic() < deadline:
            wire.recv(timeout=deadline - time.monotonic())
    except ConnectionClosed:
        pass
    return wire.close_code or 0


@contextmanager
def hello(client: Client, **more: Any) -> Iterator[ClientConnection]:
    with connect(client.socket_url, origin=client.origin) as wire:
        wire.send(json.dumps({"type": "hello", "v": 1, "ticket": client.ticket(), **more}))
        yield wire


def refused_with(url: str, **options: Any) -> int:
    """The HTTP status of a refused handshake."""
    where = urlsplit(url)
    # Ours to close: the library leaves the connection of a refused handshake to the collector.
    with socket.create_connection((where.hostname or "", where.port or 80)) as sock:
        with pytest.raises(InvalidStatus) as refusal, connect(url, sock=sock, **options):
            pass
        return refusal.value.response.status_code


def test_plain_messages_as_a_run_goes_by(client: Client) -> None:
    with client.socket() as messages:
        run = client.start("bug-lifecycle")["id"]
        first = messages.wait_for(lambda message: message["type"] == "connection")
        assert first == {"type": "connection", "message": "Connected to dashboard"}
        messages.wait_for(
            lambda m: (
                m["type"] == "workflow_update" and m["workflow_id"] == run and m["status"] == "completed"
            ),
            within=120,
        )
        for message in messages.of("workflow_update"):
            assert message.keys() == {"type", "workflow_id", "status", "progress", "current_step"}
            assert type(message["progress"]) is int
            assert type(message["current_step"]) is int
        for message in messages.of("agent_status_change"):
            assert message.keys() == {"type", "agent_id", "status", "current_task"}
            UUID(message["agent_id"])
        assert {m["status"] for m in messages.of("agent_status_change")} >= {"busy", "idle"}
        assert {m["type"] for m in messages.received} <= {
            "connection", "workflow_update", "agent_status_change", "system_alert",
        }  # fmt: skip


def test_the_socket_is_not_compressed_and_answers_one_subprotocol(client: Client) -> None:
    with connect(client.socket_url, origin=client.origin, subprotocols=offers(client.ticket())) as wire:
        assert wire.subprotocol == "dashboard"
        assert wire.response is not None
        assert "Sec-WebSocket-Extensions" not in wire.response.headers


def test_resuming_gives_what_was_missed_and_nothing_twice(client: Client) -> None:
    agent = client.dashboard("agents/")[0]["id"]
    with hello(client) as wire:
        ready = json.loads(wire.recv())
        assert (ready["type"], ready["mode"]) == ("ready", "snapshot_required")
    for method in ("POST", "DELETE"):
        client.request(method, f"agents/{agent}/pause/")
    with hello(client, epoch=ready["epoch"], seq=ready["seq"]) as wire:
        again = json.loads(wire.recv())
        assert (again["mode"], again["seq"]) == ("resumed", ready["seq"])
        body = json.loads(wire.recv())
        events = body if isinstance(body, list) else [body]
        assert events[0]["prev"] == ready["seq"]
        assert [e["seq"] for e in events] == list(range(ready["seq"] + 1, ready["seq"] + 1 + len(events)))
        assert {e["status"] for e in events if e.get("agent_id") == agent} >= {"paused", "idle"}


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "https://127.0.0.1:1"])
def test_sec_7_a_foreign_or_absent_origin_is_refused(client: Client, origin: str | None) -> None:
    ticket = client.ticket()
    given = Origin(origin) if origin else None
    assert refused_with(client.socket_url, origin=given, subprotocols=offers(ticket)) == 403


def test_sec_7_a_ticket_opens_one_socket(client: Client) -> None:
    ticket = client.ticket()
    with connect(client.socket_url, origin=client.origin, subprotocols=offers(ticket)) as wire:
        assert json.loads(wire.recv())["type"] == "connection"
    with connect(client.socket_url, origin=client.origin, subprotocols=offers(ticket)) as wire:
        assert closed_with(wire) == 4401
    with connect(client.socket_url, origin=client.origin) as wire:
        wire.send(json.dumps({"type": "hello", "v": 1, "ticket": ticket}))
        assert closed_with(wire) == 4401


def test_sec_7_tickets_and_tokens_never_reach_the_log(stack: Stack, client: Client) -> None:
    ticket = client.ticket()
    with connect(client.socket_url, origin=client.origin, subprotocols=offers(ticket)) as wire:
        wire.recv()
    guess = secrets.token_urlsafe(32)
    with connect(client.socket_url, origin=client.origin, subprotocols=offers(guess)) as wire:
        assert closed_with(wire) == 4401
    written = "".join(web.log.read_text() for web in stack.webs)
    assert ticket not in written
    assert guess not in written
    assert client.http.headers["Authorization"].removeprefix("Bearer ") not in written


def test_sec_7_a_program_needs_no_origin_but_its_header(client: Client) -> None:
    header = {"Authorization": client.http.headers["Authorization"]}
    with connect(client.socket_url, additional_headers=header) as wire:
        assert json.loads(wire.recv())["type"] == "connection"
    with connect(client.socket_url, additional_headers={"Authorization": "Bearer nonsense"}) as wire:
        assert closed_with(wire) == 4401
    evil = Origin("http://evil.example")
    assert refused_with(client.socket_url, additional_headers=header, origin=evil) == 403


def test_sec_8_a_revoked_key_loses_its_open_sockets_within_five_seconds(client: Client) -> None:
    key = client.post("keys/", {"name": f"watcher {secrets.token_hex(4)}", "scopes": ["read"]})
    with connect(client.socket_url, additional_headers={"Authorization": f"Bearer {key['key']}"}) as wire:
        assert json.loads(wire.recv())["type"] == "connection"
        assert client.request("DELETE", f"keys/{key['id']}/").is_success
        revoked_at = time.monotonic()
        assert closed_with(wire) == 4401
        assert time.monotonic() - revoked_at < 5


def test_sec_8_signing_out_ends_the_sockets_of_that_sign_in(stack: Stack) -> None:
    client = stack.client()
    with connect(client.socket_url, origin=client.origin, subprotocols=offers(client.ticket())) as wire:
        assert json.loads(wire.recv())["type"] == "connection"
        answer = client.http.post(
            "/api/v1/auth/logout/", json={"refresh": client._refresh}, headers={"Origin": client.base}
        )
        assert answer.status_code == 204
        signed_out_at = time.monotonic()
        assert closed_with(wire) == 4401
        assert time.monotonic() - signed_out_at < 5


def test_sec_8_a_key_without_the_right_gets_no_socket(client: Client) -> None:
    key = client.post("keys/", {"name": f"agent {secrets.token_hex(4)}", "scopes": ["agent"]})
    with connect(client.socket_url, additional_headers={"Authorization": f"Bearer {key['key']}"}) as wire:
        assert closed_with(wire) == 4401


def test_a_frame_over_the_limit_ends_the_socket(client: Client) -> None:
    with connect(client.socket_url, origin=client.origin, subprotocols=offers(client.ticket())) as wire:
        wire.recv()
        wire.send("x" * 70_000)
        assert closed_with(wire) in (1009, 4409)


def test_too_many_frames_end_the_socket_and_no_other(client: Client) -> None:
    with client.socket() as other:
        with connect(client.socket_url, origin=client.origin, subprotocols=offers(client.ticket())) as wire:
            for _ in range(40):
                wire.send('{"type":"ping"}')
            assert closed_with(wire) == 4429
        other.send({"type": "ping"})
        other.wait_for(lambda message: message["type"] == "pong")


def test_an_unknown_socket_path_is_refused(client: Client) -> None:
    elsewhere = client.socket_url.replace("dashboard", "elsewhere")
    assert refused_with(elsewhere, origin=client.origin) == 403


def test_sec_8_a_silent_socket_is_closed_after_five_seconds(client: Client) -> None:
    with connect(client.socket_url, origin=client.origin) as wire:
        opened_at = time.monotonic()
        assert closed_with(wire) == 4401
        assert 4 < time.monotonic() - opened_at < 8


def test_sec_8_a_frame_of_a_megabyte_is_not_even_read(client: Client) -> None:
    with connect(client.socket_url, origin=client.origin) as wire:
        wire.send("x" * 1024 * 1024)
        assert closed_with(wire) == 1009
