"""Schedules and triggers in the admin go through the same verbs as on the screen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import Project, User
from apps.events.clock import now
from apps.workflows import triggers
from apps.workflows.models import Run, Schedule, ScheduleTick, Trigger, Workflow
from tests.workflows.acting import events, make_project, make_workflow
from tests.workflows.starting import make_schedule

pytestmark = pytest.mark.django_db

TICKS = {"ticks-TOTAL_FORMS": "0", "ticks-INITIAL_FORMS": "0"}
GOOD = {
    **{"name": "Nightly", "cron": "30 2 * * *", "time_zone": "Europe/Berlin", "input": "{}"},
    **{"priority": "0", "enabled": "on", "misfire": "once", "catch_up_limit": "10", "overlap": "skip"},
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}})


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def url(name: str, *args: object) -> str:
    return reverse(f"admin:workflows_{name}", args=args)


def test_a_schedule_is_added_changed_run_and_deleted(
    project: Project, workflow: Workflow, admin: Client
) -> None:
    added = admin.post(url("schedule_add"), {"workflow": str(workflow.pk), **GOOD})
    assert added.status_code == 302, added.content.decode()[-3000:]
    schedule = Schedule.objects.get()
    assert (schedule.created_by, schedule.project_id) == ("root", project.pk)
    assert schedule.next_at
    page = url("schedule_change", schedule.pk)
    assert "At 02:30 every day" in admin.get(page).content.decode()
    assert admin.post(page, {**GOOD, **TICKS, "cron": "0 4 * * *"}).status_code == 302
    assert Schedule.objects.get().cron == "0 4 * * *"
    for action in ("disable", "enable", "run_now"):
        chosen = {"action": action, "_selected_action": [str(schedule.pk)]}
        assert admin.post(url("schedule_changelist"), chosen).status_code == 302
    assert Run.objects.get().requested_by == "root"
    assert "started" in admin.get(page).content.decode()
    admin.post(url("schedule_delete", schedule.pk), {"post": "yes"})
    assert not Schedule.objects.exists()
    assert len(events(project, "schedule.changed")) == 4
    assert len(events(project, "schedule.deleted")) == 1


def test_a_busy_schedule_hides_no_moment_of_a_quiet_one(workflow: Workflow, admin: Client) -> None:
    quiet, busy = make_schedule(workflow), make_schedule(workflow)
    ScheduleTick.objects.create(
        schedule=quiet, scheduled_for=now() - timedelta(days=30), outcome="refused", detail="a month ago"
    )
    ScheduleTick.objects.bulk_create(
        ScheduleTick(schedule=busy, scheduled_for=now() - timedelta(minutes=n), outcome="missed")
        for n in range(501)
    )
    assert "a month ago" in admin.get(url("schedule_change", quiet.pk)).content.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cron": "61 * * * *"}, "is no minute: write 0 to 59"),
        ({"time_zone": "Mars"}, "there is no time zone"),
        ({"input": "[1]"}, "Must be a JSON object."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    workflow: Workflow, admin: Client, wrong: dict[str, str], said: str
) -> None:
    answer = admin.post(url("schedule_add"), {"workflow": str(workflow.pk), **GOOD, **wrong})
    assert said in answer.content.decode()
    assert not Schedule.objects.exists()


def test_a_trigger_shows_its_secret_once(project: Project, workflow: Workflow, admin: Client) -> None:
    given: dict[str, Any] = {"workflow": str(workflow.pk), "name": "t", "input": "{}", "priority": "0"}
    added = admin.post(url("trigger_add"), {**given, "enabled": "on"}, follow=True)
    trigger = Trigger.objects.get()
    first = triggers.secret_of(trigger).replace("+", "&#x2B;")
    assert triggers.secret_of(trigger) in added.content.decode() or first in added.content.decode()
    page = url("trigger_change", trigger.pk)
    assert "whsec_" not in admin.get(page).content.decode()
    wrong = admin.post(page, {**given, "condition": "nope("})
    assert "condition: " in wrong.content.decode()
    chosen = {"action": "new_secret", "_selected_action": [str(trigger.pk)]}
    assert "whsec_" in admin.post(url("trigger_changelist"), chosen, follow=True).content.decode()
    assert Trigger.objects.get().secret_version == 2
    admin.post(url("trigger_delete", trigger.pk), {"post": "yes"})
    assert not Trigger.objects.exists()


def test_lists_open(workflow: Workflow, admin: Client) -> None:
    make_schedule(workflow)
    triggers.create_trigger(workflow, {"name": "t"})
    for name in ("schedule_changelist", "trigger_changelist"):
        assert admin.get(url(name)).status_code == 200
