"""The example agents of the README, run as a stranger would, and killed as a machine would."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.rig.answering import Asked, answering
from tests.rig.answering import http as reply
from tests.rig.client import Client
from tests.rig.process import free_port
from tests.rig.stack import ROOT, Stack
from tests.rig.waiting import until

EXAMPLES = ROOT / "examples"
TEXT = 'The pay button does "nothing" on the cart page, and the pay page stays empty'


@pytest.fixture(scope="module")
def embedded() -> Iterator[Stack]:
    with Stack("embedded") as running:
        yield running


@pytest.fixture
def client(embedded: Stack) -> Iterator[Client]:
    signed_in = embedded.client()
    yield signed_in
    signed_in.close()


@pytest.fixture
def key(client: Client) -> str:
    made = client.post("keys/", {"name": "example", "scopes": ["agent"]})
    return str(made["key"])


class Program:
    """One example program, ended with its test."""

    def __init__(self, stack: Stack, key: str, *command: str) -> None:
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "MC_URL": stack.url, "MC_KEY": key},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def agent_named(client: Client, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = client.get("agents/", params={"q": name})["results"]
        return found[0] if found else None

    agent: dict[str, Any] = until(look, 30, f"{name} to register")
    return agent


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("shell-agent", ("sh", str(EXAMPLES / "agent.sh"))),
        ("python-agent", (sys.executable, str(EXAMPLES / "agent.py"))),
    ],
)
def test_an_example_agent_takes_a_command_to_its_end(
    embedded: Stack, client: Client, key: str, name: str, command: tuple[str, ...]
) -> None:
    program = Program(embedded, key, *command)
    try:
        agent = agent_named(client, name)
        body = {"command": "text.summarise", "input": {"text": TEXT}}
        run = client.post(f"agents/{agent['id']}/command-runs/", body)
        ended = until(
            lambda: (found := client.get(f"command-runs/{run['id']}/"))["finished_at"] and found,
            60,
            "the command run",
        )
    finally:
        program.kill()
    assert ended["status"] == "completed", ended
    assert ended["output"]["text"].startswith("15 words")
    assert ended["agent"]["name"] == name


@pytest.fixture
def http(embedded: Stack, key: str) -> Iterator[Client]:
    """The agent's own client."""
    agent = Client(embedded.url)
    agent.http.headers["Authorization"] = f"Bearer {key}"
    agent.http.timeout = 40
    yield agent
    agent.close()


def test_work_of_a_killed_agent_is_done_by_it_when_it_returns(client: Client, http: Client) -> None:
    """kill -9 after the claim: the lease runs out, the same agent claims again under a new fence."""
    agent = http.post(
        "agents/register/", {"name": "frail", "type": "script", "capabilities": ["summarising"]}
    )
    body = {"command": "text.summarise", "input": {"text": TEXT}}
    run = client.post(f"agents/{agent['id']}/command-runs/", body)
    first = http.post(f"agents/{agent['id']}/claims/?wait=20")["command_run"]
    assert first["id"] == run["id"]
    again = until(
        lambda: (
            http.request("POST", f"agents/{agent['id']}/claims/?wait=5").status_code == 200
            or client.get(f"command-runs/{run['id']}/")["fence"] > first["fence"] + 1
        ),
        40,
        "the second claim",
    )
    assert again
    late = http.request(
        "POST",
        f"command-runs/{run['id']}/result/",
        json={"fence": first["fence"], "output": {"text": "late"}},
    )
    assert late.status_code == 409
    now = client.get(f"command-runs/{run['id']}/")
    assert now["status"] == "running"
    assert now["attempts"][0]["outcome"] == "lost"
    done = http.post(f"command-runs/{run['id']}/result/", {"fence": now["fence"], "output": {"text": "once"}})
    assert done["status"] == "completed"
    assert client.get(f"command-runs/{run['id']}/")["output"] == {"text": "once"}


def test_a_callback_finishes_work_once_though_the_worker_that_sent_it_was_killed() -> None:
    """kill -9 after the 202: the agent holds the lease, so nobody takes its work back."""
    orders: queue.Queue[dict[str, Any]] = queue.Queue()

    def take(asked: Asked) -> bytes:
        orders.put(json.loads(asked.body))
        return reply(202)

    port = free_port()
    stack = Stack("embedded", env={"MC_OUTBOUND_ALLOW": f"127.0.0.1:{port}"})
    stack.extra(MC_PUBLIC_URL=stack.url)
    with answering(take, port=port) as endpoint, stack:
        client = stack.client()
        made = {"name": "called", "type": "script", "capabilities": ["summarising"], "endpoint": endpoint.url}
        agent = client.post("agents/", made)
        body = {"command": "text.summarise", "input": {"text": TEXT}}
        run = client.post(f"agents/{agent['id']}/command-runs/", body)
        said = orders.get(timeout=60)

        def is_handed_over() -> bool:
            shown = client.get(f"command-runs/{run['id']}/")
            return bool(shown["message"].endswith("will call back"))

        until(is_handed_over, 30, "the lease to be the agent's")
        stack.webs[0].kill()
        stack.start_web()
        client = stack.client()
        headers = {"Authorization": f"Bearer {said['callback_token']}"}

        def report(output: str) -> httpx.Response:
            result = {"fence": said["fence"], "output": {"text": output}}
            return httpx.post(f"{said['callback_url']}result/", json=result, headers=headers, timeout=20)

        assert report("once").json()["status"] == "completed"
        assert report("once").json()["status"] == "completed"
        assert report("twice").status_code == 409
        shown = client.get(f"command-runs/{run['id']}/")
        assert (shown["output"], shown["lost_count"]) == ({"text": "once"}, 0)
        assert [attempt["outcome"] for attempt in shown["attempts"]] == ["completed"]
        assert orders.empty()
