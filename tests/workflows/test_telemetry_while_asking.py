"""An agent that asks people shows what it asks, whatever its telemetry says meanwhile."""

from __future__ import annotations

import pytest

from apps.accounts.models import Project, Role
from apps.agents.lease import Claimed
from apps.agents.models import Agent
from apps.agents.telemetry import store
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.spans import agent, span
from tests.workflows.acting import make_project, make_workflow, start, take

pytestmark = pytest.mark.django_db


def test_a_question_to_people_is_not_hidden_by_the_telemetry_of_the_work() -> None:
    project = make_project()
    held = take_work(project)
    robot = Caller(make_key("agent", project=project).text)
    question = {"fence": held.fence, "title": "Which branch?", "options": ["main", "next"]}
    made = robot.post(f"command-runs/{held.command_run_id}/approvals/", question)
    assert made.status_code == 201, made.content
    hand = Agent.objects.get(project=project)

    def shown() -> tuple[str, str]:
        hand.refresh_from_db()
        return hand.status, hand.status_reason

    asks = ("waiting", "waiting for an answer: Which branch?")
    assert shown() == asks
    began = span(1, status="open", source="start", title="Build", agent=agent("Hand"))
    store.take(project.pk, None, [began])
    assert shown() == asks
    store.take(project.pk, None, [span(2, 1, "tool", agent=agent("Hand"))])
    assert shown() == asks
    people = caller(make_user(Role.OPERATOR, project))
    decision = {"approved": True, "option": "next"}
    assert people.post(f"approvals/{made.json()['id']}/decision/", decision).status_code == 200
    store.take(project.pk, None, [span(3, 1, "tool", agent=agent("Hand"))])
    assert shown()[0] == "busy"


def take_work(project: Project) -> Claimed:
    start(make_workflow(project, {"do": {}}))
    return take(project)["do"]
