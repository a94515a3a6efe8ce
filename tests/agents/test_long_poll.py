"""Waiting for work on the real server: cheap while it lasts, over as soon as there is work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

CROWD = 40


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack("embedded") as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture
def robot(client: Client) -> Iterator[httpx.Client]:
    key = client.post("keys/", {"name": "robot", "scopes": ["agent"]})["key"]
    base = f"{client.base}/api/v1/"
    limits = httpx.Limits(max_connections=CROWD)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=base, headers=headers, limits=limits, timeout=40) as http:
        yield http


def joined(robot: httpx.Client, name: str) -> str:
    body = {"name": name, "type": "tester", "capabilities": ["triage"]}
    return str(robot.post("agents/register/", json=body).json()["id"])


def test_many_who_wait_hold_no_threads(stack: Stack, robot: httpx.Client) -> None:
    agent = joined(robot, "waiting crowd")
    server = psutil.Process(stack.webs[0].pid)
    with ThreadPoolExecutor(CROWD) as crowd:
        before = server.num_threads()
        polls = [crowd.submit(robot.post, f"agents/{agent}/claims/?wait=20") for _ in range(CROWD)]
        until(lambda: len(established(server)) >= CROWD, 15, "everybody to connect", every=0.1)
        # The first looks run in threads; they are given back while everybody still waits.
        until(lambda: server.num_threads() - before < CROWD / 4, 15, "the threads to be free", every=0.1)
        assert not any(poll.done() for poll in polls)
        assert {poll.result().status_code for poll in polls} == {204}


def established(server: psutil.Process) -> list[Any]:
    return [one for one in server.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]


def test_work_ends_the_wait_at_once(client: Client, robot: httpx.Client) -> None:
    agent = joined(robot, "eager")
    command = next(c for c in client.get("commands/?capability=triage")["results"])
    with ThreadPoolExecutor(1) as aside:
        poll: Future[httpx.Response] = aside.submit(robot.post, f"agents/{agent}/claims/?wait=20")
        begun = time.monotonic()
        given = dict.fromkeys(command["parameters"].get("required", []), "x")
        client.post(f"agents/{agent}/command-runs/", {"command": command["name"], "input": given})
        answer = poll.result()
        assert answer.status_code == 200, answer.text
        assert answer.json()["command_run"]["command"] == command["name"]
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize("wait", ["26", "-1", "x", "0025999999", "²", "1.5"])
def test_a_senseless_wait_is_a_mistake(robot: httpx.Client, wait: str) -> None:
    answer = robot.post(f"agents/{joined(robot, 'strange')}/claims/?wait={wait}")
    assert answer.status_code == 400
    assert "wait" in answer.json()["errors"]


def test_a_stranger_does_not_wait(client: Client, robot: httpx.Client) -> None:
    agent = joined(robot, "private")
    begun = time.monotonic()
    answer = httpx.post(f"{client.base}/api/v1/agents/{agent}/claims/?wait=20", timeout=30)
    assert answer.status_code == 401
    assert time.monotonic() - begun < 5
