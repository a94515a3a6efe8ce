"""Approvals: people are asked, somebody decides, once; nothing is held up but the run itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project, Role, Scope
from apps.agents.models import CommandRun, Hold
from apps.errors import Conflict, Forbidden, InvalidInput
from apps.workflows import approvals, control, engine, services
from apps.workflows.models import Approval, Run, Step, Workflow
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import (
    events,
    fail,
    fresh,
    make_project,
    make_workflow,
    start,
    statuses,
    take,
    work_off,
)

pytestmark = pytest.mark.django_db

FORM = {
    "type": "object",
    "required": ["why"],
    "properties": {"why": {"type": "string"}, "percent": {"type": "integer", "default": 10}},
}


def ask(**fields: Any) -> dict[str, dict[str, Any]]:
    question = {"title": "Ship ${{ steps.build.output.text }}?", **fields}
    return {
        "build": {},
        "ask": {"needs": ["build"], "name": "Approve", "approval": question},
        "ship": {"needs": ["ask"], "with": {"text": "${{ steps.ask.output.by }}"}},
    }


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, ask(details="Run ${{ run.number }}."))


def asked(workflow: Workflow, **fields: Any) -> tuple[Run, Approval]:
    """A run that has come to its question."""
    run = start(workflow, **fields)
    work_off(workflow.project)
    return run, Approval.objects.get(run=run, state="open")


def age(approval: Approval) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Approval.objects.filter(pk=approval.pk).update(expires_at=past)
    Step.objects.filter(approvals=approval).update(wakes_at=past)


def test_a_run_waits_for_people_and_holds_nothing(project: Project, workflow: Workflow) -> None:
    run, approval = asked(workflow, by="olga")
    assert statuses(run) == {"build": "completed", "ask": "waiting", "ship": "pending"}
    run = fresh(run)
    assert (run.status, run.status_reason) == ("waiting", "Approve: waiting for approval")
    assert run.current_step == 2
    assert (approval.title, approval.details) == ("Ship build done?", "Run 1.")
    assert approval.requested_by == "olga"
    assert not CommandRun.objects.filter(run_id=run.pk).exclude(status="completed").exists()
    engine.sweep()
    assert fresh(run).status == "waiting"


def test_a_yes_lets_the_run_go_on_with_who_said_it(project: Project, workflow: Workflow) -> None:
    run, approval = asked(workflow)
    decided = approvals.decide(approval, approved=True, by="olga", comment="fine")
    assert decided.state == "approved"
    assert fresh(run).status == "running"
    assert fresh(run).status_reason == ""
    output = Step.objects.get(run=run, key="ask").output
    assert output
    assert {**output, "decisions": len(output["decisions"])} == {
        **{"approved": True, "by": "olga", "comment": "fine", "fields": {}},
        "decisions": 1,
    }
    assert take(project)["ship"].work.input == {"text": "olga"}


def test_a_no_fails_the_step_and_with_it_the_run(workflow: Workflow) -> None:
    run, approval = asked(workflow)
    assert (
        approvals.decide(approval, approved=False, by="otto", comment="not on a Friday").state == "rejected"
    )
    step = Step.objects.get(run=run, key="ask")
    assert (step.status, step.error_code, step.error) == (
        *("failed", "rejected"),
        "Rejected by otto: not on a Friday",
    )
    assert fresh(run).status == "failed"
    assert statuses(run)["ship"] == "skipped"


def test_a_no_can_be_gone_on_from(project: Project) -> None:
    steps = ask()
    steps["ask"]["on_failure"] = "continue"
    steps["ship"]["when"] = "steps.ask.output.approved"
    run, approval = asked(make_workflow(project, steps))
    approvals.decide(approval, approved=False, by="otto")
    assert statuses(run) == {"build": "completed", "ask": "failed", "ship": "skipped"}
    assert fresh(run).status == "completed"


def test_the_second_decision_is_told_the_first(workflow: Workflow) -> None:
    _, approval = asked(workflow)
    approvals.decide(approval, approved=True, by="olga")
    with pytest.raises(Conflict, match="Already approved by olga at 2"):
        approvals.decide(approval, approved=False, by="otto")


def test_as_many_people_as_asked_must_agree_and_each_once(project: Project) -> None:
    run, approval = asked(make_workflow(project, ask(min_approvals=2)))
    step = Step.objects.get(run=run, key="ask")
    assert step.wait_reason == "waiting for approval by 2 people"
    assert approvals.decide(approval, approved=True, by="olga").state == "open"
    step.refresh_from_db()
    assert step.wait_reason == "waiting for approval"
    with pytest.raises(Conflict, match="You decided this"):
        approvals.decide(approval, approved=True, by="olga")
    assert approvals.decide(approval, approved=True, by="otto").state == "approved"


def test_the_requester_can_be_excluded(project: Project) -> None:
    run, approval = asked(make_workflow(project, ask(allow_requester=False)), by="olga")
    with pytest.raises(Forbidden, match="ask somebody else"):
        approvals.decide(approval, approved=True, by="olga")
    with pytest.raises(Forbidden, match="not a key"):
        approvals.decide(approval, approved=True, by="robot", is_key=True)
    approvals.decide(approval, approved=True, by="otto")
    assert fresh(run).status == "running"


def test_the_form_is_checked_filled_in_and_handed_on(project: Project) -> None:
    run, approval = asked(make_workflow(project, ask(fields=FORM)))
    with pytest.raises(InvalidInput) as caught:
        approvals.decide(approval, approved=True, by="olga", fields={"percent": "many"})
    assert set(caught.value.errors) == {"fields.why", "fields.percent"}
    approvals.decide(approval, approved=True, by="olga", fields={"why": "tested"})
    output = Step.objects.get(run=run, key="ask").output
    assert output
    assert output["fields"] == {"why": "tested", "percent": 10}


@pytest.mark.parametrize(
    ("policy", "state", "step", "code"),
    [("reject", "expired", "failed", "expired"), ("approve", "approved", "completed", "")],
)
def test_what_nobody_decides_in_time_expires_as_the_document_says(
    project: Project, policy: str, state: str, step: str, code: str
) -> None:
    run, approval = asked(make_workflow(project, ask(expires_seconds=60, on_expiry=policy)))
    assert engine.sweep() == 0
    age(approval)
    assert engine.sweep() == 1
    approval.refresh_from_db()
    ended = Step.objects.get(run=run, key="ask")
    assert (approval.state, ended.status, ended.error_code) == (state, step, code)
    with pytest.raises(Conflict, match=f"Already {state}"):
        approvals.decide(approval, approved=True, by="late")
    assert engine.sweep() == 0


def test_a_pause_keeps_a_question_from_expiring_and_moves_its_end(project: Project) -> None:
    run, approval = asked(make_workflow(project, ask(expires_seconds=60)))
    control.pause_run(run)
    age(approval)
    assert engine.sweep() == 0
    assert fresh(run).status == "paused"
    Hold.objects.update(at=timezone.now() - timedelta(seconds=100))
    Step.objects.filter(approvals=approval).update(started_at=timezone.now() - timedelta(seconds=200))
    control.resume_run(run)
    before = approval.expires_at
    approval.refresh_from_db()
    assert before
    assert approval.expires_at
    assert approval.expires_at > timezone.now() + timedelta(seconds=90)
    assert fresh(run).status == "waiting"


def test_cancelling_the_run_withdraws_its_question(project: Project, workflow: Workflow) -> None:
    run, approval = asked(workflow)
    services.cancel_run(run, by="olga")
    approval.refresh_from_db()
    assert approval.state == "cancelled"
    assert fresh(run).status == "cancelled"
    assert statuses(run) == {"build": "completed", "ask": "cancelled", "ship": "cancelled"}
    with pytest.raises(Conflict, match="Already cancelled"):
        approvals.decide(approval, approved=True, by="otto")


def test_a_failure_beside_it_withdraws_a_question(project: Project) -> None:
    run = start(make_workflow(project, {"a": {}, "ask": {"approval": {"title": "?"}}}))
    assert fresh(run).status == "running"
    fail(take(project)["a"])
    assert fresh(run).status == "failed"
    assert statuses(run)["ask"] == "cancelled"
    assert Approval.objects.get(run=run).state == "cancelled"


def test_every_event_says_how_many_are_open(project: Project, workflow: Workflow) -> None:
    _, first = asked(workflow)
    _, second = asked(workflow)
    approvals.decide(first, approved=True, by="olga")
    approvals.decide(second, approved=False, by="olga")
    told = events(project, "approval.opened", "approval.closed")
    assert [(event["state"], event["open_approvals"]) for event in told] == [
        *(("open", 1), ("open", 2), ("approved", 1), ("rejected", 0)),
    ]
    assert told[0]["workflow"] == workflow.slug


def test_the_inbox_over_http_for_every_role(project: Project) -> None:
    workflow = make_workflow(project, ask(fields=FORM, allow_requester=False))
    olga = make_user(Role.OPERATOR, project, "olga")
    run, approval = asked(workflow, by="olga")
    requester = caller(olga)
    operator = caller(make_user(Role.OPERATOR, project, "otto"))
    viewer = caller(make_user(Role.VIEWER, project, "vera"))
    stranger = caller(make_user(Role.ADMIN, make_project(), "sven"))
    (row,) = operator.get("approvals/?state=open").json()["results"]
    assert set(row) == {
        *("id", "title", "details", "fields", "state", "min_approvals", "decisions", "can_decide", "why_not"),
        *("run", "step", "requested_by", "created_at", "expires_at", "decided_at"),
        *("escalated_at", "notices", "agent", "command_run", "options", "answer"),
    }
    assert (row["can_decide"], row["why_not"], row["fields"]) == (True, "", FORM)
    assert row["run"] == {
        **{"id": str(run.pk), "name": "Trial", "number": 1},
        "workflow": workflow.slug,
    }
    assert row["step"] == {"id": str(approval.step_id), "key": "ask", "name": "Approve"}
    path = f"approvals/{approval.pk}/"
    assert operator.get(path).json() == row
    assert stranger.get(path).status_code == 404
    assert stranger.post(path + "decision/", {"approved": True}).status_code == 404
    assert "role" in viewer.get(path).json()["why_not"]
    assert viewer.post(path + "decision/", {"approved": True}).status_code == 403
    assert requester.get(path).json()["can_decide"] is False
    refused = requester.post(path + "decision/", {"approved": True, "fields": {"why": "mine"}})
    assert (refused.status_code, refused.json()["status"]) == (403, 403)
    wrong = operator.post(path + "decision/", {"approved": True})
    assert (wrong.status_code, set(wrong.json()["errors"])) == (400, {"fields.why"})
    assert operator.post(path + "decision/", {}).status_code == 400
    done = operator.post(path + "decision/", {"approved": True, "comment": "ok", "fields": {"why": "x"}})
    assert (done.status_code, done.json()["state"]) == (200, "approved")
    assert done.json()["decisions"][0]["by"] == "otto"
    again = caller(make_user(Role.ADMIN, project)).post(path + "decision/", {"approved": False})
    assert again.status_code == 409
    assert "Already approved by otto" in again.json()["detail"]
    assert operator.get("approvals/?state=open").json()["results"] == []
    assert len(operator.get(f"approvals/?state=decided&run={run.pk}").json()["results"]) == 1
    assert operator.get("approvals/?state=maybe").status_code == 400
    assert operator.get("approvals/?run=7").status_code == 400


def test_a_key_decides_where_keys_may(project: Project, workflow: Workflow) -> None:
    _, approval = asked(workflow)
    reader = Caller(make_key(Scope.READ, project=project).text)
    runner = Caller(make_key(Scope.RUN, project=project, name="runner").text)
    path = f"approvals/{approval.pk}/decision/"
    assert reader.post(path, {"approved": True}).status_code == 403
    assert runner.post(path, {"approved": True}).status_code == 200


def test_the_run_s_page_shows_what_waits(project: Project, workflow: Workflow) -> None:
    run, approval = asked(workflow)
    viewer = caller(make_user(Role.VIEWER, project))
    step = viewer.get(f"runs/{run.pk}/").json()["steps"][1]
    assert (step["kind"], step["status"], step["command"]) == ("approval", "waiting", None)
    assert step["approval_id"] == str(approval.pk)
    attention = {row["kind"]: row for row in viewer.get("monitoring/attention/").json()}
    assert attention["waiting_approvals"]["count"] == 1
    assert attention["waiting_approvals"]["title"] == "1 approval waiting"
