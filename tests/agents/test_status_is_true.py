"""What an agent shows is what is known of it, and says whence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Project
from apps.agents import dispatch, patience, repair
from apps.agents.models import Agent, CommandRun
from apps.agents.telemetry import presence, store
from apps.events.clock import now
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.spans import span
from tests.workflows.acting import make_project as make_working_project
from tests.workflows.acting import make_workflow, start

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def project() -> Project:
    return make_working_project()


@pytest.fixture
def agent(project: Project) -> Agent:
    return Agent.objects.get(project=project)


@pytest.fixture
def robot(project: Project) -> Caller:
    return Caller(make_key("agent", project=project).text)


def shown(agent: Agent) -> tuple[str, str]:
    row = Agent.objects.get(pk=agent.pk)
    return row.status, row.status_reason


def held(project: Project, robot: Caller, agent: Agent) -> dict[str, Any]:
    """Work in the agent's hands, taken over HTTP."""
    start(make_workflow(project, {"do": {}}), by="rita")
    dispatch.dispatch_ready(project.pk)
    found: dict[str, Any] = robot.post(f"agents/{agent.pk}/claims/").json()["command_run"]
    return found


def test_a_status_that_telemetry_told_is_not_called_the_agents_word(project: Project) -> None:
    now_open: dict[str, Any] = {"status": "open", "started_at": now()}
    store.take(project.pk, None, [span(1, **now_open)])
    scout = Agent.objects.get(project=project, name="scout")
    assert shown(scout) == ("busy", "as its telemetry told")
    store.take(project.pk, None, [span(1)])
    assert shown(scout) == ("idle", "as its telemetry told")
    store.take(project.pk, None, [span(3, 2, "llm", trace_id="b" * 32, started_at=now())])
    assert shown(scout) == ("busy", "as its telemetry lets it be concluded")
    robot = Caller(make_key("agent", project=project).text)
    robot.post(f"agents/{scout.pk}/heartbeat/", {"status": "busy", "current_task": "Reading"})
    assert shown(scout) == ("busy", "as the agent said")


def test_an_agent_that_asks_people_waits_whatever_else_happens_to_it(
    project: Project, robot: Caller, agent: Agent
) -> None:
    work = held(project, robot, agent)
    question = {"fence": work["fence"], "title": "Which branch?", "options": ["main", "next"]}
    asked = robot.post(f"command-runs/{work['id']}/approvals/", question)
    assert asked.status_code == 201, asked.content
    waits = ("waiting", "waiting for an answer: Which branch?")
    assert shown(agent) == waits
    people = caller(make_user("admin", project))
    more = held(project, robot, agent)  # another piece of work is taken, and ends
    assert shown(agent) == waits
    robot.post(f"command-runs/{more['id']}/result/", {"fence": more["fence"], "output": {}})
    assert shown(agent) == waits
    people.post(f"agents/{agent.pk}/pause/")
    people.delete(f"agents/{agent.pk}/pause/")
    assert shown(agent) == waits
    robot.post(f"command-runs/{work['id']}/result/", {"fence": work["fence"], "output": {}})
    assert shown(agent)[0] == "idle"


def test_who_holds_a_lease_may_be_silent_as_long_as_that_lasts(
    project: Project, robot: Caller, agent: Agent
) -> None:
    work = held(project, robot, agent)
    assert patience.lengthen(work["id"], work["fence"])
    Agent.objects.filter(pk=agent.pk).update(heartbeat_at=now() - LONG_AGO)
    assert repair.mark_silent_agents(now()) == 0
    held(project, robot, agent)
    Agent.objects.filter(pk=agent.pk).update(heartbeat_at=now() - LONG_AGO)
    presence.sweep()
    repair.tick()
    assert shown(agent)[0] == "busy"
    CommandRun.objects.filter(agent=agent).update(lease_expires_at=now() - timedelta(seconds=1))
    repair.tick()
    assert shown(agent) == ("offline", "no signal from the agent")
