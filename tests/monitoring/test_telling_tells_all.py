"""Snapshot before + events == snapshot after, for every verb of notices, links and HTTP requests."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import dispatch, http_work, lease, overdue
from apps.agents.connectors.base import Outcome
from apps.agents.http_work import HttpOrder
from apps.agents.models import CommandRun
from apps.events import journal
from apps.monitoring import alerts
from apps.workflows import engine, notice_secret, notices
from apps.workflows.models import Notice
from tests.agents.factories import make_worker
from tests.monitoring.verify import verify_action
from tests.rig.answering import Answering, answering, http
from tests.workflows import acting, telling

pytestmark = pytest.mark.django_db

PROVED = {
    "notices.write",
    "notices.send_due",
    "notices.send_again",
    "http_work.accept_http_run",
    "notice_secret.rotate",
}


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def hook(settings: Any) -> Iterator[Answering]:
    with answering(http(500)) as found:
        telling.configure(settings, hook=found)
        yield found


def test_a_question_is_told_tried_again_given_up_and_sent_again(project: Project, hook: Answering) -> None:
    workflow = telling.asking(project, notify={"webhooks": [hook.url]})
    with verify_action(project.pk):
        _, approval = telling.ask(workflow)
    with verify_action(project.pk):
        telling.send()
    hook.reply = http(410)
    telling.make_due()
    with verify_action(project.pk):
        telling.send()
    with verify_action(project.pk):
        alerts.sweep()
    with verify_action(project.pk):
        notices.send_again(approval, Notice.objects.get().pk)
    hook.reply = http(200)
    with verify_action(project.pk):
        telling.send()
    with verify_action(project.pk):
        notices.send_again(approval, Notice.objects.get().pk)


def test_a_question_is_escalated_and_decided_by_a_link(project: Project, settings: Any) -> None:
    telling.configure(settings)
    escalate = {"emails": ["bob@example.org"], "expires_seconds": 60}
    workflow = telling.asking(project, expires_seconds=60, on_expiry="escalate", escalate=escalate)
    _, approval = telling.ask(workflow)
    telling.expire(approval)
    with verify_action(project.pk):
        assert engine.sweep() == 1
    link = telling.path_of(approval)
    with verify_action(project.pk):
        assert telling.press(link).status_code == 200
    with verify_action(project.pk, silent=True):
        assert telling.press(link).status_code == 409


def test_the_secret_of_notices_is_rotated(project: Project) -> None:
    with verify_action(project.pk):
        notice_secret.rotate(project.pk, overlap=timedelta(hours=1), by="rita")


def test_a_request_is_accepted_dispatched_claimed_lost_and_finished(project: Project) -> None:
    make_worker()
    with verify_action(project.pk), journal.changes(project.pk) as change:
        run = http_work.accept_http_run(change, HttpOrder("GET", "https://example.org/"))
    for ends in (False, True):
        with verify_action(project.pk):
            (given,) = dispatch.dispatch_ready(project.pk)
        with verify_action(project.pk):
            held = lease.claim(given.command_run_id, given.dispatch_id, worker="w")
        assert held
        if not ends:
            CommandRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
            with verify_action(project.pk):
                assert overdue.take_back(run.pk, at=timezone.now())
    assert held
    with verify_action(project.pk):
        lease.finish(run.pk, held.fence, Outcome({"status": 200}, None, None, "", demo=False))


def test_no_verb_here_is_without_its_proof() -> None:
    modules: tuple[ModuleType, ...] = (notices, notice_secret, http_work)
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        and any(mark in inspect.getsource(function) for mark in ("changes(", "change: Change", "_send"))
    }  # fmt: skip
    assert found == PROVED
