"""Row 9: what a key of each scope may do at every door, whose agent it may be, and how soon it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

SCOPES = ("agent", "ingest", "read", "run")
NOBODY = "00000000-0000-4000-8000-000000000000"
MCP_HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
# Door, method, path, body, and the scopes that open it. An opened door may say 400, 404 or 409.
DOORS: list[tuple[str, str, str, Any, set[str]]] = [
    ("register", "POST", "/api/v1/agents/register/", {}, {"agent"}),
    ("heartbeat", "POST", f"/api/v1/agents/{NOBODY}/heartbeat/", {}, {"agent"}),
    ("claim", "POST", f"/api/v1/agents/{NOBODY}/claims/", {}, {"agent"}),
    ("long poll", "POST", f"/api/v1/agents/{NOBODY}/claims/?wait=1", {}, {"agent"}),
    ("updates", "POST", "/api/v1/agents/updates/", {"updates": [{}]}, {"agent"}),
    ("acknowledge", "POST", f"/api/v1/command-runs/{NOBODY}/acknowledgement/", {}, {"agent"}),
    ("progress", "POST", f"/api/v1/command-runs/{NOBODY}/progress/", {}, {"agent"}),
    ("log", "POST", f"/api/v1/command-runs/{NOBODY}/logs/", {}, {"agent"}),
    ("ask", "POST", f"/api/v1/command-runs/{NOBODY}/approvals/", {}, {"agent"}),
    ("result", "POST", f"/api/v1/command-runs/{NOBODY}/result/", {}, {"agent"}),
    ("traces", "POST", "/v1/traces", None, {"ingest"}),
    ("logs", "POST", "/v1/logs", None, {"ingest"}),
    ("answer", "GET", f"/api/v1/command-runs/{NOBODY}/approvals/{NOBODY}/", None, {"agent"}),
    ("command's entry", "GET", "/api/v1/commands/text.summarise/", None, {"agent", "read"}),
    ("catalogue", "GET", "/api/v1/commands/", None, {"read"}),
    ("agents", "GET", "/api/v1/agents/", None, {"read"}),
    ("runs", "GET", "/api/v1/runs/", None, {"read"}),
    ("snapshot", "GET", "/api/v1/monitoring/dashboard/snapshot/", None, {"read"}),
    ("log of a run", "GET", f"/api/v1/command-runs/{NOBODY}/logs/", None, {"read"}),
    ("command", "POST", f"/api/v1/agents/{NOBODY}/command-runs/", {}, {"run"}),
    ("pause", "POST", f"/api/v1/agents/{NOBODY}/pause/", {}, {"run"}),
    ("cancel", "POST", f"/api/v1/command-runs/{NOBODY}/cancellation/", {}, {"run"}),
    ("start", "POST", "/api/v1/workflows/none/runs/", {}, {"run"}),
    ("keys", "GET", "/api/v1/keys/", None, set()),
    ("make a key", "POST", "/api/v1/keys/", {"name": "x", "scopes": ["read"]}, set()),
    ("rotate a key", "POST", f"/api/v1/keys/{NOBODY}/rotation/", {}, set()),
    ("limits", "PATCH", "/api/v1/project/", {"max_runs": 1}, set()),
]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Leases longer than a test: who holds what must not change meanwhile.
    lease = {"MC_LEASE_SECONDS": "120"}
    with Stack(mode.current(), webs=2 if mode.current() == "server" else 1, env=lease) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


def key_of(client: Client, *scopes: str, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.post("keys/", {"name": "k", "scopes": list(scopes)} | fields)
    return made


def call(url: str, text: str, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {text}"}
    if path.startswith("/v1/"):
        return httpx.post(f"{url}{path}", content=b"{}", headers=headers | JSON, timeout=30)
    return httpx.request(method, f"{url}{path}", json=body, headers=headers, timeout=30)


JSON = {"Content-Type": "application/json"}


def tool(url: str, text: str, name: str, arguments: dict[str, Any]) -> httpx.Response:
    """One MCP call, as any client of the protocol makes it."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    return httpx.post(
        f"{url}/mcp",
        json=body | {"params": {"name": name, "arguments": arguments}},
        headers=MCP_HEADERS | {"Authorization": f"Bearer {text}"},
        timeout=40,
    )


def refused(answer: httpx.Response) -> bool:
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["result"].get("isError"))


@pytest.mark.parametrize("scope", SCOPES)
def test_sec_9_a_scope_opens_its_own_doors_and_no_other(stack: Stack, client: Client, scope: str) -> None:
    text = key_of(client, scope)["key"]
    for door, method, path, body, scopes in DOORS:
        code = call(stack.url, text, method, path, body).status_code
        assert code < 500, door
        assert code != 401, door
        assert (code == 403) == (scope not in scopes), f"{door} answered {code} to {scope}"
    for name, arguments, needed in (
        ("whoami", {}, set(SCOPES)),
        ("whoami", {"name": f"mcp {scope}"}, {"agent"}),
        ("list_runs", {}, {"read"}),
    ):
        assert refused(tool(stack.url, text, name, arguments)) == (scope not in needed), (scope, name)


