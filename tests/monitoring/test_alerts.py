"""The built-in rules, and one alert at a time for each thing that is wrong."""

from __future__ import annotations

import pytest

from apps.agents.models import Agent, CommandRun
from apps.events.clock import now
from apps.events.models import Event
from apps.monitoring import alerts
from apps.monitoring.models import Alert
from tests.accounts.people import make_project
from tests.agents.factories import make_agent, make_command, make_run, make_worker

pytestmark = pytest.mark.django_db


def open_rules() -> list[str]:
    return sorted(Alert.objects.filter(state="open").values_list("rule", flat=True))


@pytest.mark.parametrize(
    ("status", "rule", "level"), [("offline", "agent_offline", "warning"), ("error", "agent_error", "error")]
)
def test_an_agent_in_trouble_has_one_alert_until_it_recovers(status: str, rule: str, level: str) -> None:
    agent = make_agent(status=status, last_error="it broke" if status == "error" else "")
    for _ in range(3):
        alerts.sweep()
    alert = Alert.objects.get()
    assert (alert.rule, alert.level, alert.state, alert.count) == (rule, level, "open", 1)
    assert agent.name in alert.message
    assert alert.url == f"/agents/{agent.pk}"
    Agent.objects.update(status="idle")
    alerts.sweep()
    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert alert.resolved_at is not None
    kinds = list(Event.objects.filter(entity="alert").order_by("seq").values_list("kind", flat=True))
    assert kinds == ["alert.opened", "alert.resolved"]


def test_an_acknowledged_alert_is_resolved_too_and_the_next_trouble_opens_a_new_one() -> None:
    agent = make_agent(status="error")
    alerts.sweep()
    alerts.acknowledge(agent.project_id, Alert.objects.get().pk, by="somebody")
    alerts.sweep()
    assert Alert.objects.get().state == "acknowledged"
    for status in ("idle", "error"):
        Agent.objects.update(status=status)
        alerts.sweep()
    assert sorted(Alert.objects.values_list("state", flat=True)) == ["open", "resolved"]


def test_work_that_waits_without_a_worker_is_critical() -> None:
    agent = make_agent()
    run = make_run(make_command(), agent)
    alerts.sweep()
    assert open_rules() == [], "a moment's wait is nothing"
    CommandRun.objects.filter(pk=run.pk).update(available_at=now() - 2 * alerts.NO_WORKER_AFTER)
    alerts.sweep()
    alert = Alert.objects.get()
    assert (alert.rule, alert.level) == ("no_worker", "critical")
    make_worker()
    alerts.sweep()
    assert open_rules() == []


def test_a_command_run_that_is_lost_again_and_again_is_reported() -> None:
    make_worker()
    run = make_run(make_command(), make_agent())
    for lost, rules in ((1, []), (2, ["command_run_lost"])):
        CommandRun.objects.filter(pk=run.pk).update(lost_count=lost)
        alerts.sweep()
        assert open_rules() == rules
    CommandRun.objects.filter(pk=run.pk).update(status="failed")
    alerts.sweep()
    assert open_rules() == []


def test_projects_do_not_see_each_others_trouble() -> None:
    make_agent(status="offline")
    other = make_project()
    alerts.sweep()
    assert Alert.objects.filter(project=other).count() == 0
