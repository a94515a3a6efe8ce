"""A trigger's secret is changed without a refused request; its runs and a schedule's are listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.workflows import firing
from apps.workflows.api.definitions import ValidationThrottle
from apps.workflows.models import Trigger, Workflow
from tests.accounts.people import Caller, caller, make_user
from tests.workflows.acting import make_project, make_workflow, start
from tests.workflows.starting import deliver, let_be_due, make_schedule, trigger_body

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}})


@pytest.fixture
def admin(project: Project) -> Caller:
    return caller(make_user(Role.ADMIN, project, "ada"))


@pytest.fixture
def trigger(admin: Caller, workflow: Workflow) -> dict[str, Any]:
    row: dict[str, Any] = admin.post("triggers/", trigger_body(workflow, {})).json()
    return row


def rotate(admin: Caller, trigger: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = admin.post(f"triggers/{trigger['id']}/secret/", body)
    assert answer.status_code == 200, answer.content
    row: dict[str, Any] = answer.json()
    return row


def test_both_secrets_are_good_until_the_overlap_has_passed(admin: Caller, trigger: dict[str, Any]) -> None:
    renewed = rotate(admin, trigger, overlap_hours=2)
    assert renewed["secret"] != trigger["secret"]
    assert renewed["old_secret_until"] is not None
    assert deliver(renewed, {}).status_code == 201
    assert deliver(trigger, {}).status_code == 201
    assert deliver(trigger, {}, secret="whsec_" + "A" * 44).status_code == 401
    Trigger.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
    assert deliver(trigger, {}).status_code == 401
    assert deliver(renewed, {}).status_code == 201


def test_a_secret_older_than_the_one_before_is_refused(admin: Caller, trigger: dict[str, Any]) -> None:
    second = rotate(admin, trigger, overlap_hours=24)
    third = rotate(admin, trigger, overlap_hours=24)
    said = [deliver(trigger, {}, secret=one["secret"]).status_code for one in (trigger, second, third)]
    assert said == [401, 201, 201]


def test_without_an_overlap_the_old_secret_is_refused_at_once(admin: Caller, trigger: dict[str, Any]) -> None:
    rotate(admin, trigger, overlap_hours=24)
    renewed = rotate(admin, trigger)
    assert renewed["old_secret_until"] is None
    assert deliver(trigger, {}).status_code == 401
    assert deliver(renewed, {}).status_code == 201


@pytest.mark.parametrize("hours", [-1, 169, "long", None])
def test_an_overlap_is_so_many_hours(admin: Caller, trigger: dict[str, Any], hours: Any) -> None:
    answer = admin.post(f"triggers/{trigger['id']}/secret/", {"overlap_hours": hours})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["overlap_hours"])


def test_runs_are_listed_by_what_started_them(
    admin: Caller, workflow: Workflow, trigger: dict[str, Any]
) -> None:
    start(workflow)
    triggered = deliver(trigger, {}).json()["run_id"]
    schedule = make_schedule(workflow)
    let_be_due(schedule, minutes=0)
    firing.fire_due()

    def listed(query: str) -> list[str]:
        return [run["id"] for run in admin.get(f"runs/?{query}").json()["results"]]

    assert listed(f"trigger={trigger['id']}") == [triggered]
    (scheduled,) = listed(f"schedule={schedule.pk}")
    assert admin.get(f"runs/{scheduled}/").json()["origin"] == "schedule"
    assert listed(f"schedule={trigger['id']}") == []
    assert listed(f"trigger={uuid4()}") == []
    assert listed(f"trigger={trigger['id']}&status=failed") == []
    for name in ("schedule", "trigger"):
        answer = admin.get(f"runs/?{name}=nightly")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def test_no_runs_of_another_project_are_listed(trigger: dict[str, Any]) -> None:
    deliver(trigger, {})
    stranger = caller(make_user(Role.ADMIN, make_project()))
    assert stranger.get(f"runs/?trigger={trigger['id']}").json()["results"] == []


def test_checking_definitions_has_a_limit_for_each_caller(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ValidationThrottle, "THROTTLE_RATES", {"validation": "3/day"})
    users = [make_user(Role.VIEWER, project, name) for name in ("vera", "otto")]
    cache.delete_many([f"throttle:validation:{user.pk}" for user in users])
    vera, otto = map(caller, users)
    body = {"source": "name: x"}
    assert [vera.post("workflows/validation/", body).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = vera.post("workflows/validation/", body)
    assert int(refused.headers["Retry-After"]) > 0
    assert otto.post("workflows/validation/", body).status_code == 200
    cache.delete_many([f"throttle:validation:{user.pk}" for user in users])
