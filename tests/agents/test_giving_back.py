"""An external agent that must go gives its work back, and one that has many hands says how many."""

from __future__ import annotations

from typing import Any

import pytest

from apps.agents import dispatch
from apps.agents.models import Agent, CommandRun
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.factories import make_agent, make_command, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def robot() -> Caller:
    return Caller(make_key("agent").text)


def register(robot: Caller, **fields: Any) -> Agent:
    body = {"name": "scout", "type": "research", "capabilities": ["review"]} | fields
    return Agent.objects.get(pk=robot.post("agents/register/", body).json()["id"])


def claimed(robot: Caller, agent: Agent) -> dict[str, Any]:
    run = make_run(make_command(), agent)
    dispatch.dispatch_ready(run.project_id)
    found: dict[str, Any] = robot.post(f"agents/{agent.pk}/claims/?wait=0").json()["command_run"]
    return found


def test_work_that_is_given_back_is_queued_at_once_and_costs_no_attempt(robot: Caller) -> None:
    work = claimed(robot, register(robot))
    answer = robot.post(f"command-runs/{work['id']}/return/", {"fence": work["fence"]})
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    run = CommandRun.objects.get(pk=work["id"])
    assert (run.attempt, run.lost_count) == (0, 0)
    assert [one.outcome for one in run.attempts.all()] == ["given_back"]


def test_an_old_fence_gives_nothing_back_and_a_missing_one_is_named(robot: Caller) -> None:
    work = claimed(robot, register(robot))
    path = f"command-runs/{work['id']}/return/"
    assert robot.post(path, {"fence": work["fence"] + 1}).status_code == 409
    wrong = robot.post(path, {})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["fence"])
    assert CommandRun.objects.get(pk=work["id"]).status == "running"


def test_work_that_was_cancelled_meanwhile_ends_when_it_is_given_back(robot: Caller) -> None:
    work = claimed(robot, register(robot))
    caller(make_user()).post(f"command-runs/{work['id']}/cancellation/")
    answer = robot.post(f"command-runs/{work['id']}/return/", {"fence": work["fence"]})
    assert answer.json()["status"] == "cancelled"


def test_only_the_agent_that_holds_it_gives_it_back(robot: Caller) -> None:
    work = claimed(robot, register(robot))
    other = Caller(make_key("agent", agent_id=make_agent(name="Other").pk).text)
    assert other.post(f"command-runs/{work['id']}/return/", {"fence": work["fence"]}).status_code == 404
    assert caller(make_user()).post(f"command-runs/{work['id']}/return/", {"fence": 1}).status_code == 403


def test_an_agent_says_how_many_command_runs_it_takes_at_a_time(robot: Caller) -> None:
    assert register(robot).max_parallel == 1
    assert register(robot, max_parallel=4).max_parallel == 4
    assert register(robot).max_parallel == 4
    wrong = robot.post("agents/register/", {"name": "scout", "max_parallel": 0})
    assert list(wrong.json()["errors"]) == ["max_parallel"]
