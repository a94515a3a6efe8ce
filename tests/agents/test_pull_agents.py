"""An external agent over plain REST: five calls, one lease, one result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.services import default_project
from apps.agents import dispatch, repair
from apps.agents.models import Agent, CommandRun
from apps.events.clock import now
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.factories import make_agent, make_command, make_run

pytestmark = pytest.mark.django_db(transaction=True)


def agent_client() -> Caller:
    return Caller(make_key("agent").text)


def user_client() -> Caller:
    return caller(make_user())


def register(client: Caller, **fields: Any) -> str:
    body = {"name": "scout", "type": "research", "capabilities": ["review"]} | fields
    answer = client.post("agents/register/", body)
    assert answer.status_code in (200, 201), answer.content
    return str(answer.json()["id"])


def send(client: Caller, path: str, body: dict[str, Any] | None = None) -> Any:
    return client.post(path, body)


def claimed_run(client: Caller, agent_id: str) -> dict[str, Any]:
    run = make_run(make_command(), Agent.objects.get(pk=agent_id))
    dispatch.dispatch_ready(run.project_id)
    answer = send(client, f"agents/{agent_id}/claims/?wait=0")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()["command_run"]
    assert found["id"] == str(run.pk)
    return found


def test_the_five_calls_take_a_command_from_queued_to_completed() -> None:
    client = agent_client()
    agent_id = register(client)
    assert send(client, f"agents/{agent_id}/heartbeat/").json() == {"status": "idle", "paused": False}
    run = claimed_run(client, agent_id)
    assert run["input"] == {"text": "x = 1"}
    assert run["lease_seconds"] > 0
    said = send(
        client,
        f"command-runs/{run['id']}/progress/",
        {"fence": run["fence"], "progress": 40, "message": "half"},
    )
    assert said.json() == {"cancel": False, "pause": False}
    done = send(
        client, f"command-runs/{run['id']}/result/", {"fence": run["fence"], "output": {"text": "ok"}}
    )
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    again = send(
        client, f"command-runs/{run['id']}/result/", {"fence": run["fence"], "output": {"text": "no"}}
    )
    assert again.status_code == 409
    assert CommandRun.objects.get(pk=run["id"]).data.output == {"text": "ok"}


def test_the_same_name_is_the_same_agent_and_foreign_connectors_keep_theirs() -> None:
    client = agent_client()
    assert register(client) == register(client, capabilities=["review", "other"])
    make_agent(name="Taken")
    body = {"name": "Taken", "type": "x", "capabilities": []}
    assert send(client, "agents/register/", body).status_code == 409


def test_nothing_to_do_is_204_and_a_stale_fence_is_409() -> None:
    client = agent_client()
    agent_id = register(client)
    assert send(client, f"agents/{agent_id}/claims/?wait=0").status_code == 204
    run = claimed_run(client, agent_id)
    CommandRun.objects.filter(pk=run["id"]).update(lease_expires_at=now() - timedelta(seconds=1))
    repair.tick()
    late = send(client, f"command-runs/{run['id']}/progress/", {"fence": run["fence"], "progress": 50})
    assert late.status_code == 409
    assert late["Content-Type"].startswith("application/problem+json")


def test_an_agent_is_told_to_cancel_and_its_error_is_kept() -> None:
    client = agent_client()
    run = claimed_run(client, register(client))
    assert send(user_client(), f"command-runs/{run['id']}/cancellation/").status_code == 202
    said = send(client, f"command-runs/{run['id']}/progress/", {"fence": run["fence"], "progress": 1})
    assert said.json()["cancel"] is True
    done = send(client, f"command-runs/{run['id']}/result/", {"fence": run["fence"], "error": "stopped"})
    assert done.json()["status"] == "cancelled"


def test_a_failed_command_shows_its_error() -> None:
    client = agent_client()
    run = claimed_run(client, register(client))
    error = {"code": "no_disk", "message": "disk is full"}
    send(client, f"command-runs/{run['id']}/result/", {"fence": run["fence"], "error": error})
    shown = user_client().get(f"command-runs/{run['id']}/").json()
    assert (shown["status"], shown["error"]) == ("failed", error)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("agents/register/", {"type": "x"}, "name"),
        ("agents/register/", {"name": "a\nb"}, "name"),
        ("agents/register/", {"name": "a", "capabilities": "review"}, "capabilities"),
        ("agents/{agent}/heartbeat/", {"status": "happy"}, "status"),
        ("agents/{agent}/claims/?wait=99", {}, "wait"),
        ("command-runs/{run}/progress/", {"progress": 5}, "fence"),
        ("command-runs/{run}/progress/", {"fence": 1, "progress": 101}, "progress"),
        ("command-runs/{run}/result/", {"fence": 1, "output": {}, "error": "x"}, ""),
        ("command-runs/{run}/result/", {"fence": 1, "error": 5}, "error"),
    ],
)
def test_a_wrong_field_is_named_and_changes_nothing(path: str, body: dict[str, Any], field: str) -> None:
    client = agent_client()
    agent_id = register(client)
    run = claimed_run(client, agent_id)
    answer = send(client, path.format(agent=agent_id, run=run["id"]), body)
    assert answer.status_code == 400, answer.content
    problem = answer.json()
    assert problem["detail"]
    assert not field or any(name.startswith(field) for name in problem["errors"])
    assert CommandRun.objects.get(pk=run["id"]).status == "running"


def test_a_silent_agent_is_marked_offline_and_comes_back_with_a_heartbeat() -> None:
    client = agent_client()
    agent_id = register(client)
    Agent.objects.filter(pk=agent_id).update(heartbeat_at=now() - timedelta(minutes=5))
    repair.tick()
    assert Agent.objects.get(pk=agent_id).status == "offline"
    send(client, f"agents/{agent_id}/heartbeat/", {"status": "busy", "current_task": "Reading"})
    agent = Agent.objects.get(pk=agent_id)
    assert (agent.status, agent.current_task) == ("busy", "Reading")


def test_a_user_cannot_speak_for_an_agent_nor_an_agent_for_a_user() -> None:
    client = agent_client()
    agent_id = register(client)
    assert send(user_client(), f"agents/{agent_id}/heartbeat/").status_code == 403
    assert send(client, f"agents/{agent_id}/command-runs/", {"command": "x"}).status_code == 403


def test_a_command_is_started_by_a_user_once_per_idempotency_key() -> None:
    agent, command, client = make_agent(), make_command(), user_client()
    path, body = f"agents/{agent.pk}/command-runs/", {"command": command.name, "input": {"text": "a"}}
    headers = {"Idempotency-Key": "k1"}
    first = client.post(path, body, headers=headers)
    second = client.post(path, body, headers=headers)
    assert (first.status_code, second.json()["id"]) == (201, first.json()["id"])
    other = client.post(path, body | {"input": {"text": "b"}}, headers=headers)
    assert other.status_code == 422
    missing = client.post(path, {"command": command.name})
    assert missing.status_code == 400
    assert "input.text" in missing.json()["errors"]


def test_lists_do_not_query_per_row(django_assert_max_num_queries: Any) -> None:
    agent, command = make_agent(), make_command()
    for _ in range(12):
        make_run(command, agent)
    client = user_client()
    client.get("agents/")
    with django_assert_max_num_queries(3):
        assert len(client.get("command-runs/").json()["results"]) == 12
    with django_assert_max_num_queries(3):
        client.get("commands/")
    assert default_project().agents.count() == 1
