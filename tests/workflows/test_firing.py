"""Schedules as engines fire them: late, while a run is open, and when a run cannot start."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.monitoring import alerts
from apps.monitoring.models import Alert
from apps.workflows import control, firing, services
from apps.workflows.models import Run, Schedule, ScheduleTick, Workflow
from tests.accounts.people import Caller, caller, make_user
from tests.workflows.acting import events, fresh, make_project, make_workflow, take, work_off
from tests.workflows.starting import (
    fresh_schedule,
    let_be_due,
    make_schedule,
    outcomes,
    patch,
    whole_minute,
)

pytestmark = pytest.mark.django_db

INPUT = {
    "type": "object",
    "required": ["what"],
    "properties": {"what": {"type": "string"}, "count": {"type": "integer", "default": 3}},
    "additionalProperties": False,
}


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}}, name="Tidy up")


@pytest.fixture
def picky(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}}, input=INPUT)


@pytest.fixture
def operator(project: Project) -> Caller:
    return caller(make_user(Role.OPERATOR, project, "olga"))


# Firing


def test_a_moment_that_is_due_starts_one_run(workflow: Workflow, operator: Caller) -> None:
    schedule = make_schedule(workflow, "* * * * *")
    assert firing.fire_due() == 0
    at = let_be_due(schedule, seconds=0)
    assert firing.fire_due() == 1
    assert firing.fire_due() == 0
    run = Run.objects.get()
    assert (run.origin, run.origin_id, run.requested_by) == ("schedule", schedule.pk, "olga")
    (tick,) = operator.get(f"schedules/{schedule.pk}/runs/").json()["results"]
    assert tick["outcome"] == "started"
    assert tick["run"]["id"] == str(run.pk)
    assert at.isoformat()[:16] == tick["scheduled_for"][:16]
    row = operator.get(f"schedules/{schedule.pk}/").json()
    assert row["last"] == tick
    after = fresh_schedule(schedule)
    assert after.last_at == at
    assert after.next_at
    assert after.next_at > timezone.now()
    shown = operator.get(f"runs/{run.pk}/").json()
    assert (shown["origin"], shown["origin_name"]) == ("schedule", schedule.name)


def test_the_run_takes_the_version_and_the_defaults_of_its_moment(project: Project, picky: Workflow) -> None:
    schedule = make_schedule(picky, input={"what": "all"})
    assert picky.current
    source = picky.current.source.replace("default: 3", "default: 4")
    services.apply_definition(project, source)
    let_be_due(schedule, seconds=0)
    firing.fire_due()
    run = Run.objects.select_related("data", "version").get()
    assert run.version.number == 2
    assert run.data.input == {"what": "all", "count": 4}


def test_a_disabled_schedule_fires_nothing_and_makes_up_for_nothing(
    workflow: Workflow, operator: Caller
) -> None:
    schedule = make_schedule(workflow)
    patch(operator, f"schedules/{schedule.pk}/", {"enabled": False})
    assert firing.fire_due() == 0
    patch(operator, f"schedules/{schedule.pk}/", {"enabled": True})
    assert firing.fire_due() == 0
    assert outcomes(schedule) == []


def test_run_now_starts_beside_what_is_open_and_is_one_of_its_runs(
    workflow: Workflow, operator: Caller
) -> None:
    schedule = make_schedule(workflow, enabled=False)
    path = f"schedules/{schedule.pk}/run/"
    first = operator.post(path, headers={"Idempotency-Key": "k"})
    again = operator.post(path, headers={"Idempotency-Key": "k"})
    assert (first.status_code, first.json()["id"]) == (201, again.json()["id"])
    assert first.headers["Location"] == f"/api/v1/runs/{first.json()['id']}/"
    assert operator.post(path).status_code == 201
    assert Run.objects.filter(origin_id=schedule.pk, requested_by="olga").count() == 2
    assert outcomes(schedule) == ["started", "started"]
    let_be_due(schedule, seconds=0)
    firing.fire_due()
    assert sorted(outcomes(schedule)) == ["skipped", "started", "started"]


# Late


def be_late(schedule: Schedule, minutes: int) -> None:
    """Let every minute since then be due; the newest is on time."""
    let_be_due(schedule, whole_minute(timezone.now()) - timedelta(minutes=minutes))


def test_once_runs_once_for_all_that_was_missed(workflow: Workflow) -> None:
    schedule = make_schedule(workflow, overlap="allow")
    be_late(schedule, 5)
    firing.fire_due()
    assert Run.objects.count() in (1, 2)  # two moments are on time within 60 s of a whole minute
    assert outcomes(schedule).count("missed") + Run.objects.count() == 6
    assert outcomes(schedule)[-1] == "started"


def test_once_runs_a_single_late_moment_however_late(workflow: Workflow) -> None:
    schedule = make_schedule(workflow, "0 0 1 1 *")
    last_year = timezone.now().replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    let_be_due(schedule, last_year)
    firing.fire_due()
    assert outcomes(schedule) == ["started"]


def test_skip_runs_nothing_that_was_missed(workflow: Workflow) -> None:
    schedule = make_schedule(workflow, "0 * * * *", misfire="skip")
    at = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    let_be_due(schedule, at)
    firing.fire_due()
    found = outcomes(schedule)
    assert found[:3] == ["missed", "missed", "missed"]
    assert Run.objects.count() == found.count("started") <= 1
    assert fresh_schedule(schedule).next_at


def test_catch_up_runs_each_oldest_first_up_to_the_limit(workflow: Workflow) -> None:
    schedule = make_schedule(workflow, "0 0 * * *", misfire="catch_up", catch_up_limit=3, overlap="allow")
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    let_be_due(schedule, midnight - timedelta(days=6))
    while firing.fire_due():
        pass
    ticks = list(ScheduleTick.objects.filter(schedule=schedule).order_by("scheduled_for"))
    assert [tick.scheduled_for for tick in ticks] == [midnight - timedelta(days=6 - n) for n in range(7)]
    started = [tick for tick in ticks if tick.outcome == "started"]
    assert len(started) in (3, 4)  # right after midnight the newest is on time and not counted
    assert ticks[-len(started) :] == started
    numbers = [tick.run.number for tick in started if tick.run]
    assert numbers == sorted(numbers)


def test_an_engine_that_was_away_for_years_is_back_at_once(workflow: Workflow) -> None:
    schedule = make_schedule(workflow, misfire="skip")
    be_late(schedule, 3 * 365 * 24 * 60)
    firing.fire_due()
    assert 98 <= outcomes(schedule).count("missed") <= 100
    after = fresh_schedule(schedule)
    assert after.next_at
    assert after.next_at > timezone.now()


# While a run is open


def fire_with_open_run(workflow: Workflow, overlap: str) -> tuple[Schedule, Run]:
    """A schedule whose first run is open when its second moment is due; that moment is fired."""
    schedule = make_schedule(workflow, "0 0 * * *", overlap=overlap)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for days in (1, 0):
        let_be_due(schedule, midnight - timedelta(days=days))
        Schedule.objects.filter(pk=schedule.pk).update(
            cron=f"0 0 {(midnight - timedelta(days=days)).day} * *"
        )
        firing.fire_due()
    return schedule, Run.objects.order_by("number")[0]


def test_allow_starts_another_beside_it(workflow: Workflow) -> None:
    schedule, _ = fire_with_open_run(workflow, "allow")
    assert outcomes(schedule) == ["started", "started"]


def test_skip_leaves_the_moment_out_and_says_why(workflow: Workflow) -> None:
    schedule, _ = fire_with_open_run(workflow, "skip")
    assert outcomes(schedule) == ["started", "skipped"]
    assert ScheduleTick.objects.get(outcome="skipped").detail == "Tidy up #1 is still open."
    assert fresh_schedule(schedule).last_problem == ""


def test_cancel_cancels_the_open_run_and_starts_the_next(project: Project, workflow: Workflow) -> None:
    schedule, first = fire_with_open_run(workflow, "cancel")
    assert outcomes(schedule) == ["started", "started"]
    assert fresh(first).status == "cancelled"
    assert fresh(first).status_reason == f"Cancelled: {schedule.name} started the next run."
    assert work_off(project) == ["a"]
    assert Run.objects.get(number=2).status == "completed"


def test_queue_starts_the_moment_when_the_run_before_is_over(project: Project, workflow: Workflow) -> None:
    schedule, first = fire_with_open_run(workflow, "queue")
    assert outcomes(schedule) == ["started", "queued"]
    assert firing.fire_due() == 0
    services.cancel_run(first)
    assert firing.fire_due() == 1
    assert outcomes(schedule) == ["started", "started"]
    assert firing.fire_due() == 0
    assert Run.objects.count() == 2


def test_what_is_queued_goes_with_the_policy_that_queued_it(workflow: Workflow, operator: Caller) -> None:
    schedule, first = fire_with_open_run(workflow, "queue")
    patch(operator, f"schedules/{schedule.pk}/", {"overlap": "allow"})
    assert outcomes(schedule) == ["started", "skipped"]
    services.cancel_run(first)
    assert firing.fire_due() == 0


def test_the_runs_of_a_paused_workflow_are_started_and_wait(project: Project, workflow: Workflow) -> None:
    schedule = make_schedule(workflow)
    control.pause_workflow(workflow)
    let_be_due(schedule, seconds=0)
    firing.fire_due()
    assert outcomes(schedule) == ["started"]
    assert take(project) == {}
    control.resume_workflow(workflow)
    assert list(take(project)) == ["a"]


# Refused


def test_a_start_that_is_refused_is_told_and_the_schedule_goes_on(
    project: Project, picky: Workflow, operator: Caller
) -> None:
    schedule = make_schedule(picky, "0 0 * * *", input={"what": "all"})
    assert picky.current
    stricter = picky.current.source.replace("required:\n  - what", "required:\n  - what\n  - who")
    assert stricter != picky.current.source
    services.apply_definition(
        project, stricter.replace("properties:", "properties:\n    who: {type: string}")
    )
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    let_be_due(schedule, midnight)
    assert firing.fire_due() == 1
    assert Run.objects.count() == 0
    row = operator.get(f"schedules/{schedule.pk}/").json()
    assert row["last_problem"] == "input.who: this field is required"
    assert (row["last"]["outcome"], row["last"]["run"]) == ("refused", None)
    assert row["next_at"]
    assert [e["outcome"] for e in events(project, "schedule.fired")] == ["refused"]
    alerts.sweep()
    alert = Alert.objects.get(project=project, rule="schedule_refused")
    assert (alert.state, alert.url) == ("open", "/schedules")
    assert alert.message == f"{schedule.name} could not start: input.who: this field is required"
    patch(operator, f"schedules/{schedule.pk}/", {"input": {"what": "all", "who": "me"}})
    alerts.sweep()
    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert operator.post(f"schedules/{schedule.pk}/run/").status_code == 201


def test_the_next_run_that_starts_clears_the_problem(workflow: Workflow) -> None:
    schedule = make_schedule(workflow)
    Schedule.objects.filter(pk=schedule.pk).update(last_problem="something")
    let_be_due(schedule, seconds=0)
    firing.fire_due()
    assert fresh_schedule(schedule).last_problem == ""


def test_a_time_zone_that_is_no_more_stops_its_schedule_and_no_other(workflow: Workflow) -> None:
    broken, good = make_schedule(workflow), make_schedule(workflow)
    let_be_due(broken, seconds=30)
    Schedule.objects.filter(pk=broken.pk).update(time_zone="Gone/Away")
    let_be_due(good, seconds=0)
    firing.fire_due()
    after = fresh_schedule(broken)
    assert (after.next_at, outcomes(broken)) == (None, [])
    assert "there is no time zone 'Gone/Away'" in after.last_problem
    assert "started" in outcomes(good)
