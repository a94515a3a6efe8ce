"""Schedules: made over HTTP, fired by engines, and what they do when late or when a run is open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project, Role, Scope
from apps.workflows import firing
from apps.workflows.models import Run, Schedule, ScheduleTick, Workflow
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.workflows.acting import (
    events,
    make_project,
    make_workflow,
    start,
)
from tests.workflows.starting import (
    fresh_schedule,
    let_be_due,
    make_schedule,
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
