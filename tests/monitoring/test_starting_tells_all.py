"""Snapshot before + events == snapshot after, for every verb of schedules and triggers."""

from __future__ import annotations

import inspect
from datetime import timedelta
from types import ModuleType

import pytest
from django.utils import timezone

from apps.accounts.models import Project
from apps.workflows import firing, schedules, services, triggers
from apps.workflows.models import Schedule, ScheduleTick, Workflow
from tests.monitoring.verify import verify_action
from tests.workflows import acting
from tests.workflows.starting import let_be_due, make_schedule

pytestmark = pytest.mark.django_db

PROVED = {
    *("schedules.create_schedule", "schedules.change_schedule", "schedules.delete_schedule"),
    *("schedules.run_now", "schedules.record_schedule", "firing.fire_due"),
    *("triggers.create_trigger", "triggers.change_trigger", "triggers.delete_trigger"),
    *("triggers.rotate_secret", "triggers.receive"),
}


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return acting.make_workflow(project, {"a": {}, "b": {"needs": ["a"]}})


def test_a_schedule_is_made_changed_run_now_and_deleted(project: Project, workflow: Workflow) -> None:
    with verify_action(project.pk):
        schedule = make_schedule(workflow)
    with verify_action(project.pk):
        schedules.change_schedule(schedule, {"enabled": False}, by="olga")
    with verify_action(project.pk, silent=True):
        schedules.change_schedule(schedule, {"enabled": False}, by="olga")
    with verify_action(project.pk):
        schedules.run_now(schedule, by="olga")
    with verify_action(project.pk):
        schedules.delete_schedule(schedule)


@pytest.mark.parametrize("overlap", ["allow", "skip", "queue", "cancel"])
def test_a_schedule_fires_while_its_last_run_is_open(
    project: Project, workflow: Workflow, overlap: str
) -> None:
    schedule = make_schedule(workflow, "0 0 * * *", overlap=overlap, misfire="catch_up")
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    let_be_due(schedule, midnight - timedelta(days=1))
    with verify_action(project.pk):
        firing.fire_due()
    for run in project.runs.exclude(status="cancelled"):
        with verify_action(project.pk):
            services.cancel_run(run)
    with verify_action(project.pk, silent=overlap != "queue"):
        firing.fire_due()


def test_a_schedule_misses_and_is_refused(project: Project, workflow: Workflow) -> None:
    schedule = make_schedule(workflow, "0 0 1 1 *", misfire="skip")
    new_year = timezone.now().replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    let_be_due(schedule, new_year)
    with verify_action(project.pk):
        firing.fire_due()
    workflow.current = None
    workflow.save()
    Schedule.objects.update(misfire="once")
    ScheduleTick.objects.all().delete()
    let_be_due(schedule, new_year - timedelta(days=365))
    with verify_action(project.pk):
        firing.fire_due()


def test_a_trigger_is_made_changed_posted_to_and_deleted(project: Project, workflow: Workflow) -> None:
    with verify_action(project.pk):
        trigger = triggers.create_trigger(workflow, {"name": "t"}, by="ada")
    with verify_action(project.pk):
        triggers.change_trigger(trigger, {"condition": "body.go"}, by="ada")
    with verify_action(project.pk):
        trigger = triggers.rotate_secret(trigger)
    for name, go in (("1", True), ("2", False)):
        with verify_action(project.pk):
            triggers.receive(trigger, triggers.Delivery(name, {"go": go}, {}, {}))
    with verify_action(project.pk, silent=True):
        triggers.receive(trigger, triggers.Delivery("1", {"go": True}, {}, {}))
    with verify_action(project.pk):
        triggers.delete_trigger(trigger)


def writing(module: ModuleType) -> set[str]:
    """The module's functions that take a change, open one, or call one that does."""
    found = inspect.getmembers(module, inspect.isfunction)
    sources = {name: inspect.getsource(one) for name, one in found if one.__module__ == module.__name__}
    verbs = {name for name, text in sources.items() if "journal.changes(" in text or "change: Change" in text}
    while more := {name for name, text in sources.items() if any(f"{v}(" in text for v in verbs)} - verbs:
        verbs |= more
    return {f"{module.__name__.rsplit('.')[-1]}.{name}" for name in verbs if not name.startswith("_")}


def test_no_verb_is_without_its_proof() -> None:
    assert writing(schedules) | writing(firing) | writing(triggers) == PROVED
