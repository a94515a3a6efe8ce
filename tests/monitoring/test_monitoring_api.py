"""Charts, alerts, attention, timeline and the dashboard's Django views, through the HTTP door."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.accounts.sessions import sign_in
from apps.agents.services import pause_agent, resume_agent
from apps.monitoring import alerts
from apps.monitoring.models import Alert
from tests.accounts.people import Caller, make_project, make_user
from tests.agents.factories import make_agent, make_worker

pytestmark = pytest.mark.django_db


def caller(role: str = "operator", project: Project | None = None) -> Caller:
    return Caller(sign_in(make_user(role, project)).access)


def test_the_timeline_pages_back_from_the_newest_event() -> None:
    agent = make_agent()
    for _ in range(3):
        pause_agent(agent)
        resume_agent(agent)
    me = caller("viewer")
    page = me.get("events/?limit=4").json()
    assert [event["seq"] for event in page["results"]] == [6, 5, 4, 3]
    event = page["results"][0]
    assert (event["kind"], event["type"], event["entity"]) == (
        "agent.changed",
        "agent_status_change",
        "agent",
    )
    assert event["entity_id"] == event["agent_id"] == str(agent.pk)
    assert event["status"] == "idle"
    older = me.get(page["next"].removeprefix("/api/v1/")).json()
    assert [event["seq"] for event in older["results"]] == [2, 1]
    assert older["next"] is None
    assert len(me.get(f"events/?entity_id={agent.pk}").json()["results"]) == 6
    assert me.get(f"events/?entity_id={default_project().pk}").json()["results"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "before=0", "before=-1", "before=1e3", "entity_id=7"]
)
def test_a_wrong_question_names_its_field(query: str) -> None:
    answer = caller().get(f"events/?{query}")
    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in answer.json()["errors"]


def test_a_chart_is_read_and_a_wrong_range_refused() -> None:
    me = caller("viewer")
    chart = me.get("monitoring/metrics/?range=1h").json()
    assert (chart["step_seconds"], len(chart["at"])) == (15, 240)
    answer = me.get("monitoring/metrics/?range=1y")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["range"])


def test_alerts_are_listed_acknowledged_once_and_counted_as_attention() -> None:
    make_agent(status="offline")
    alerts.sweep()
    me = caller()
    (alert,) = me.get("monitoring/alerts/?state=open").json()["results"]
    assert (alert["rule"], alert["state"], alert["count"]) == ("agent_offline", "open", 1)
    kinds = {one["kind"]: one for one in me.get("monitoring/attention/").json()}
    assert kinds.keys() == {"alerts", "offline_agents"}
    assert kinds["offline_agents"] == {
        "kind": "offline_agents",
        "level": "warning",
        "count": 1,
        "title": "1 agent offline",
        "url": "/agents?status=offline",
    }
    for _ in range(2):
        answer = me.post(f"monitoring/alerts/{alert['id']}/acknowledgement/")
        assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")
    assert me.get("monitoring/alerts/?state=open").json()["results"] == []
    Alert.objects.update(state="resolved")
    assert me.post(f"monitoring/alerts/{alert['id']}/acknowledgement/").status_code == 409
    assert me.get("monitoring/alerts/?state=closed").status_code == 400


def test_viewers_do_not_acknowledge_and_strangers_find_nothing() -> None:
    make_agent(status="offline")
    alerts.sweep()
    path = f"monitoring/alerts/{Alert.objects.get().pk}/acknowledgement/"
    assert caller("viewer").post(path).status_code == 403
    other = make_project()
    stranger = caller("operator", other)
    assert stranger.post(path).status_code == 404
    assert stranger.get("monitoring/alerts/").json()["results"] == []
    assert stranger.get("monitoring/dashboard/agents/").json() == []


@pytest.mark.parametrize("part", ["stats", "agents", "workflows", "snapshot"])
def test_a_process_without_a_hub_answers_the_same_from_the_database(part: str) -> None:
    make_agent()
    me = caller("viewer")
    answer = me.get(f"monitoring/dashboard/{part}/")
    assert answer.status_code == 200
    assert {"ETag", "X-Journal-Epoch", "X-Journal-Seq"} <= set(answer.headers)
    again = me.get(f"monitoring/dashboard/{part}/", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.django_db(transaction=True)
def test_health_is_degraded_without_a_worker_and_healthy_with_one(settings: Settings) -> None:
    me = caller("viewer")
    answer = me.get("monitoring/dashboard/health/")
    assert (answer.status_code, answer.json()["status"], answer.json()["celery"]) == (
        200,
        "degraded",
        "stopped",
    )
    make_worker()
    found: dict[str, Any] = me.get("monitoring/dashboard/health/").json()
    found.pop("timestamp")
    assert found == {
        "status": "healthy",
        "database": "connected",
        "cache": "connected",
        "celery": "running",
        "websocket": "available",
    }


@pytest.mark.django_db(transaction=True)
def test_a_cache_and_a_layer_that_are_away_are_told_within_the_time_limit(settings: Settings) -> None:
    import time

    from config import layers
    from tests.rig.process import free_port

    nobody = f"redis://127.0.0.1:{free_port()}/0"
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": nobody}
    }
    settings.CHANNEL_LAYERS = {"default": layers.redis(nobody)}
    began = time.perf_counter()
    found = caller("viewer").get("monitoring/dashboard/health/").json()
    assert time.perf_counter() - began < 5
    assert (found["cache"], found["websocket"]) == ("disconnected", "unavailable")
    assert found["status"] == "degraded"
