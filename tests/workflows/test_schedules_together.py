"""Many engines, people and sweeps on the same schedules at once: one run for each moment."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from apps.accounts.models import Project
from apps.errors import DomainError
from apps.workflows import firing, schedules, services, triggers
from apps.workflows.models import Run, Schedule, ScheduleTick, Trigger, Workflow
from tests.workflows.acting import make_project, make_workflow
from tests.workflows.starting import let_be_due, make_schedule, whole_minute

pytestmark = pytest.mark.django_db(transaction=True)

ENGINES = 3


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}})


@pytest.fixture(autouse=True)
def no_connection_is_left_behind() -> Iterator[None]:
    yield
    connection.close()


def at_once(*acts: Callable[[], Any]) -> Counter[str]:
    """Run all acts in threads that begin together; how each ended."""
    begin = threading.Barrier(len(acts))
    ends: list[str] = []

    def one(act: Callable[[], Any]) -> None:
        begin.wait()
        try:
            act()
            ends.append("ok")
        except (DomainError, DatabaseError) as error:
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(ends)


def until_quiet() -> None:
    """An engine: fires until nothing is due."""
    while firing.fire_due():
        pass


@pytest.mark.parametrize("overlap", ["allow", "cancel", "queue"])
def test_engines_that_fire_at_once_start_one_run_for_each_moment(workflow: Workflow, overlap: str) -> None:
    made = [make_schedule(workflow, misfire="catch_up", catch_up_limit=12, overlap=overlap) for _ in range(3)]
    now = whole_minute(timezone.now())
    for schedule in made:
        let_be_due(schedule, now - timedelta(minutes=10))
    assert at_once(*[until_quiet] * ENGINES) == {"ok": ENGINES}
    for schedule in made:
        ticks = ScheduleTick.objects.filter(schedule=schedule)
        assert ticks.count() >= 11
        assert set(ticks.values_list("outcome", flat=True)) <= {"started", "queued"}
        started = ticks.filter(outcome="started")
        assert started.count() == Run.objects.filter(origin_id=schedule.pk).count()
        assert started.values("run").distinct().count() == started.count()
        open_runs = Run.objects.filter(origin_id=schedule.pk, cancel_requested=False).count()
        assert open_runs == (started.count() if overlap == "allow" else 1)
    numbers = Run.objects.filter(workflow=workflow).values_list("number", flat=True)
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_engines_and_people_at_once_leave_one_run_for_each_moment(workflow: Workflow) -> None:
    made = [make_schedule(workflow, misfire="catch_up", overlap="queue") for _ in range(3)]
    for schedule in made:
        let_be_due(schedule, whole_minute(timezone.now()) - timedelta(minutes=5))
    pick = random.Random(7)

    def toggle() -> None:
        for _ in range(4):
            schedule = Schedule.objects.select_related("workflow__current").get(pk=pick.choice(made).pk)
            schedules.change_schedule(schedule, {"enabled": not schedule.enabled}, by="olga")

    def cancel() -> None:
        for run in Run.objects.filter(workflow=workflow)[:5]:
            services.cancel_run(run)

    acts = [until_quiet, until_quiet, toggle, cancel, lambda: schedules.run_now(made[0], by="olga")]
    ends = at_once(*acts)
    assert set(ends) <= {"ok", "Conflict"}  # a run that was over already could not be cancelled
    for schedule in made:
        started = ScheduleTick.objects.filter(schedule=schedule, outcome="started")
        assert started.values("run").distinct().count() == started.count()
        assert started.count() == Run.objects.filter(origin_id=schedule.pk).count()


def test_what_is_queued_is_started_by_one_of_many_engines(workflow: Workflow) -> None:
    schedule = make_schedule(workflow, misfire="catch_up", overlap="queue")
    let_be_due(schedule, whole_minute(timezone.now()) - timedelta(minutes=4))
    until_quiet()
    waiting = ScheduleTick.objects.filter(schedule=schedule, outcome="queued")
    for left in range(waiting.count(), 0, -1):
        for run in Run.objects.exclude(status="cancelled"):
            services.cancel_run(run)
        assert at_once(*[firing.fire_due] * ENGINES) == {"ok": ENGINES}
        assert waiting.count() == left - 1
    started = ScheduleTick.objects.filter(schedule=schedule, outcome="started")
    assert Run.objects.count() == started.count()


def test_one_delivery_that_comes_many_times_at_once_is_one_run(workflow: Workflow) -> None:
    trigger = triggers.create_trigger(workflow, {"name": "t"}, by="ada")
    delivery = triggers.Delivery("msg_1", {"text": "x"}, {}, {})

    def one() -> None:
        triggers.receive(Trigger.objects.select_related("workflow").get(pk=trigger.pk), delivery)

    assert at_once(*[one] * 6) == {"ok": 6}
    assert Run.objects.filter(origin_id=trigger.pk).count() == 1
