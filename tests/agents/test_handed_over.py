"""Work that an agent with an endpoint answered with 202: it holds no place of a worker, and its end is
the agent's callback, a timeout or a cancellation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.agents.test_http_agents import Accepting, ended, make_agent, order, report
from tests.rig import mode
from tests.rig.answering import Answering, answering
from tests.rig.client import Client
from tests.rig.process import free_port
from tests.rig.stack import Stack
from tests.rig.waiting import until

SLOTS = 2
OUTSTANDING = 30


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stack(port: int) -> Iterator[Stack]:
    env = {"MC_OUTBOUND_ALLOW": f"127.0.0.1:{port}", "MC_WORKER_SLOTS": str(SLOTS)}
    new = Stack(mode.current(), env=env)
    new.extra(MC_PUBLIC_URL=new.url)
    with new as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture
def accepting(port: int) -> Iterator[Accepting]:
    with answering(port=port) as server:
        server.reply = taken = Accepting()
        yield taken


@pytest.fixture
def endpoint(port: int) -> Answering:
    return Answering(b"", port)


def seconds_of_lease(run: dict[str, Any]) -> float:
    """From the start to the end of the lease; both are the database's moments."""
    begin, end = run["started_at"], run["lease_expires_at"]
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def handed_over(client: Client, run_id: str) -> dict[str, Any]:
    def look() -> Any:
        run = client.get(f"command-runs/{run_id}/")
        return run if run["message"].endswith("will call back") else None

    return dict(until(look, 60, f"{run_id} to be in the agent's hands", every=0.2))


def test_thirty_commands_that_are_called_back_later_hold_no_place_of_two(
    client: Client, accepting: Accepting, endpoint: Answering
) -> None:
    agent = make_agent(client, f"{endpoint.url}work", max_parallel=OUTSTANDING)
    runs = [order(client, agent) for _ in range(OUTSTANDING)]
    orders = [accepting.orders.get(timeout=60) for _ in runs]
    assert {body["id"] for body in orders} == set(runs)
    model = client.get("agents/?connector=llm")["results"][0]
    command = client.get(f"commands/?capability={model['capabilities'][0]}")["results"][0]
    given = dict.fromkeys(command["parameters"].get("required", []), "Something")
    other = client.post(f"agents/{model['id']}/command-runs/", {"command": command["name"], "input": given})
    assert ended(client, other["id"])["status"] == "completed"
    for run_id in runs:
        assert client.get(f"command-runs/{run_id}/")["status"] == "running"
    for body in orders:
        assert report(body, "result", output={"text": body["id"]}).status_code == 200
    for run_id in runs:
        run = ended(client, run_id)
        assert (run["status"], run["output"], run["attempt"]) == ("completed", {"text": run_id}, 1)


def test_the_lease_lasts_to_the_timeout_and_a_report_does_not_shorten_it(
    client: Client, accepting: Accepting, endpoint: Answering
) -> None:
    agent = make_agent(client, f"{endpoint.url}work")
    run_id = order(client, agent)
    body = accepting.orders.get(timeout=60)
    taken = handed_over(client, run_id)
    assert seconds_of_lease(taken) > body["timeout_seconds"]
    assert taken["holder"] == agent["name"]
    assert report(body, "progress", progress=40, message="Half way").status_code == 200
    shown = client.get(f"command-runs/{run_id}/")
    assert (shown["progress"], shown["message"]) == (40, "Half way")
    assert shown["lease_expires_at"] == taken["lease_expires_at"]
    assert report(body, "result", output={"text": "Done"}).status_code == 200


SILENT = """
name: {name}
slug: {slug}
steps:
  - key: ask
    agent: {agent}
    command: {command}
    with: {input}
    timeout_seconds: 1
    retry: {{attempts: 1}}
"""


def test_a_callback_that_never_comes_ends_as_a_timeout_and_the_endpoint_is_told(
    client: Client, accepting: Accepting, endpoint: Answering
) -> None:
    agent = make_agent(client, f"{endpoint.url}work")
    command, given = triage(client)
    slug = f"silent-{uuid4().hex[:8]}"
    source = SILENT.format(
        name=slug, slug=slug, agent=agent["slug"], command=command, input=json.dumps(given)
    )
    client.post("workflows/", {"source": source})
    run = client.wait_run(client.start(slug, {})["id"])
    body = accepting.orders.get(timeout=60)
    assert (run["status"], run["error"]["code"]) == ("failed", "step_failed")
    late = client.get(f"command-runs/{body['id']}/")
    assert (late["status"], late["error"]["code"], late["lost_count"]) == ("timed_out", "timeout", 0)
    assert accepting.cancelled.wait(30)
    assert report(body, "result", output={"text": "Late"}).status_code == 409


def test_a_cancellation_reaches_an_agent_that_holds_its_work_itself(
    client: Client, accepting: Accepting, endpoint: Answering
) -> None:
    agent = make_agent(client, f"{endpoint.url}work")
    run_id = order(client, agent)
    body = accepting.orders.get(timeout=60)
    handed_over(client, run_id)
    assert client.request("POST", f"command-runs/{run_id}/cancellation/").status_code == 202
    assert ended(client, run_id)["status"] == "cancelled"
    assert accepting.cancelled.wait(30)
    assert report(body, "progress", progress=50).status_code == 409
    assert report(body, "result", output={"text": "Late"}).status_code == 409


def test_an_agent_that_holds_its_work_itself_asks_people_and_reads_the_answer(
    client: Client, accepting: Accepting, endpoint: Answering
) -> None:
    agent = make_agent(client, f"{endpoint.url}work")
    run_id = order(client, agent)
    body = accepting.orders.get(timeout=60)
    question: dict[str, Any] = {
        "title": "Which branch?",
        "options": ["main", "next"],
        "event_id": "which-branch",
    }
    asked = report(body, "approvals", **question)
    assert (asked.status_code, asked.json()["state"]) == (201, "open"), asked.text
    assert report(body, "approvals", **question).json()["id"] == asked.json()["id"]
    approval = asked.json()["id"]
    assert client.get(f"agents/{agent['id']}/")["status"] == "waiting"
    assert read(body, approval).json()["state"] == "open"
    client.post(f"approvals/{approval}/decision/", {"approved": True, "option": "next"})
    answer = read(body, approval)
    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    assert answer.json()["answer"]["option"] == "next"

    order(client, make_agent(client, f"{endpoint.url}other"))
    foreign = accepting.orders.get(timeout=60)
    assert read(body, approval, token=foreign["callback_token"]).status_code == 401
    assert read(foreign, approval).status_code == 404
    assert report(foreign, "approvals", token=body["callback_token"], **question).status_code == 401
    for one in (body, foreign):
        assert report(one, "result", output={"text": "ok"}).status_code == 200
    assert ended(client, run_id)["status"] == "completed"
    assert report(body, "approvals", **question).status_code == 409


def read(body: dict[str, Any], approval: str, token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token or body['callback_token']}"}
    return httpx.get(f"{body['callback_url']}approvals/{approval}/", headers=headers, timeout=20)


def triage(client: Client) -> tuple[str, dict[str, str]]:
    command = client.get("commands/?capability=triage")["results"][0]
    return command["name"], dict.fromkeys(command["parameters"].get("required", []), "Something")
