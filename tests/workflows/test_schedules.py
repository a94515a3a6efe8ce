"""Schedules: made over HTTP, fired by engines, and what they do when late or when a run is open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project, Role, Scope
from apps.monitoring import alerts
from apps.monitoring.models import Alert
from apps.workflows import control, firing, services
from apps.workflows.models import Run, Schedule, ScheduleTick, Workflow
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import (
    events,
    fresh,
    make_project,
    make_workflow,
    start,
    take,
    work_off,
)
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
GOOD = {"name": "Nightly", "cron": "30 2 * * *", "time_zone": "Europe/Berlin", "input": {"what": "all"}}


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


# Making and changing


def test_a_schedule_is_made_read_changed_and_deleted(picky: Workflow, operator: Caller) -> None:
    made = operator.post("schedules/", {**GOOD, "workflow": picky.slug})
    assert made.status_code == 201, made.json()
    row = made.json()
    assert made.headers["Location"] == f"/api/v1/schedules/{row['id']}/"
    assert (row["workflow"], row["description"], row["owner"]) == (picky.slug, "At 02:30 every day", "olga")
    assert (row["misfire"], row["overlap"], row["catch_up_limit"], row["enabled"]) == (
        "once",
        "skip",
        10,
        True,
    )
    assert row["next_at"] == row["next_times"][0]
    assert len(row["next_times"]) == 3
    assert row["input"] == {"what": "all"}  # as it was given: new defaults count when it runs
    assert operator.get("schedules/").json()["results"] == [row]
    assert operator.get(f"schedules/?workflow={picky.slug}").json()["results"] == [row]
    assert operator.get("schedules/?workflow=other").status_code == 400

    path = f"schedules/{row['id']}/"
    changed = patch(operator, path, {"cron": "0 4 * * *", "priority": 5}).json()
    assert (changed["description"], changed["priority"]) == ("At 04:00 every day", 5)
    assert changed["next_at"] != row["next_at"]
    off = patch(operator, path, {"enabled": False}).json()
    assert (off["enabled"], off["next_at"], off["next_times"]) == (False, None, [])
    assert patch(operator, path, {"enabled": True}).json()["next_at"] == changed["next_at"]
    assert operator.delete(path).status_code == 204
    assert operator.get(path).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"cron": "30 25 * * *"}, "cron", "'25' is no hour: write 0 to 23"),
        ({"cron": "every day"}, "cron", "has 2 fields instead of 5"),
        ({"time_zone": "Berlin"}, "time_zone", "there is no time zone 'Berlin'"),
        ({"input": {}}, "input.what", "this field is required"),
        ({"input": {"what": 1}}, "input.what", "must be string"),
        ({"input": {"what": "x", "wat": 1}}, "input", "unknown field 'wat'"),
        ({"name": "  "}, "name", "blank"),
        ({"overlap": "wait"}, "overlap", "not a valid choice"),
        ({"misfire": "twice"}, "misfire", "not a valid choice"),
        ({"catch_up_limit": 0}, "catch_up_limit", "1"),
        ({"catch_up_limit": 101}, "catch_up_limit", "100"),
        ({"priority": 1000}, "priority", "100"),
        ({"workflow": "nope"}, "workflow", "slug of a workflow of this project"),
    ],
)
def test_what_is_wrong_is_named_by_field(
    picky: Workflow, operator: Caller, wrong: dict[str, Any], field: str, said: str
) -> None:
    answer = operator.post("schedules/", {**GOOD, "workflow": picky.slug, **wrong})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said in " ".join(answer.json()["errors"][field])
    assert not Schedule.objects.exists()


def test_a_name_is_taken_once_in_a_project(workflow: Workflow, operator: Caller) -> None:
    for status in (201, 400):
        answer = operator.post("schedules/", {**GOOD, "input": {}, "workflow": workflow.slug})
        assert answer.status_code == status
    assert answer.json()["errors"]["name"] == ["another schedule of this project has this name; take another"]
    other = make_schedule(workflow)
    assert patch(operator, f"schedules/{other.pk}/", {"name": "Nightly"}).status_code == 400


def test_the_preview_gives_five_moments_or_says_what_is_wrong(operator: Caller) -> None:
    good = operator.post("schedules/preview/", {"cron": "0 9 * * MON-FRI", "time_zone": "Asia/Tokyo"})
    assert good.json()["description"] == "At 09:00 on Monday through Friday"
    assert len(good.json()["next_times"]) == 5
    wrong = operator.post("schedules/preview/", {"cron": "0 9 * * *", "time_zone": "Mars/Olympus"})
    assert wrong.status_code == 400
    assert list(wrong.json()["errors"]) == ["time_zone"]
    assert operator.post("schedules/preview/", {}).json()["errors"] == {"cron": ["This field is required."]}


def test_viewers_read_operators_write_and_other_projects_see_nothing(
    project: Project, workflow: Workflow
) -> None:
    schedule = make_schedule(workflow)
    paths = [f"schedules/{schedule.pk}/", f"schedules/{schedule.pk}/runs/"]
    viewer = caller(make_user(Role.VIEWER, project))
    stranger = caller(make_user(Role.ADMIN, make_project()))
    reader = Caller(make_key(Scope.READ, project=project).text)
    runner = Caller(make_key(Scope.RUN, project=project).text)
    for path in paths:
        assert [who.get(path).status_code for who in (viewer, reader, stranger)] == [200, 200, 404]
    preview = {"cron": "0 9 * * *"}
    assert viewer.post("schedules/preview/", preview).status_code == 200
    for who, status in ((viewer, 403), (reader, 403), (stranger, 404)):
        assert who.post(f"schedules/{schedule.pk}/run/").status_code == status
        assert patch(who, paths[0], {"enabled": False}).status_code == status
        assert who.delete(paths[0]).status_code == status
    assert stranger.post("schedules/", {**GOOD, "workflow": workflow.slug}).status_code == 400
    assert runner.post(f"schedules/{schedule.pk}/run/").status_code == 201
    assert Run.objects.count() == 1


def test_whoever_changes_what_it_does_answers_for_its_runs(workflow: Workflow, project: Project) -> None:
    schedule = make_schedule(workflow)
    otto = caller(make_user(Role.OPERATOR, project, "otto"))
    patch(otto, f"schedules/{schedule.pk}/", {"enabled": False})
    assert fresh_schedule(schedule).created_by == "olga"
    patch(otto, f"schedules/{schedule.pk}/", {"priority": 7, "enabled": True})
    let_be_due(schedule, seconds=0)
    firing.fire_due()
    run = Run.objects.get()
    assert (run.requested_by, run.priority) == ("otto", 7)


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


# The journal, history and lists


def test_every_change_of_a_schedule_is_told_live(project: Project, workflow: Workflow) -> None:
    operator = caller(make_user(Role.OPERATOR, project))
    row = operator.post("schedules/", {"workflow": workflow.slug, "name": "N", "cron": "* * * * *"}).json()
    schedule = Schedule.objects.get()
    let_be_due(schedule, seconds=0)
    firing.fire_due()
    patch(operator, f"schedules/{row['id']}/", {"enabled": False})
    operator.delete(f"schedules/{row['id']}/")
    told = events(project, "schedule.changed", "schedule.fired", "schedule.deleted")
    assert [e["enabled"] for e in told] == [True, True, False, False]
    assert told[1]["outcome"] == "started"
    assert told[1]["run_id"] == str(Run.objects.get().pk)
    assert {e["type"] for e in told} == {"schedule_update"}


def test_moments_are_paged_and_only_the_newest_thousand_kept(workflow: Workflow, operator: Caller) -> None:
    schedule = make_schedule(workflow)
    begin = whole_minute(timezone.now()) - timedelta(days=10)
    ScheduleTick.objects.bulk_create(
        ScheduleTick(schedule=schedule, scheduled_for=begin + timedelta(minutes=n), outcome="missed")
        for n in range(firing.TICKS_KEPT + 7)
    )
    assert firing.prune_ticks() == 7
    assert firing.prune_ticks() == 0
    path, seen = f"schedules/{schedule.pk}/runs/?limit=100", []
    while path:
        page = operator.get(path.removeprefix("/api/v1/")).json()
        seen += [tick["scheduled_for"] for tick in page["results"]]
        path = page["next"]
    assert len(set(seen)) == firing.TICKS_KEPT
    assert seen == sorted(seen, reverse=True)


def test_a_list_of_schedules_takes_as_many_queries_for_many_as_for_one(
    workflow: Workflow, operator: Caller, django_assert_max_num_queries: Any
) -> None:
    for n in range(5):
        let_be_due(make_schedule(workflow, name=f"s{n}"), seconds=0)
    firing.fire_due()
    operator.get("schedules/")
    with django_assert_max_num_queries(4):
        assert len(operator.get("schedules/").json()["results"]) == 5


def test_a_run_of_a_deleted_schedule_still_says_what_started_it(workflow: Workflow, operator: Caller) -> None:
    schedule = make_schedule(workflow)
    let_be_due(schedule, seconds=0)
    firing.fire_due()
    operator.delete(f"schedules/{schedule.pk}/")
    shown = operator.get(f"runs/{Run.objects.get().pk}/").json()
    assert (shown["origin"], shown["origin_id"], shown["origin_name"]) == ("schedule", str(schedule.pk), "")
    mine = operator.get(f"runs/{start(workflow).pk}/").json()
    assert (mine["origin"], mine["origin_id"], mine["origin_name"]) == ("user", None, "")
