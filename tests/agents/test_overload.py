"""Too much, or no database: agents are told when to come again, and nothing is half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.db import connections

from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.factories import make_agent
from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

server_only = pytest.mark.skipif(mode.current() != "server", reason="needs PostgreSQL")


@pytest.fixture
def slow_down(settings: Any) -> None:
    """So little that one call uses up hours of it, however slow the machine is."""
    settings.MC = settings.MC.model_copy(update={"agent_rate": 0.001})


def refused(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["status"] == status


@pytest.mark.django_db
def test_a_key_that_asks_too_much_is_told_when_to_come_again(slow_down: None) -> None:
    agent = make_agent(connector="pull")
    busy, quiet = (Caller(make_key("agent").text) for _ in range(2))
    beat = {"type": "heartbeat", "agent": agent.name}
    assert busy.post(f"agents/{agent.pk}/heartbeat/").status_code == 200
    refused(busy.post(f"agents/{agent.pk}/heartbeat/"), 429)
    refused(busy.post("agents/updates/", {"updates": [beat]}), 429)
    refused(busy.post("agents/register/", {"name": "other"}), 429)
    assert quiet.post(f"agents/{agent.pk}/heartbeat/").status_code == 200


@pytest.mark.django_db
def test_a_batch_counts_each_of_its_updates(slow_down: None) -> None:
    agent = make_agent(connector="pull")
    robot = Caller(make_key("agent").text)
    updates = [{"type": "heartbeat", "agent": agent.name}] * 60
    assert robot.post("agents/updates/", {"updates": updates}).json()["accepted"] == 60
    answer = robot.post("agents/updates/", {"updates": updates[:1]})
    refused(answer, 429)
    assert int(answer.headers["Retry-After"]) > 50_000  # the large batch is paid for first


@pytest.mark.django_db
def test_people_and_unlimited_keys_are_not_counted(slow_down: None, settings: Any) -> None:
    agent = make_agent(connector="pull")
    human = caller(make_user())
    assert {human.get(f"agents/{agent.pk}/").status_code for _ in range(20)} == {200}
    settings.MC = settings.MC.model_copy(update={"agent_rate": 0})
    robot = Caller(make_key("agent").text)
    assert {robot.post(f"agents/{agent.pk}/heartbeat/").status_code for _ in range(20)} == {200}


@server_only
@pytest.mark.django_db(transaction=True)
def test_a_pool_without_a_free_connection_is_no_failure_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = make_agent(connector="pull")
    robot = Caller(make_key("agent").text)
    pool: Any = connections["default"].pool  # type: ignore[attr-defined]
    assert robot.post(f"agents/{agent.pk}/heartbeat/").status_code == 200  # its key is known now
    monkeypatch.setattr(pool, "timeout", 0.1)
    taken: list[Any] = []
    try:
        while len(taken) < pool.max_size:
            try:
                taken.append(pool.getconn(timeout=0.1))
            except Exception:
                break
        with ThreadPoolExecutor(1) as apart:
            refused(apart.submit(robot.post, f"agents/{agent.pk}/heartbeat/").result(), 503)
            refused(apart.submit(robot.post, "agents/updates/", {"updates": []}).result(), 503)
    finally:
        for one in taken:
            pool.putconn(one)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack("server", env={"MC_LEASE_SECONDS": "600"}) as running:  # which outlasts the database
        yield running


@server_only
def test_without_its_database_every_call_of_an_agent_says_when_to_come_again(stack: Stack) -> None:
    assert stack.postgres is not None
    human = stack.client()
    key = human.post("keys/", {"name": "fleet", "scopes": ["agent"]})["key"]
    with httpx.Client(
        base_url=f"{stack.url}/api/v1/", headers={"Authorization": f"Bearer {key}"}, timeout=30
    ) as robot:
        agent = robot.post("agents/register/", json={"name": "scout", "capabilities": ["x"]}).json()["id"]
        run = claimed(human, robot, agent)
        beat = {"type": "heartbeat", "agent": agent, "status": "idle", "event_id": "e1"}
        calls: list[tuple[str, dict[str, Any]]] = [
            ("agents/updates/", {"updates": [beat]}),
            ("agents/register/", {"name": "scout", "capabilities": ["x"]}),
            (f"agents/{agent}/heartbeat/", {}),
            (f"agents/{agent}/claims/?wait=0", {}),
            (f"agents/{agent}/claims/?wait=5", {}),
            (f"command-runs/{run['id']}/acknowledgement/", {"fence": run["fence"]}),
            (f"command-runs/{run['id']}/progress/", {"fence": run["fence"], "progress": 1}),
            (f"command-runs/{run['id']}/logs/", {"fence": run["fence"], "lines": [{"text": "x"}]}),
            (f"command-runs/{run['id']}/approvals/", {"fence": run["fence"], "title": "?", "event_id": "q"}),
            (f"command-runs/{run['id']}/result/", {"fence": run["fence"], "output": {}}),
        ]
        stack.postgres.process.stop(signal.SIGINT)
        for path, body in calls:
            refused(robot.post(path, json=body), 503)
        stack.postgres.restart()
        until(lambda: robot.post(f"agents/{agent}/heartbeat/", json={}).is_success, 30, "the database")
        for path, body in calls[:4] + calls[5:]:
            answer = until(lambda path=path, body=body: settled(robot, path, body), 30, path)  # type: ignore[misc]
            assert answer.is_success, (path, answer.text)


def settled(robot: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response | None:
    """The answer; None while a connection that died with the database says 503 once."""
    answer = robot.post(path, json=body)
    return None if answer.status_code == 503 else answer


def claimed(human: Client, robot: httpx.Client, agent: str) -> dict[str, Any]:
    """A command run in the agent's hands."""
    command = human.get("commands/")["results"][0]
    robot.post("agents/register/", json={"name": "scout", "capabilities": [command["capability"]]})
    value = dict.fromkeys(command["parameters"].get("required", []), "x")
    human.post(f"agents/{agent}/command-runs/", {"command": command["name"], "input": value})

    def look() -> dict[str, Any] | None:
        answer = robot.post(f"agents/{agent}/claims/?wait=5", json={})
        return answer.json()["command_run"] if answer.status_code == 200 else None

    found: dict[str, Any] = until(look, 30, "the work")
    return found
