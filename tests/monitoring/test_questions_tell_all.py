"""Snapshot before + events == snapshot after, for what agents ask and for many updates at once."""

from __future__ import annotations

import inspect
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import asking, lease, many, overdue, shown
from apps.agents.connectors.base import Outcome
from apps.agents.many import Sender
from apps.agents.models import CommandRun
from apps.workflows import approvals, engine, questions
from apps.workflows.models import Approval
from apps.workflows.questions import Question
from tests.accounts.people import make_key
from tests.monitoring.verify import verify_action
from tests.workflows import acting

pytestmark = pytest.mark.django_db

PROVED = {
    "questions.ask",
    "questions.show",  # of every verb here
    "questions.on_command_run_finished",
    "questions.on_command_run_retried",
    "questions.expire_due",
    "asking.show",
    "many.take",
    "shown.derive",
}


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def claimed(project: Project) -> lease.Claimed:
    acting.start(acting.make_workflow(project, {"do": {}}))
    return acting.take(project)["do"]


def asked(claimed: lease.Claimed, **more: Any) -> Approval:
    approval, _ = questions.ask(claimed.command_run_id, claimed.fence, Question("Go on?", **more))
    return approval


@pytest.mark.parametrize("approved", [True, False])
def test_a_question_is_asked_and_decided(project: Project, claimed: lease.Claimed, approved: bool) -> None:
    with verify_action(project.pk) as events:
        approval = asked(claimed, min_approvals=2 if approved else 1)
    assert [event.kind for event in events] == ["agent.changed", "approval.opened"]
    with verify_action(project.pk):
        approvals.decide(approval, approved=approved, by="olga")
    if approved:
        with verify_action(project.pk):
            approvals.decide(approval, approved=True, by="otto")
    with verify_action(project.pk):
        acting.finish(claimed)


def test_a_question_is_withdrawn_with_its_work(project: Project, claimed: lease.Claimed) -> None:
    asked(claimed)
    with verify_action(project.pk) as events:
        lease.finish(claimed.command_run_id, claimed.fence, Outcome({}, None, None, "", demo=False))
    assert "approval.closed" in [event.kind for event in events]


def test_a_question_stays_when_its_work_is_taken_back(project: Project, claimed: lease.Claimed) -> None:
    asked(claimed, key="q")
    CommandRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    with verify_action(project.pk):
        assert overdue.take_back(claimed.command_run_id, at=timezone.now())
    again = acting.take(project)["do"]
    with verify_action(project.pk):
        asked(again, key="q")


@pytest.mark.parametrize("policy", ["reject", "approve"])
def test_a_question_expires(project: Project, claimed: lease.Claimed, policy: str) -> None:
    asked(claimed, expires_seconds=60, on_expiry=policy)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with verify_action(project.pk):
        assert engine.sweep() == 1


def test_many_updates_change_what_agents_show(project: Project, claimed: lease.Claimed) -> None:
    sender = Sender(project.pk, make_key("agent", project=project).row.pk)
    beat = {"type": "heartbeat", "agent": "Hand", "status": "busy", "current_task": "x"}
    with verify_action(project.pk):
        many.take(sender, [{"type": "register", "name": "new"}])
    many.take(sender, [beat])  # what it is at shows already: a tick, which is not journalled
    CommandRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    with verify_action(project.pk):
        overdue.take_back(claimed.command_run_id, at=timezone.now())
    with verify_action(project.pk):
        many.take(sender, [{**beat, "status": "error"}])


def test_no_verb_here_is_without_its_proof() -> None:
    modules: tuple[ModuleType, ...] = (questions, asking, many, shown)
    marks = ("changes(", "change: Change", "_take(", "_expire(")
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        and any(mark in inspect.getsource(function) for mark in marks)
    }  # fmt: skip
    assert found == PROVED