def test_sec_9_without_a_key_every_door_is_shut(stack: Stack) -> None:
    for door, method, path, body, _ in DOORS:
        assert call(stack.url, "mc_wrong", method, path, body).status_code == 401, door
    assert tool(stack.url, "mc_wrong", "whoami", {}).status_code == 401


def test_sec_9_an_agents_key_reads_what_a_command_asks_of_it_and_not_who_else_can_do_it(
    stack: Stack, client: Client
) -> None:
    path = "/api/v1/commands/text.summarise/"
    seen = call(stack.url, key_of(client, "agent")["key"], "GET", path).json()
    whole = call(stack.url, key_of(client, "read")["key"], "GET", path).json()
    assert whole["agents"] != []
    assert seen == whole | {"agents": []}
    for scope in ("ingest", "run"):
        assert call(stack.url, key_of(client, scope)["key"], "GET", path).status_code == 403


def agent_named(stack: Stack, text: str, name: str) -> str:
    body = {"name": name, "type": "tester", "capabilities": ["triage"]}
    answer = call(stack.url, text, "POST", "/api/v1/agents/register/", body)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def claimed(stack: Stack, client: Client, text: str, agent_id: str) -> dict[str, Any]:
    command = client.get("commands/?capability=triage")["results"][0]
    given = dict.fromkeys(command["parameters"].get("required", []), "x")
    client.post(f"agents/{agent_id}/command-runs/", {"command": command["name"], "input": given})
    answer = call(stack.url, text, "POST", f"/api/v1/agents/{agent_id}/claims/?wait=20")
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["command_run"])


def test_sec_9_a_key_of_one_agent_is_that_agent_and_no_other(stack: Stack, client: Client) -> None:
    fleet = key_of(client, "agent")["key"]
    mine, theirs = f"mine {uuid4().hex[:6]}", f"theirs {uuid4().hex[:6]}"
    my_id, their_id = agent_named(stack, fleet, mine), agent_named(stack, fleet, theirs)
    bound = key_of(client, "agent", "ingest", agent_id=my_id)["key"]
    work = claimed(stack, client, fleet, their_id)
    run, fence = f"/api/v1/command-runs/{work['id']}", work["fence"]

    def code(path: str, body: Any = None) -> int:
        return call(stack.url, bound, "POST", path, body).status_code

    register = "/api/v1/agents/register/"
    for name in (theirs, f"new {uuid4().hex[:6]}"):
        assert code(register, {"name": name, "type": "tester", "capabilities": []}) == 403
    assert agent_named(stack, bound, mine) == my_id
    assert code(f"/api/v1/agents/{their_id}/heartbeat/", {}) == 404
    assert code(f"/api/v1/agents/{their_id}/claims/") == 404
    assert code(f"/api/v1/agents/{their_id}/claims/?wait=1") == 404
    assert code(f"/api/v1/agents/{my_id}/heartbeat/", {}) == 200
    for path, body in (
        ("acknowledgement", {"fence": fence}),
        ("progress", {"fence": fence, "progress": 99}),
        ("logs", {"fence": fence, "lines": [{"text": "I was here"}]}),
        ("approvals", {"fence": fence, "title": "May I?"}),
        ("result", {"fence": fence, "output": {"text": "forged"}}),
    ):
        assert code(f"{run}/{path}/", body) == 404, path
    updates = [
        {"type": "heartbeat", "agent": their_id},
        {"type": "heartbeat", "agent": theirs},
        {"type": "progress", "command_run": work["id"], "fence": fence, "progress": 99},
        {"type": "log", "command_run": work["id"], "fence": fence, "text": "I was here"},
        {"type": "register", "name": theirs},
        {"type": "register", "name": f"new {uuid4().hex[:6]}"},
    ]
    answer = call(stack.url, bound, "POST", "/api/v1/agents/updates/", {"updates": updates}).json()
    assert [one["index"] for one in answer["rejected"]] == list(range(len(updates)))
    for name, given in (
        ("whoami", {"name": theirs}),
        ("heartbeat", {"agent": their_id}),
        ("next_command", {"agent": their_id, "wait_s": 0}),
        ("report_progress", {"id": work["id"], "fence": fence, "percent": 99}),
        ("complete_command", {"id": work["id"], "fence": fence, "output": "forged"}),
    ):
        assert refused(tool(stack.url, bound, name, given)), name
    still = client.get(f"command-runs/{work['id']}/")
    assert (still["status"], still["progress"]) == ("running", 0)
    done = {"fence": fence, "output": {"text": "ok"}}
    assert call(stack.url, fleet, "POST", f"{run}/result/", done).status_code == 200


