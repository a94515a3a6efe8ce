"""What agents ask people while they work: over HTTP, as an agent and as people do it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.agents import dispatch, lease, overdue
from apps.agents.models import Agent, CommandRun
from apps.workflows import engine, notices
from apps.workflows.models import Approval, Notice, Run
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.factories import make_worker
from tests.rig.mailbox import mailbox
from tests.workflows import telling
from tests.workflows.acting import (
    events,
    finish,
    fresh,
    make_agent,
    make_command,
    make_workflow,
    start,
    statuses,
    take,
    work_off,
)
from tests.workflows.acting import make_project as make_working_project

pytestmark = pytest.mark.django_db

FORM = {
    "type": "object",
    "required": ["why"],
    "properties": {"why": {"type": "string"}, "percent": {"type": "integer", "default": 10}},
}
QUESTION = {"title": "Which branch?", "details": "Both build.", "options": ["main", "next"]}


@pytest.fixture
def project() -> Project:
    return make_working_project()


@pytest.fixture
def agent(project: Project) -> Agent:
    return Agent.objects.get(project=project)


@pytest.fixture
def robot(project: Project) -> Caller:
    return Caller(make_key("agent", project=project).text)


@pytest.fixture
def olga(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


def at_work(project: Project) -> lease.Claimed:
    """A step's command run in the agent's hands."""
    start(make_workflow(project, {"do": {}, "then": {"needs": ["do"]}}), by="rita")
    return take(project)["do"]


def alone_at_work(project: Project, robot: Caller, agent: Agent) -> dict[str, Any]:
    """A command run of no workflow, taken over HTTP."""
    human = caller(make_user(Role.OPERATOR, project))
    made = human.post(f"agents/{agent.pk}/command-runs/", {"command": "do.it", "input": {}})
    assert made.status_code == 201, made.content
    dispatch.dispatch_ready(project.pk)
    found: dict[str, Any] = robot.post(f"agents/{agent.pk}/claims/").json()["command_run"]
    return found


def path(claimed: lease.Claimed, rest: str = "approvals/") -> str:
    return f"command-runs/{claimed.command_run_id}/{rest}"


def ask(robot: Caller, claimed: lease.Claimed, **more: Any) -> Any:
    return robot.post(path(claimed), {"fence": claimed.fence, **QUESTION, **more})


def asked(robot: Caller, claimed: lease.Claimed, **more: Any) -> str:
    answer = ask(robot, claimed, **more)
    assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "open"
    return f"approvals/{answer.json()['id']}/"


def age(**fields: Any) -> None:
    Approval.objects.filter(**fields).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_an_agent_asks_a_person_chooses_and_the_agent_reads_it(
    project: Project, agent: Agent, robot: Caller, olga: Caller
) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed, fields=FORM)
    (row,) = olga.get("approvals/?state=open").json()["results"]
    assert (row["title"], row["options"], row["fields"]) == ("Which branch?", ["main", "next"], FORM)
    assert row["agent"] == {"id": str(agent.pk), "name": agent.name}
    assert row["command_run"] == {"id": str(claimed.command_run_id), "title": "Do"}
    assert (row["run"]["id"], row["step"]["key"]) == (str(claimed.run_id), "do")
    assert (row["can_decide"], row["answer"], row["requested_by"]) == (True, None, "rita")
    seen = robot.get(question).json()
    assert (seen["state"], seen["answer"], seen["can_decide"]) == ("open", None, False)
    wrong = olga.post(question + "decision/", {"approved": True, "option": "other", "fields": {"why": "x"}})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["option"])
    assert olga.post(question + "decision/", {"approved": True, "option": "next"}).status_code == 400
    said = {"approved": True, "option": "next", "comment": "newer", "fields": {"why": "fast"}}
    assert olga.post(question + "decision/", said).status_code == 200
    seen = robot.get(question).json()
    assert seen["state"] == "approved"
    assert seen["answer"] == {
        "approved": True,
        "option": "next",
        "by": "olga",
        "comment": "newer",
        "fields": {"why": "fast", "percent": 10},
    }
    assert statuses(Run.objects.get())["do"] == "running"  # only the agent was told
    assert finish(claimed).status == "completed"
    work_off(project)
    assert fresh(Run.objects.get()).status == "completed"


def test_an_agent_waits_while_it_asks_and_is_busy_again_after(
    project: Project, agent: Agent, robot: Caller, olga: Caller
) -> None:
    claimed = at_work(project)
    before = CommandRun.objects.get(pk=claimed.command_run_id)
    first, second = asked(robot, claimed), asked(robot, claimed, title="And when?", options=[])

    def shown() -> tuple[str, str]:
        row = olga.get(f"agents/{agent.pk}/").json()
        return row["status"], row["status_reason"]

    assert shown() == ("waiting", "waiting for an answer: And when?")
    assert robot.post(f"agents/{agent.pk}/heartbeat/", {"status": "busy"}).json()["status"] == "waiting"
    progress = robot.post(path(claimed, "progress/"), {"fence": claimed.fence, "progress": 5})
    assert progress.json() == {"cancel": False, "pause": False}
    assert shown()[0] == "waiting"
    after = CommandRun.objects.get(pk=claimed.command_run_id)
    assert (after.timeout_at, after.status) == (before.timeout_at, "running")
    assert after.lease_expires_at is not None
    assert before.lease_expires_at is not None
    assert after.lease_expires_at > before.lease_expires_at
    assert olga.post(second + "decision/", {"approved": True}).status_code == 200
    assert shown() == ("waiting", "waiting for an answer: Which branch?")
    assert olga.post(first + "decision/", {"approved": False, "comment": "neither"}).status_code == 200
    assert shown()[0] == "busy"
    assert robot.get(first).json()["answer"]["comment"] == "neither"


def test_asking_again_is_the_same_question_and_another_one_is_refused(
    project: Project, robot: Caller, olga: Caller
) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed, event_id="q1")
    again = ask(robot, claimed, event_id="q1")
    assert (again.status_code, f"approvals/{again.json()['id']}/") == (200, question)
    assert ask(robot, claimed, event_id="q1", title="Else?").status_code == 422
    olga.post(question + "decision/", {"approved": True, "option": "main"})
    again = ask(robot, claimed, event_id="q1")
    assert (again.status_code, again.json()["state"]) == (200, "approved")
    body = {"fence": claimed.fence, **QUESTION}
    by_header = [
        robot.post(path(claimed), body, headers={"Idempotency-Key": "q2"}).status_code for _ in range(2)
    ]
    assert by_header == [201, 200]
    assert Approval.objects.count() == 2


def test_another_attempt_finds_the_question_of_the_one_before(
    project: Project, agent: Agent, robot: Caller, olga: Caller
) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed, event_id="q1")
    CommandRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert overdue.take_back(claimed.command_run_id, at=timezone.now())
    assert olga.get(f"agents/{agent.pk}/").json()["status"] == "idle"
    assert ask(robot, claimed, event_id="q1").status_code == 409
    assert olga.post(question + "decision/", {"approved": True, "option": "main"}).status_code == 200
    second = take(project)["do"]
    again = ask(robot, second, event_id="q1")
    assert (again.status_code, again.json()["state"]) == (200, "approved")
    assert robot.get(question).json()["answer"]["option"] == "main"


def test_a_question_is_withdrawn_when_its_work_ends(
    project: Project, agent: Agent, robot: Caller, olga: Caller
) -> None:
    run = alone_at_work(project, robot, agent)
    body = {"fence": run["fence"], "title": "Go on?"}
    answer = robot.post(f"command-runs/{run['id']}/approvals/", body).json()
    question = f"approvals/{answer['id']}/"
    row = olga.get(question).json()
    assert (row["run"], row["step"], row["command_run"]["title"]) == (None, None, "Do it")
    done = robot.post(f"command-runs/{run['id']}/result/", {"fence": run["fence"], "output": {}})
    assert done.json()["status"] == "completed"
    assert robot.get(question).json()["state"] == "cancelled"
    assert olga.post(question + "decision/", {"approved": True}).status_code == 409
    assert olga.get(f"agents/{agent.pk}/").json()["status"] == "idle"
    told = events(project, "approval.opened", "approval.closed")
    assert [(one["state"], one["run_id"], one["open_approvals"]) for one in told] == [
        ("open", None, 1),
        ("cancelled", None, 0),
    ]
    assert told[0]["agent_name"] == agent.name


def test_cancelling_the_run_leaves_the_question_until_the_agent_has_stopped(
    project: Project, robot: Caller, olga: Caller
) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed)
    olga.post(f"runs/{claimed.run_id}/cancellation/")
    engine.sweep()
    assert robot.get(question).json()["state"] == "open"
    progress = robot.post(path(claimed, "progress/"), {"fence": claimed.fence, "progress": 5})
    assert progress.json()["cancel"] is True
    robot.post(path(claimed, "result/"), {"fence": claimed.fence, "error": "stopped"})
    assert robot.get(question).json()["state"] == "cancelled"
    engine.sweep()
    assert fresh(Run.objects.get()).status == "cancelled"


@pytest.mark.parametrize(("policy", "state"), [("reject", "expired"), ("approve", "approved")])
def test_a_question_that_nobody_decides_in_time_ends_by_its_policy(
    project: Project, agent: Agent, robot: Caller, olga: Caller, policy: str, state: str
) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed, options=[], expires_seconds=60, on_expiry=policy)
    assert engine.sweep() == 0
    age()
    assert engine.sweep() == 1
    seen = robot.get(question).json()
    assert seen["state"] == state
    assert seen["answer"] == {
        **{"approved": policy == "approve", "option": "", "by": None, "comment": "", "fields": {}}
    }
    assert olga.get(f"agents/{agent.pk}/").json()["status"] == "busy"
    assert finish(claimed).status == "completed"


def test_several_must_choose_the_same(project: Project, robot: Caller, olga: Caller) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed, min_approvals=2)
    others = [caller(make_user(Role.OPERATOR, project)) for _ in range(2)]
    for one, option, state in zip(
        [olga, *others], ["main", "next", "main"], ["open", "open", "approved"], strict=True
    ):
        said = one.post(question + "decision/", {"approved": True, "option": option})
        assert (said.status_code, said.json()["state"]) == (200, state)
    assert robot.get(question).json()["answer"]["option"] == "main"


def test_whoever_asks_does_not_decide(project: Project, agent: Agent, robot: Caller) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed)
    said = {"approved": True, "option": "main"}
    assert robot.post(question + "decision/", said).status_code == 403
    both = Caller(make_key("agent", "run", "read", project=project).text)
    assert both.get(question).json()["can_decide"] is False
    refused = both.post(question + "decision/", said)
    assert (refused.status_code, "agent" in refused.json()["detail"]) == (403, True)
    viewer = caller(make_user(Role.VIEWER, project))
    assert viewer.post(question + "decision/", said).status_code == 403
    runner = Caller(make_key("run", project=project).text)
    assert runner.post(question + "decision/", said).status_code == 200


def test_keys_ask_and_read_for_their_own_agents_only(project: Project, agent: Agent, robot: Caller) -> None:
    claimed = at_work(project)
    question = asked(robot, claimed)
    other = make_agent(project, "other")
    bound = Caller(make_key("agent", project=project, agent_id=other.pk).text)
    own = Caller(make_key("agent", project=project, agent_id=agent.pk).text)
    foreign = Caller(make_key("agent", project=make_working_project()).text)
    assert own.get(question).status_code == 200
    for stranger in (bound, foreign):
        assert stranger.get(question).status_code == 404
        assert ask(stranger, claimed).status_code == 404
    telemetry = Caller(make_key("ingest", project=project).text)
    assert (telemetry.get(question).status_code, ask(telemetry, claimed).status_code) == (403, 403)
    _, of_a_step = telling.ask(telling.asking(project))
    assert robot.get(f"approvals/{of_a_step.pk}/").status_code == 404
    assert ask(robot, claimed, fence=claimed.fence + 1).status_code == 409


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"options": ["a", "a"]}, "options"),
        ({"options": [str(n) for n in range(21)]}, "options"),
        ({"fields": {"type": "array"}}, "fields.type"),
        ({"fields": {"properties": {"a": {"$ref": "#"}}}}, "fields.properties.a.$ref"),
        ({"fields": {"description": "x" * 20_000}}, "fields"),
        ({"min_approvals": 0}, "min_approvals"),
        ({"expires_seconds": 0}, "expires_seconds"),
        ({"on_expiry": "approve", "options": []}, "on_expiry"),
        ({"on_expiry": "approve", "expires_seconds": 60}, "on_expiry"),
        ({"on_expiry": "escalate"}, "on_expiry"),
        ({"notify": ["stranger@example.org"]}, "notify[0]"),
        ({"event_id": "x" * 201}, "event_id"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    project: Project, robot: Caller, more: dict[str, Any], field: str
) -> None:
    answer = ask(robot, at_work(project), **more)
    assert answer.status_code == 400, answer.content
    assert any(name.startswith(field) for name in answer.json()["errors"]), answer.json()
    assert not Approval.objects.exists()


def test_a_command_run_has_so_many_open_questions_and_no_more(project: Project, robot: Caller) -> None:
    claimed = at_work(project)
    assert {ask(robot, claimed).status_code for _ in range(20)} == {201}
    assert ask(robot, claimed).status_code == 409


def test_a_member_decides_by_the_link_that_was_mailed(
    project: Project, agent: Agent, robot: Caller, settings: Any
) -> None:
    telling.configure(settings)
    make_user(Role.OPERATOR, project, "otto", email="otto@example.org")
    claimed = at_work(project)
    question = asked(robot, claimed, notify=["Otto@example.org"], details="Look\u202ehere")
    notice = Notice.objects.get()
    assert notice.target == "otto@example.org"
    link = telling.path_of(notice.approval)
    page = Client().get(link).content.decode()
    for part in ("Which branch?", agent.name, "Trial #1", "main", "next", "\\u{202e}"):
        assert part in page
    assert "Must be one of" in telling.press(link).content.decode()
    assert telling.press(link, option="main").status_code == 200
    answer = robot.get(question).json()["answer"]
    assert (answer["option"], answer["by"]) == ("main", "otto@example.org (by link)")


def test_the_mail_of_a_question_names_the_agent(project: Project, robot: Caller, settings: Any) -> None:
    make_user(Role.OPERATOR, project, "otto", email="otto@example.org")
    with mailbox() as box:
        telling.configure(settings, box)
        asked(robot, at_work(project), notify=["otto@example.org"])
        assert notices.send_due(at_once=1) == 1
        text = telling.text_of(box.messages[0])
    assert "Asked by Hand in Trial #1 for rita." in text
    assert telling.link_in(text)


def test_no_question_is_looked_for_when_an_agent_of_ours_finishes(project: Project) -> None:
    make_command(project, "think", capability="thinking")
    thinker = make_agent(project, "thinker", ["thinking"])
    Agent.objects.filter(pk=thinker.pk).update(connector="llm")
    make_worker()
    for _ in range(2):
        start(make_workflow(project, {"do": {"command": "think"}}))
        claimed = take(project)["do"]
        with CaptureQueriesContext(connection) as seen:
            finish(claimed)
    assert not [one for one in seen if "workflows_approval" in one["sql"]]
