"""The dashboard's promises to REST clients: every field, type, header and error, over real HTTP."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.rig.client import DASHBOARD, Client

pytestmark = pytest.mark.timeout(300)

PARTS = ("stats", "agents", "workflows", "snapshot")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
AGENT_STATUSES = {"idle", "busy", "waiting", "paused", "error", "offline"}
RUN_STATUSES = {"queued", "running", "waiting", "paused", "completed", "failed", "cancelled"}


def get(client: Client, path: str, **headers: str) -> httpx.Response:
    return client.request("GET", f"{DASHBOARD}/{path}", headers=headers)


def is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def is_moment(value: Any) -> bool:
    return isinstance(value, str) and MOMENT.fullmatch(value) is not None


@pytest.mark.parametrize("path", [*(f"{part}/" for part in PARTS), "health/"])
@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Bearer mc_nonsense", "Basic YTpi"])
def test_every_endpoint_needs_authentication(client: Client, path: str, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    answer = httpx.get(f"{client.base}{DASHBOARD}/{path}", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert {"type", "title", "status", "detail"} <= answer.json().keys()


@pytest.mark.usefixtures("finished_run")
def test_stats(client: Client) -> None:
    stats = get(client, "stats/").json()
    counts = (
        "total_agents", "active_agents", "total_workflows", "running_workflows", "total_commands",
        "commands_executed_today",
    )  # fmt: skip
    for name in counts:
        assert is_count(stats[name]), name
    assert is_moment(stats["timestamp"])
    assert stats["storage_used_mb"] > 0
    assert stats["api_response_time_ms"] > 0
    assert isinstance(stats["storage_used_mb"], int | float)
    assert stats["total_agents"] == len(get(client, "agents/").json()) >= stats["active_agents"] > 0
    assert stats["total_workflows"] >= 1
    assert stats["total_commands"] > 0
    assert stats["commands_executed_today"] > 0


def test_agents(client: Client) -> None:
    agents = get(client, "agents/").json()
    assert isinstance(agents, list)
    assert agents
    for agent in agents:
        UUID(agent["id"])
        assert isinstance(agent["name"], str)
        assert isinstance(agent["type"], str)
        assert agent["status"] in AGENT_STATUSES
        assert agent["current_task"] is None or isinstance(agent["current_task"], str)
        assert is_moment(agent["last_active"])
        assert all(isinstance(one, str) for one in agent["capabilities"])
    assert agents == sorted(agents, key=lambda agent: (agent["name"], agent["id"]))


def test_workflows(client: Client, finished_run: str) -> None:
    runs = get(client, "workflows/").json()
    assert finished_run in [run["id"] for run in runs]
    for run in runs:
        UUID(run["id"])
        assert isinstance(run["name"], str)
        assert run["status"] in RUN_STATUSES
        assert is_count(run["progress"])
        assert run["progress"] <= 100
        assert is_moment(run["started_at"])
        assert run["completed_at"] is None or is_moment(run["completed_at"])
        assert type(run["current_step"]) is int
        assert run["current_step"] >= 1
    mine = next(run for run in runs if run["id"] == finished_run)
    assert (mine["status"], mine["progress"]) == ("completed", 100)
    assert is_moment(mine["completed_at"])


def test_workflows_are_limited_newest_first(client: Client, finished_run: str) -> None:
    later = client.start("bug-lifecycle")["id"]
    newest = get(client, "workflows/?limit=1").json()
    assert [run["id"] for run in newest] == [later]
    both = [run["id"] for run in get(client, "workflows/?limit=100").json()]
    assert both.index(later) < both.index(finished_run)
    client.wait_run(later)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten", "", "1e1", "%D9%A1", "9" * 40, "1%00"])
def test_any_other_limit_is_refused_by_name(client: Client, limit: str) -> None:
    answer = get(client, f"workflows/?limit={limit}")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    if "%00" not in limit:
        assert "limit" in answer.json()["errors"]


@pytest.mark.parametrize("part", PARTS)
def test_every_answer_carries_its_position_and_a_tag(client: Client, part: str) -> None:
    answer = get(client, f"{part}/")
    UUID(answer.headers["X-Journal-Epoch"])
    assert int(answer.headers["X-Journal-Seq"]) >= 0
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    tag = answer.headers["ETag"]
    for given in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        again = get(client, f"{part}/", **{"If-None-Match": given})
        assert again.status_code in (200, 304)
        if again.headers["ETag"] == tag:
            assert again.status_code == 304
            assert again.content == b""
            assert "X-Journal-Seq" in again.headers
    assert get(client, f"{part}/", **{"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("part", PARTS)
def test_compressed_and_plain_answers_hold_the_same(client: Client, part: str) -> None:
    for _ in range(10):
        plain = get(client, f"{part}/", **{"Accept-Encoding": "identity"})
        packed = get(client, f"{part}/", **{"Accept-Encoding": "gzip"})
        assert "Accept-Encoding" in packed.headers["Vary"]
        if plain.headers["ETag"] == packed.headers["ETag"]:
            break
    theirs, mine = packed.json(), plain.json()
    for body in (theirs, mine):
        if isinstance(body, dict):
            body.pop("timestamp", None)
            body.get("stats", {}).pop("timestamp", None)
    assert theirs == mine
    if len(plain.content) > 1024:
        assert packed.headers["Content-Encoding"] == "gzip"


def test_the_snapshot_is_the_parts_at_one_position(client: Client) -> None:
    answer = get(client, "snapshot/")
    snapshot = answer.json()
    assert snapshot["epoch"] == answer.headers["X-Journal-Epoch"]
    assert snapshot["seq"] == int(answer.headers["X-Journal-Seq"])
    assert f"{snapshot['epoch']}:{snapshot['seq']}" in answer.headers["ETag"]
    assert snapshot["agents"] == get(client, "agents/").json()
    assert snapshot["workflows"] == get(client, "workflows/?limit=100").json()
    assert snapshot["stats"]["total_agents"] == len(snapshot["agents"])
    assert isinstance(snapshot["alerts"], list)


@pytest.mark.parametrize("part", ["agents", "workflows", "snapshot"])
def test_the_ready_bytes_and_the_database_agree(client: Client, part: str) -> None:
    """The ready app knows media types in lower case only; what else says JSON is left to the view,
    which reads the database. Measured figures move by themselves between two reads."""
    ready = get(client, f"{part}/")
    stored = get(client, f"{part}/", Accept="Application/JSON")
    assert stored.status_code == client.request("HEAD", f"{DASHBOARD}/{part}/").status_code == 200
    assert stored.headers["X-Journal-Seq"] == ready.headers["X-Journal-Seq"]
    theirs, mine = stored.json(), ready.json()
    for body in (theirs, mine):
        if isinstance(body, dict):
            for figure in ("timestamp", "api_response_time_ms", "storage_used_mb"):
                assert body["stats"].pop(figure)
    assert theirs == mine


def test_health(client: Client) -> None:
    answer = get(client, "health/")
    health = answer.json()
    assert answer.status_code == 200
    assert is_moment(health.pop("timestamp"))
    assert health == {
        "status": "healthy",
        "database": "connected",
        "cache": "connected",
        "celery": "running",
        "websocket": "available",
    }


def test_healthz_says_ok_to_anybody_and_nothing_more(client: Client) -> None:
    answer = httpx.get(f"{client.base}/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_change_is_in_the_very_next_answer(client: Client) -> None:
    agent = get(client, "agents/").json()[0]["id"]
    for method, status in (("POST", "paused"), ("DELETE", "idle")):
        assert client.request(method, f"agents/{agent}/pause/").is_success
        shown = {one["id"]: one["status"] for one in get(client, "agents/").json()}
        assert shown[agent] == status


def test_other_methods_are_refused(client: Client) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, f"{DASHBOARD}/stats/").status_code == 405


def test_gzip_of_the_snapshot_is_one_member(stack: Any, client: Client) -> None:
    with client.http.stream("GET", f"{DASHBOARD}/snapshot/", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert json.loads(gzip.decompress(raw))["seq"] >= 0


def test_a_host_that_is_not_ours_is_refused(client: Client) -> None:
    answer = get(client, "stats/", Host="evil.example")
    assert answer.status_code == 400
