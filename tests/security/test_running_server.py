"""Rows 7, 8 and 17 against the real server: sockets, frames, floods, and what its log keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.rig.client import Client
from tests.rig.stack import Stack


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack("embedded") as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


def opened(client: Client, **options: Any) -> ClientConnection:
    wanted: dict[str, Any] = {"origin": client.origin, "open_timeout": 10, **options}
    wire: ClientConnection = connect(client.socket_url, **wanted)
    return wire


def close_code(wire: ClientConnection, within: float) -> int:
    """Read to the end and say how it ended."""
    deadline = time.monotonic() + within
    try:
        while True:
            wire.recv(timeout=max(0.01, deadline - time.monotonic()))
    except ConnectionClosed:
        return int(wire.close_code or 0)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_sec_7_a_foreign_page_gets_403(client: Client, origin: str) -> None:
    offer = [Subprotocol("dashboard"), Subprotocol(f"ticket.{client.ticket()}")]
    with pytest.raises(InvalidStatus) as refused:
        opened(client, origin=Origin(origin), subprotocols=offer)
    assert refused.value.response.status_code == 403


def test_sec_7_without_an_origin_a_socket_needs_a_credential_in_the_header(client: Client) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(client, origin=None)
    assert refused.value.response.status_code == 403
    header = {"Authorization": client.http.headers["Authorization"]}
    with opened(client, origin=None, additional_headers=header) as wire:
        assert json.loads(wire.recv(timeout=5))["message"] == "Connected to dashboard"
    wrong = {"Authorization": "Bearer mc_wrong"}
    with opened(client, origin=None, additional_headers=wrong) as wire:
        assert close_code(wire, 5) == 4401


def test_sec_7_a_ticket_opens_one_socket(client: Client) -> None:
    offer = [Subprotocol("dashboard"), Subprotocol(f"ticket.{client.ticket()}")]
    with opened(client, subprotocols=offer) as wire:
        assert wire.subprotocol == "dashboard"
        assert json.loads(wire.recv(timeout=5))
    with opened(client, subprotocols=offer) as again:
        assert close_code(again, 5) == 4401


def test_sec_7_an_invented_ticket_is_closed_with_4401(client: Client) -> None:
    offer = [Subprotocol("dashboard"), Subprotocol("ticket." + "A" * 43)]
    with opened(client, subprotocols=offer) as wire:
        assert close_code(wire, 5) == 4401


def test_sec_7_a_token_in_the_address_opens_nothing(client: Client) -> None:
    token = client.http.headers["Authorization"].removeprefix("Bearer ")
    with opened(client) as wire:
        assert close_code(wire, 8) == 4401
    with connect(f"{client.socket_url}?token={token}&ticket={client.ticket()}", origin=client.origin) as wire:
        assert close_code(wire, 8) == 4401


def test_sec_2_signing_out_closes_the_open_socket_within_five_seconds(stack: Stack) -> None:
    client = stack.client()
    offer = [Subprotocol("dashboard"), Subprotocol(f"ticket.{client.ticket()}")]
    with opened(client, subprotocols=offer) as wire:
        wire.recv(timeout=5)
        client.post("auth/logout/", {"refresh": client._refresh})
        begun = time.monotonic()
        assert close_code(wire, 10) in (4401, 4403)
        assert time.monotonic() - begun < 5.5


def test_sec_8_a_silent_socket_is_closed_after_five_seconds(client: Client) -> None:
    begun = time.monotonic()
    with opened(client) as wire:
        assert close_code(wire, 10) == 4401
    assert 4 < time.monotonic() - begun < 8


def test_sec_8_a_frame_of_a_mebibyte_is_refused(client: Client) -> None:
    offer = [Subprotocol("dashboard"), Subprotocol(f"ticket.{client.ticket()}")]
    with opened(client, subprotocols=offer) as wire:
        wire.send("x" * 1024 * 1024)
        assert close_code(wire, 5) == 1009


def test_sec_8_a_flood_of_messages_ends_the_socket(client: Client) -> None:
    offer = [Subprotocol("dashboard"), Subprotocol(f"ticket.{client.ticket()}")]
    with opened(client, subprotocols=offer) as wire:
        try:
            for _ in range(200):
                wire.send('{"type":"ping"}')
        except ConnectionClosed:
            pass
        assert close_code(wire, 5) == 4429


def test_sec_17_a_chunked_flood_is_cut_off(stack: Stack) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"[" * 1024 * 1024

    with httpx.Client(base_url=stack.url) as plain:
        try:
            answer = plain.post(
                "/api/v1/auth/token/", content=endless(), headers={"Content-Type": "application/json"}
            )
        except httpx.TransportError:
            return  # the server had answered and hung up while we were still sending
        assert answer.status_code == 413


def test_sec_21_the_log_of_the_process_holds_no_secret(stack: Stack) -> None:
    client = stack.client()
    ticket = client.ticket()
    made = client.post("keys/", {"name": "canary", "scopes": ["read"]})
    token = client.http.headers["Authorization"].removeprefix("Bearer ")
    with httpx.Client(base_url=stack.url) as plain:
        plain.get(f"/api/v1/me/?token={token}", headers={"Authorization": f"Bearer {made['key']}x"})
        plain.get(f"/api/v1/{token}/", headers={"Cookie": f"mc_refresh={client._refresh}"})
        plain.post("/api/v1/auth/token/", json={"username": "admin", "password": "canary-password-55"})
    with opened(client, subprotocols=[Subprotocol("dashboard"), Subprotocol(f"ticket.{ticket}x")]) as wire:
        close_code(wire, 5)
    log = stack.logs()
    for secret in (ticket, made["key"], token, client._refresh, "canary-password-55", client.password):
        assert secret not in log


def test_sec_8_one_caller_may_not_hold_more_than_twenty_sockets(client: Client) -> None:
    text = client.post("keys/", {"name": "many", "scopes": ["read"]})["key"]
    header = {"Authorization": f"Bearer {text}"}
    with ExitStack() as sockets:
        held = [
            sockets.enter_context(opened(client, origin=None, additional_headers=header)) for _ in range(21)
        ]
        for wire in held[:20]:
            assert json.loads(wire.recv(timeout=5))["type"] == "connection"
        assert close_code(held[20], 5) == 4429