def test_sec_9_telemetry_of_a_bound_key_is_its_agents_whatever_it_says(stack: Stack, client: Client) -> None:
    mine = f"watched {uuid4().hex[:6]}"
    my_id = agent_named(stack, key_of(client, "agent")["key"], mine)
    bound = key_of(client, "ingest", agent_id=my_id)
    export = ExportTraceServiceRequest()
    span = export.resource_spans.add().scope_spans.add().spans.add(name="invoke_agent somebody else")
    span.trace_id, span.span_id = uuid4().bytes, uuid4().bytes[:8]
    span.start_time_unix_nano = time.time_ns() - 10**9
    span.end_time_unix_nano = time.time_ns()
    for name, value in (("operation.name", "invoke_agent"), ("agent.name", "somebody else")):
        span.attributes.add(key=f"gen_ai.{name}").value.string_value = value
    headers = {"Authorization": f"Bearer {bound['key']}", "Content-Type": "application/x-protobuf"}
    sent = httpx.post(f"{stack.url}/v1/traces", content=export.SerializeToString(), headers=headers)
    assert sent.status_code == 200

    def agents() -> list[dict[str, Any]]:
        return list(client.get(f"keys/{bound['id']}/")["agents"])

    until(agents, 30, "the export to be read")
    assert agents() == [{"id": my_id, "name": mine}]
    assert client.get("agents/?q=somebody+else")["results"] == []


def test_sec_9_what_a_worker_does_is_no_agents_to_report(stack: Stack, client: Client) -> None:
    """An HTTP request of a workflow has no agent; its fence is a small number that can be guessed."""
    document = {
        "name": "Calls out",
        "slug": f"calls-{uuid4().hex[:6]}",
        "steps": [{"key": "call", "http": {"method": "GET", "url": "https://203.0.113.1/"}}],
    }
    client.post("workflows/", {"source": json.dumps(document)})
    run = client.post(f"workflows/{document['slug']}/runs/", {"input": {}})
    step = until(
        lambda: next((s for s in client.run(run["id"])["steps"] if s["command_run_id"]), None),
        30,
        "the request to be queued",
    )
    text = key_of(client, "agent")["key"]
    for fence in range(4):
        path = f"/api/v1/command-runs/{step['command_run_id']}/result/"
        body = {"fence": fence, "output": {"status": 200, "body": "forged"}}
        assert call(stack.url, text, "POST", path, body).status_code == 404
    client.request("POST", f"runs/{run['id']}/cancellation/")


def revoked_at(client: Client, key: dict[str, Any]) -> float:
    """When the revocation was answered; on the first web process, the key being used at the last one."""
    assert client.request("DELETE", f"keys/{key['id']}/").status_code == 204
    return time.monotonic()


def test_sec_9_a_revoked_key_is_refused_within_a_second_over_rest(stack: Stack, client: Client) -> None:
    key = key_of(client, "read")
    url = stack.urls[-1]
    assert call(url, key["key"], "GET", "/api/v1/agents/").status_code == 200
    begun = revoked_at(client, key)
    good_at = begun
    while call(url, key["key"], "GET", "/api/v1/agents/").status_code == 200:
        good_at = time.monotonic()
    assert good_at - begun < 1 + GRACE


def read_on(wire: ClientConnection) -> None:
    while True:
        wire.recv(timeout=20)


def test_sec_9_a_revoked_key_ends_its_socket_within_a_second(stack: Stack, client: Client) -> None:
    key = key_of(client, "read")
    header = {"Authorization": f"Bearer {key['key']}"}
    url = stack.urls[-1].replace("http", "ws", 1) + "/ws/dashboard/"
    with connect(url, additional_headers=header) as wire:
        wire.recv(timeout=10)
        begun = revoked_at(client, key)
        with pytest.raises(ConnectionClosed):
            read_on(wire)
        assert time.monotonic() - begun < 1 + GRACE
        assert wire.close_code == 4401


def test_sec_9_a_revoked_key_ends_its_long_polls_within_a_second(stack: Stack, client: Client) -> None:
    key = key_of(client, "agent")
    url = stack.urls[-1]
    agent_id = agent_named(stack, key["key"], f"waits {uuid4().hex[:6]}")
    path = f"/api/v1/agents/{agent_id}/claims/?wait=25"

    def heard() -> Any:
        return client.get(f"agents/{agent_id}/")["last_active"]

    with ThreadPoolExecutor(2) as aside:
        before = heard()
        rest = aside.submit(call, url, key["key"], "POST", path)
        until(lambda: heard() != before, 20, "the poll to begin")
        mcp = aside.submit(tool, url, key["key"], "next_command", {"agent": agent_id, "wait_s": 25})
        before = heard()
        until(lambda: heard() != before, 20, "the polls to look again")
        assert not rest.done()
        assert not mcp.done()
        begun = revoked_at(client, key)
        assert rest.result().status_code == 401
        assert refused(mcp.result())
        assert time.monotonic() - begun < 1 + GRACE


# What a loaded machine may add to the second that the product takes.
GRACE = 15  # seconds for a machine that does much else; without the watch it would be never
