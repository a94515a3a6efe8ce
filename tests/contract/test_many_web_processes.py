"""Two web processes: a change accepted by one is shown by the other at once, with and without Redis."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(mode.current() != "server", reason="embedded mode is one process"),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[Stack]:
    with Stack("server", webs=2) as stack:
        yield stack


def tells(agent: str, status: str, message: dict[str, Any]) -> bool:
    return (message.get("agent_id"), message.get("status")) == (agent, status)


def seconds_until_shown(writer: Client, reader: Client, agent: str, method: str) -> float:
    """From the 2xx of one process until the other's answer holds the change."""
    wanted = {"POST": "paused", "DELETE": "idle"}[method]
    assert writer.request(method, f"agents/{agent}/pause/").is_success
    began = time.perf_counter()
    while time.perf_counter() - began < 10:
        if next(one for one in reader.dashboard("agents/") if one["id"] == agent)["status"] == wanted:
            return time.perf_counter() - began
    raise AssertionError("the other process never showed the change")


def test_a_change_through_one_process_is_shown_by_the_other_at_once(pair: Stack) -> None:
    writer, reader = pair.client(0), pair.client(1)
    agent = reader.dashboard("agents/")[0]["id"]
    took = [
        seconds_until_shown(writer, reader, agent, method) for _ in range(10) for method in ("POST", "DELETE")
    ]
    assert statistics.median(took) < 0.1
    assert max(took) < 2, "a lost doorbell is noticed by the poll of once a second"


def test_sockets_of_one_process_hear_of_changes_through_the_other(pair: Stack) -> None:
    writer, reader = pair.client(0), pair.client(1)
    agent = reader.dashboard("agents/")[0]["id"]
    with reader.socket() as messages:
        messages.wait_for(lambda message: message["type"] == "connection")
        for method, status in (("POST", "paused"), ("DELETE", "idle")):
            writer.request(method, f"agents/{agent}/pause/")
            messages.wait_for(partial(tells, agent, status), 5)


def test_when_redis_loses_everything_changes_are_shown_within_five_seconds(pair: Stack) -> None:
    writer, reader = pair.client(0), pair.client(1)
    agent = reader.dashboard("agents/")[0]["id"]
    assert pair.redis is not None
    pair.redis.wipe()
    assert seconds_until_shown(writer, reader, agent, "POST") < 5
    pair.redis.lose_everything()
    assert seconds_until_shown(writer, reader, agent, "DELETE") < 5
    pair.redis.process.kill()
    try:
        for method in ("POST", "DELETE"):
            assert seconds_until_shown(writer, reader, agent, method) < 5
    finally:
        pair.redis.start()
