"""Clients of the official MCP SDK against the running product: configured with an address and a key,
they take commands, report, ask people and start runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client

from tests.rig import mode
from tests.rig.client import Client
from tests.rig.stack import Stack
from tests.rig.waiting import until

SERVER = mode.current() == "server"
TOOLS = [
    "whoami", "heartbeat", "next_command", "ack_command", "report_progress", "complete_command",
    "request_approval", "get_approval", "list_runs", "start_workflow",
]  # fmt: skip
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("ack_command", {}),
    ("report_progress", {"percent": 90}),
    ("complete_command", {"output": "late"}),
    ("request_approval", {"title": "May I?"}),
]
STRANGERS_KEY = """
from apps.accounts.models import Project
from apps.accounts.services import issue_key
project = Project.objects.create(slug="{slug}", name="{slug}")
print(issue_key(project_id=project.pk, name="stranger", scopes=["agent", "read", "run"]).text)
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(mode.current(), webs=2 if SERVER else 1) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


class Tools:
    """A connected client. `tools.whoami(name="x")` gives the structured answer, or raises ToolError."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    def __getattr__(self, name: str) -> Any:
        async def call(**arguments: Any) -> Any:
            result = await self.session.call_tool(name, arguments)
            text = result.content[0].text  # type: ignore[union-attr]
            if result.isError:
                raise ToolError(text)
            assert json.loads(text) == result.structuredContent
            return result.structuredContent

        return call


class ToolError(Exception):
    """What the tool said is wrong."""


@asynccontextmanager
async def connected(url: str, key: str, **headers: str) -> AsyncIterator[Tools]:
    """What an MCP client does with its configuration: an address and headers, nothing else."""
    given = {"Authorization": f"Bearer {key}"} | {k.replace("_", "-"): v for k, v in headers.items()}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(headers=given, timeout=40))
        streams = await stack.enter_async_context(streamable_http_client(f"{url}/mcp", http_client=http))
        session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
        await session.initialize()
        yield Tools(session)


def key_for(client: Client, *scopes: str, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = client.post("keys/", {"name": "mcp", "scopes": list(scopes)} | fields)
    return made


def order(client: Client, agent_id: str) -> dict[str, Any]:
    """Ask the agent to do something it is able to do."""
    command = client.get("commands/?capability=triage")["results"][0]
    given = dict.fromkeys(command["parameters"].get("required", []), "Something")
    body = {"command": command["name"], "input": given}
    made: dict[str, Any] = client.post(f"agents/{agent_id}/command-runs/", body)
    return made


def new_name() -> str:
    return f"Robot {uuid4().hex[:8]}"


async def taken(client: Client, tools: Tools, agent_id: str) -> dict[str, Any]:
    made = await asyncio.to_thread(order, client, agent_id)
    command = (await tools.next_command(wait_s=20))["command"]
    assert command["id"] == made["id"]
    return dict(command)


async def test_configuration_alone_takes_a_command_to_its_end(stack: Stack, client: Client) -> None:
    key, name = key_for(client, "agent")["key"], new_name()
    about = {"X_Agent_Name": name, "X_Agent_Type": "triager", "X_Agent_Capabilities": "triage, review"}
    # Two connections, in server mode to two web processes: nothing is remembered between messages.
    async with (
        connected(stack.urls[0], key, **about) as tools,
        connected(stack.urls[-1], key, **about) as other,
    ):
        me = (await tools.whoami())["agent"]
        assert (me["name"], me["type"], me["capabilities"]) == (name, "triager", ["triage", "review"])
        shown = client.get(f"agents/{me['agent_id']}/")
        assert (shown["connector"], shown["status"]) == ("pull", "idle")
        assert (await tools.heartbeat(status="busy", current_task="Reading the manual"))["status"] == "busy"
        assert client.get(f"agents/{me['agent_id']}/")["current_task"] == "Reading the manual"
        assert (await tools.heartbeat(status="idle"))["status"] == "idle"

        waiting = asyncio.ensure_future(tools.next_command(wait_s=25))
        made = await asyncio.to_thread(order, client, me["agent_id"])
        command = (await waiting)["command"]
        assert command["id"] == made["id"]
        assert command["prompt"]
        assert command["traceparent"].split("-")[1] == made["id"].replace("-", "")
        assert command["input"] == made["input"]
        held = {"id": command["id"], "fence": command["fence"]}

        assert (await other.ack_command(**held))["cancel"] is False
        assert [one["id"] for one in (await other.whoami())["held"]] == [made["id"]]
        await other.report_progress(**held, percent=40, message="Half way there")
        running = client.get(f"command-runs/{made['id']}/")
        assert (running["status"], running["progress"], running["message"]) == (
            "running",
            40,
            "Half way there",
        )
        assert client.get(f"agents/{me['agent_id']}/")["status"] == "busy"

        done = await tools.complete_command(
            **held, output="All is well", input_tokens=7, output_tokens=3, model="m-1"
        )
        assert done == {"id": made["id"], "status": "completed"}
    ended = client.get(f"command-runs/{made['id']}/")
    assert (ended["status"], ended["output"]) == ("completed", {"text": "All is well"})
    assert (ended["tokens"], ended["model"]) == ({"input": 7, "output": 3}, "m-1")
    lines = [line["text"] for line in client.get(f"command-runs/{made['id']}/logs/")["results"]]
    assert f"Acknowledged by {name}" in lines
    assert "Half way there" in lines


async def test_the_trace_of_a_caller_is_kept_with_its_work(stack: Stack, client: Client) -> None:
    trace = uuid4().hex
    async with connected(stack.url, key_for(client, "agent")["key"], X_Agent_Name=new_name()) as tools:
        me = (await tools.whoami(type="triager", capabilities=["triage"]))["agent"]
        command = await taken(client, tools, me["agent_id"])
        held = {"id": command["id"], "fence": command["fence"]}
        for parent in (f"00-{trace}-00f067aa0ba902b7-01", "nonsense", 7):
            done = await tools.session.call_tool("ack_command", held, meta={"traceparent": parent})
            assert not done.isError
        await tools.complete_command(**held, output={})
    lines = [line["text"] for line in client.get(f"command-runs/{command['id']}/logs/")["results"]]
    acknowledged = [line for line in lines if line.startswith("Acknowledged")]
    assert [line.partition(", trace ")[2] for line in acknowledged] == [trace, "", ""]


async def test_a_model_may_be_silent_for_longer_than_a_program(stack: Stack, client: Client) -> None:
    async with connected(stack.url, key_for(client, "agent")["key"], X_Agent_Name=new_name()) as tools:
        me = (await tools.whoami(type="triager", capabilities=["triage"]))["agent"]
        command = await taken(client, tools, me["agent_id"])
        assert command["lease_seconds"] >= 300
        shown = client.get(f"command-runs/{command['id']}/")
        renewed = await tools.ack_command(id=command["id"], fence=command["fence"])
        assert renewed["lease_seconds"] == command["lease_seconds"]
        # The rig's own lease is four seconds.
        assert _seconds(shown["heartbeat_at"], shown["lease_expires_at"]) > 200
        again = client.get(f"command-runs/{command['id']}/")
        assert _seconds(again["heartbeat_at"], again["lease_expires_at"]) > 200


def _seconds(earlier: str, later: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


async def test_a_fleet_key_says_who_it_is_and_passes_that_on(stack: Stack, client: Client) -> None:
    name = new_name()
    async with connected(stack.url, key_for(client, "agent")["key"]) as tools:
        assert (await tools.whoami())["agent"] is None
        with pytest.raises(ToolError, match="call whoami with a name"):
            await tools.heartbeat()
        with pytest.raises(ToolError, match="call whoami with that name"):
            await tools.next_command(wait_s=0, agent=name)
        me = (await tools.whoami(name=name, type="tester", capabilities=["triage"]))["agent"]
        assert (await tools.whoami(name=name))["agent"] == me
        assert (await tools.heartbeat(agent=me["agent_id"]))["status"] == "idle"
        assert (await tools.next_command(wait_s=0, agent=name))["command"] is None
        with pytest.raises(ToolError, match="another connector"):
            await tools.whoami(name=client.get("agents/?connector=llm")["results"][0]["name"])


async def test_a_key_of_one_agent_is_that_agent(stack: Stack, client: Client) -> None:
    fleet = key_for(client, "agent")["key"]
    async with connected(stack.url, fleet, X_Agent_Name=new_name()) as tools:
        other = (await tools.whoami(capabilities=["triage"]))["agent"]
        theirs = await taken(client, tools, other["agent_id"])
    async with connected(stack.url, fleet, X_Agent_Name=new_name()) as tools:
        mine = (await tools.whoami(capabilities=["triage"]))["agent"]
    own = key_for(client, "agent", agent_id=mine["agent_id"])["key"]
    async with connected(stack.url, own, X_Agent_Name=other["name"]) as tools:
        assert (await tools.whoami())["agent"] == mine
        assert (await tools.whoami(type="reviewer"))["agent"]["type"] == "reviewer"
        with pytest.raises(ToolError, match="belongs to the agent"):
            await tools.heartbeat(agent=other["agent_id"])
        with pytest.raises(ToolError, match="no such command"):
            await tools.ack_command(id=theirs["id"], fence=theirs["fence"])
        command = await taken(client, tools, mine["agent_id"])
        assert (await tools.complete_command(id=command["id"], fence=command["fence"], output={"a": 1}))[
            "status"
        ] == "completed"


async def test_the_tools_are_always_the_same_ten(stack: Stack, client: Client) -> None:
    listed = []
    for scope in ("agent", "read", "run", "ingest"):
        async with connected(stack.url, key_for(client, scope)["key"]) as tools:
            answer = await tools.session.list_tools()
            assert answer.nextCursor is None
            listed.append([tool.model_dump() for tool in answer.tools])
    assert all(one == listed[0] for one in listed)
    assert [tool["name"] for tool in listed[0]] == TOOLS
    for tool in listed[0]:
        assert tool["description"]
        assert tool["outputSchema"]["type"] == "object"
        for about in tool["inputSchema"]["properties"].values():
            assert about["description"], tool["name"]


async def test_a_tool_needs_its_scope(stack: Stack, client: Client) -> None:
    async with connected(stack.url, key_for(client, "read")["key"]) as tools:
        assert (await tools.whoami())["scopes"] == ["read"]
        assert isinstance((await tools.list_runs(limit=5))["runs"], list)
        for name in ("heartbeat", "next_command"):
            with pytest.raises(ToolError, match="scope agent; yours has read"):
                await getattr(tools, name)()
        with pytest.raises(ToolError, match="scope agent"):
            await tools.whoami(name=new_name())
        with pytest.raises(ToolError, match="scope run; yours has read"):
            await tools.start_workflow(name="bug-lifecycle")
    async with connected(stack.url, key_for(client, "agent")["key"]) as tools:
        with pytest.raises(ToolError, match="scope read; yours has agent"):
            await tools.list_runs()


@pytest.mark.parametrize("credential", ["", "Bearer mc_nonsense", "Bearer eyJ", "Basic YTpi"])
def test_without_a_good_key_nobody_comes_in(stack: Stack, credential: str) -> None:
    headers = ACCEPT | ({"authorization": credential} if credential else {})
    answer = httpx.post(f"{stack.url}/mcp", json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert ("invalid_token" in answer.headers["www-authenticate"]) is bool(credential)
    assert "error" in answer.json()


def test_a_persons_token_is_no_key(stack: Stack, client: Client) -> None:
    headers = ACCEPT | {"authorization": client.http.headers["Authorization"]}
    assert httpx.post(f"{stack.url}/mcp", json={}, headers=headers).status_code == 401


def _flat(group: BaseExceptionGroup[httpx.HTTPStatusError]) -> list[httpx.HTTPStatusError]:
    return [
        one
        for found in group.exceptions
        for one in (_flat(found) if isinstance(found, BaseExceptionGroup) else [found])
    ]


async def test_a_revoked_key_is_refused_even_while_it_waits(stack: Stack, client: Client) -> None:
    made = key_for(client, "agent")
    try:
        async with connected(stack.url, made["key"], X_Agent_Name=new_name()) as tools:
            await tools.whoami()
            waiting = asyncio.ensure_future(tools.next_command(wait_s=25))
            deleted = await asyncio.to_thread(client.request, "DELETE", f"keys/{made['id']}/")
            assert deleted.status_code == 204
            with pytest.raises((ToolError, McpError, httpx.HTTPStatusError)):
                await waiting  # at the end of its time it would answer that there is no command
    except* httpx.HTTPStatusError as group:
        # The key was gone before the call arrived, so the door refused it: which it is, is chance.
        answered = {one.response.status_code for one in _flat(group)}
    else:
        answered = {401}
    assert answered == {401}

    def refused() -> bool:
        headers = ACCEPT | {"authorization": f"Bearer {made['key']}"}
        return httpx.post(f"{stack.url}/mcp", json={}, headers=headers).status_code == 401

    until(refused, 5, "the revoked key to be refused")


async def test_what_belongs_to_another_project_does_not_exist(stack: Stack, client: Client) -> None:
    foreign = stack.manage("shell", "-c", STRANGERS_KEY.format(slug=f"other-{uuid4().hex[:8]}"))
    stranger = foreign.strip().splitlines()[-1]
    async with connected(stack.url, key_for(client, "agent")["key"], X_Agent_Name=new_name()) as tools:
        me = (await tools.whoami(capabilities=["triage"]))["agent"]
        command = await taken(client, tools, me["agent_id"])
        held = {"id": command["id"], "fence": command["fence"]}
        asked = await tools.request_approval(**held, title="May I?")
        async with connected(stack.url, stranger) as other:
            with pytest.raises(ToolError, match="no agent"):
                await other.next_command(wait_s=0, agent=me["agent_id"])
            for name, more in CALLS:
                with pytest.raises(ToolError, match="no such command"):
                    await getattr(other, name)(**held, **more)
            with pytest.raises(ToolError, match="no such approval"):
                await other.get_approval(id=asked["approval_id"])
            with pytest.raises(ToolError, match="no workflow"):
                await other.start_workflow(name="bug-lifecycle")
            assert (await other.list_runs())["runs"] == []
        assert (await tools.complete_command(**held, output={}))["status"] == "completed"


async def test_a_stale_fence_writes_nothing(stack: Stack, client: Client) -> None:
    async with connected(stack.url, key_for(client, "agent")["key"], X_Agent_Name=new_name()) as tools:
        me = (await tools.whoami(capabilities=["triage"]))["agent"]
        command = await taken(client, tools, me["agent_id"])
        held, stale = {"id": command["id"], "fence": command["fence"]}, {"id": command["id"], "fence": 0}
        for name, more in CALLS:
            with pytest.raises(ToolError, match="taken back or"):
                await getattr(tools, name)(**stale, **more)
        assert client.get(f"command-runs/{command['id']}/")["progress"] == 0
        first = await tools.complete_command(**held, output="first")
        assert await tools.complete_command(**held, output="first") == first  # its answer may have been lost
        with pytest.raises(ToolError, match="taken back or is over"):
            await tools.complete_command(**held, output="second")
    assert client.get(f"command-runs/{command['id']}/")["output"] == {"text": "first"}


async def test_an_agent_is_told_to_stop_and_says_why_it_failed(stack: Stack, client: Client) -> None:
    async with connected(stack.url, key_for(client, "agent")["key"], X_Agent_Name=new_name()) as tools:
        me = (await tools.whoami(capabilities=["triage"]))["agent"]
        command = await taken(client, tools, me["agent_id"])
        held = {"id": command["id"], "fence": command["fence"]}
        client.post(f"command-runs/{command['id']}/cancellation/")
        assert (await tools.heartbeat())["cancel"] == [command["id"]]
        assert (await tools.report_progress(**held, percent=10))["cancel"] is True
        assert (await tools.complete_command(**held, error="Stopped"))["status"] == "cancelled"
        command = await taken(client, tools, me["agent_id"])
        failed = await tools.complete_command(
            id=command["id"], fence=command["fence"], error="The disk is full", error_code="disk_full"
        )
        assert failed["status"] == "failed"
    shown = client.get(f"command-runs/{command['id']}/")
    assert shown["error"] == {"code": "disk_full", "message": "The disk is full"}


async def test_whoever_hangs_up_takes_no_work_along(stack: Stack, client: Client) -> None:
    key, name = key_for(client, "agent")["key"], new_name()
    async with connected(stack.url, key, X_Agent_Name=name) as tools:
        me = (await tools.whoami(capabilities=["triage"]))["agent"]
        call = {"name": "next_command", "arguments": {"wait_s": 25}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        headers = ACCEPT | {"authorization": f"Bearer {key}", "x-agent-name": name}
        async with httpx.AsyncClient(headers=headers, timeout=httpx.Timeout(10, read=1)) as impatient:
            with pytest.raises(httpx.ReadTimeout):
                await impatient.post(f"{stack.url}/mcp", json=body)
        command = await taken(client, tools, me["agent_id"])
        assert command["attempt"] == 1


async def test_people_decide_what_an_agent_asks(stack: Stack, client: Client) -> None:
    async with connected(stack.url, key_for(client, "agent")["key"], X_Agent_Name=new_name()) as tools:
        me = (await tools.whoami(capabilities=["triage"]))["agent"]
        command = await taken(client, tools, me["agent_id"])
        held = {"id": command["id"], "fence": command["fence"]}
        question = {
            "title": "Where to?",
            "details": "Both work.",
            "options": ["left", "right"],
            "event_id": "q1",
        }
        asked = await tools.request_approval(**held, **question)
        assert asked["state"] == "open"
        assert await tools.request_approval(**held, **question) == asked
        still = await tools.get_approval(id=asked["approval_id"])
        assert (still["state"], still["approved"]) == ("open", None)
        assert client.get(f"agents/{me['agent_id']}/")["status"] == "waiting"
        waiting = asyncio.ensure_future(tools.get_approval(id=asked["approval_id"], wait_s=25))
        decision = {"approved": True, "option": "left", "comment": "Mind the step."}
        await asyncio.to_thread(client.post, f"approvals/{asked['approval_id']}/decision/", decision)
        told = await waiting
        assert (told["approved"], told["option"], told["comment"]) == (True, "left", "Mind the step.")
        assert told["by"] == "admin"
        await tools.complete_command(**held, output={"went": told["option"]})


async def test_a_client_starts_a_workflow_and_finds_its_run(stack: Stack, client: Client) -> None:
    given = client.example("bug-lifecycle")
    async with connected(stack.url, key_for(client, "read", "run")["key"]) as tools:
        first = await tools.start_workflow(name="bug-lifecycle", input=given, idempotency_key="mcp-1")
        again = await tools.start_workflow(name="bug-lifecycle", input=given, idempotency_key="mcp-1")
        assert (first["is_new"], again["is_new"]) == (True, False)
        assert first["run"]["id"] == again["run"]["id"]
        found = (await tools.list_runs(workflow="bug-lifecycle", limit=10))["runs"]
        assert first["run"]["id"] in [run["id"] for run in found]
        with pytest.raises(ToolError, match=r"there are .*bug-lifecycle"):
            await tools.start_workflow(name="bug-livecycle")
        name = next(iter(given))
        with pytest.raises(ToolError, match=name):
            await tools.start_workflow(name="bug-lifecycle", input=given | {name: ["no text"]})
    assert client.wait_run(first["run"]["id"])["status"] == "completed"


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("next_command", {"wait_s": 90}, "wait_s: "),
        ("heartbeat", {"status": "happy"}, "status: "),
        ("heartbeat", {"mood": "happy"}, "mood: There is no such argument; there are status"),
        ("report_progress", {"id": "7", "fence": 1, "percent": 5}, "id: "),
        ("report_progress", {"id": str(uuid4()), "fence": 1, "percent": 101}, "percent: "),
        ("complete_command", {"id": str(uuid4()), "fence": 1}, "Send either output or error"),
        ("complete_command", {"id": str(uuid4()), "fence": 1, "output": 1, "error": "x"}, "either"),
        ("whoami", {"name": "two\nlines"}, "name: "),
        ("whoami", {"capabilities": ["x" * 101], "name": "x"}, "capabilities.0: "),
    ],
)
async def test_a_wrong_argument_is_named(
    stack: Stack, client: Client, tool: str, arguments: dict[str, Any], said: str
) -> None:
    async with connected(stack.url, key_for(client, "agent")["key"]) as tools:
        with pytest.raises(ToolError, match=said):
            await getattr(tools, tool)(**arguments)
        with pytest.raises(McpError, match="There is no tool"):
            await tools.session.call_tool("no_such_tool", {})


def test_pages_of_other_origins_may_not_call(stack: Stack, client: Client) -> None:
    """Row 7: a name that somebody else points at this machine is refused, whatever page it comes from."""
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}
    known = ACCEPT | {"authorization": f"Bearer {key_for(client, 'agent')['key']}"}

    def status(**headers: str) -> int:
        return httpx.post(f"{stack.url}/mcp", json=hello, headers=known | headers).status_code

    assert status() == 200
    assert status(origin=stack.url) == 200
    assert status(origin="http://evil.example") == 403
    assert status(origin="null") == 403
    assert status(host="evil.example", origin="http://evil.example") == 400


def test_what_is_no_message_is_refused_without_harm(stack: Stack, client: Client) -> None:
    known = ACCEPT | {"authorization": f"Bearer {key_for(client, 'agent')['key']}"}

    def status(content: bytes, **headers: str) -> int:
        return httpx.post(
            f"{stack.url}/mcp", content=content, headers=known | headers, timeout=30
        ).status_code

    assert status(b"{") == 400
    assert status(b"[]") == 400
    assert status(b"[" * 100_000) == 400
    assert status(b'{"a":' * 40 + b"1" + b"}" * 40) == 400
    assert status(b'{"a":"\\u0000"}') == 400
    assert status(b"x" * (6 * 1024 * 1024)) == 413
    assert status(b"{}", **{"content-type": "text/plain"}) in (400, 415)
    assert httpx.get(f"{stack.url}/mcp", headers=known).status_code == 405
    assert httpx.delete(f"{stack.url}/mcp", headers=known).status_code == 405
    assert httpx.get(f"{stack.url}/.well-known/oauth-protected-resource/mcp").status_code == 404
