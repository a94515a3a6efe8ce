"""Somebody else's server is told of what happened: signed, at least once, and not of what did not
happen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.agents import services as agents
from apps.agents import signatures
from apps.events import journal
from apps.monitoring.models import Alert, WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import outbox, sending
from config.engine import duties
from tests.accounts.people import Caller, caller, make_user
from tests.agents.factories import make_agent
from tests.monitoring.hooks import allow, happen, is_verified, make_due, make_hook, row, rows, send, told
from tests.rig.answering import Answering, Asked, answering, http
from tests.workflows import acting

pytestmark = pytest.mark.django_db

DAYS = 86_400


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def admin(project: Project) -> Caller:
    return caller(make_user(Role.ADMIN, project, "ada"))


@pytest.fixture
def receiver(settings: Any) -> Iterator[Answering]:
    with answering(http(204)) as found:
        allow(settings, found)
        yield found


def pause_of(hook: dict[str, Any]) -> float:
    """The seconds until the only delivery is tried again."""
    next_at = row(hook).next_at
    assert next_at
    return (next_at - timezone.now()).total_seconds()


def test_a_finished_run_is_told_signed_by_the_book(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url + "in?key=1", "run.finished")
    run = acting.start(acting.make_workflow(project, {"a": {}}))
    assert send() == 0
    acting.work_off(project)
    assert send() == 1
    (asked,) = receiver.asked
    assert (asked.method, asked.path) == ("POST", "/in?key=1")
    assert asked.headers["content-type"] == "application/cloudevents+json"
    assert is_verified(hook["secret"], asked)
    assert signatures.is_signed(hook["secret"], asked.headers, asked.body, time.time())
    event = told(asked)
    assert event["id"] == asked.headers["webhook-id"]
    assert (event["specversion"], event["type"]) == ("1.0", "mc.run.finished")
    assert event["source"] == f"/mission-control/{project.slug}"
    assert event["subject"] == f"run/{run.pk}"
    assert (event["data"]["run_id"], event["data"]["status"]) == (str(run.pk), "completed")
    assert event["data"]["url"].endswith(f"/runs/{run.pk}")
    found = row(hook)
    assert (found.state, found.attempts, found.last_status, found.next_at) == ("sent", 1, 204, None)
    shown = admin.get(f"webhooks/{hook['id']}/").json()
    assert shown["last_success_at"]
    assert (shown["waiting"], shown["dead"], shown["failing_since"]) == (0, 0, None)
    assert send() == 0


def test_a_body_that_was_changed_on_its_way_is_not_verified(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project)
    send()
    (asked,) = receiver.asked
    changed = Asked(asked.method, asked.path, asked.headers, asked.body.replace(b"idle", b"busy"))
    assert changed.body != asked.body
    assert not is_verified(hook["secret"], changed)


def test_a_question_is_told_when_it_is_opened_and_closed(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    make_hook(admin, receiver.url, "approval.*")
    acting.start(acting.make_workflow(project, {"ask": {"approval": {"title": "Ship it?"}}}))
    send()
    (asked,) = receiver.asked
    event = told(asked)
    assert event["type"] == "mc.approval.opened"
    assert (event["data"]["title"], event["data"]["open_approvals"]) == ("Ship it?", 1)
    admin.post(f"approvals/{event['data']['approval_id']}/decision/", {"approved": True})
    send()
    assert told(receiver.asked[-1])["type"] == "mc.approval.closed"


def test_patterns_choose_kinds_and_two_webhooks_get_the_same_event(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    everything = make_hook(admin, receiver.url, "*")
    group = make_hook(admin, receiver.url, "agent.*", "run.finished")
    other = make_hook(admin, receiver.url, "alert.opened")
    happen(project)
    assert [len(rows(one)) for one in (everything, group, other)] == [1, 1, 0]
    assert row(everything).event_id == row(group).event_id
    assert send() == 2


def test_nothing_is_told_of_what_was_rolled_back(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    make_hook(admin, receiver.url)

    def break_off() -> None:
        with journal.changes(project.pk) as change:
            agents.announce_agents(change, [make_agent(project)])
            change.tell()
            assert WebhookDelivery.objects.count() == 1
            raise RuntimeError("never mind")

    with pytest.raises(RuntimeError, match="never mind"):
        break_off()
    assert send() == 0
    assert receiver.asked == []


def test_other_projects_are_told_nothing(project: Project, admin: Caller, receiver: Answering) -> None:
    make_hook(admin, receiver.url, "*")
    happen(acting.make_project())
    assert WebhookDelivery.objects.count() == 0


def test_where_nobody_wants_to_be_told_no_event_asks_the_database(
    project: Project, admin: Caller, receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MEMORY_SECONDS", 3600.0)
    make_hook(admin, receiver.url, "run.finished")
    happen(project)
    with CaptureQueriesContext(connection) as asked:
        happen(project, times=3)
    assert not [one["sql"] for one in asked if "webhook" in one["sql"]]


def test_what_another_process_did_is_known_after_a_moment(
    project: Project, admin: Caller, receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    happen(project)
    WebhookEndpoint.objects.create(project=project, name="elsewhere", url=receiver.url, events=["agent.*"])
    monkeypatch.setattr(outbox, "monotonic", lambda: time.monotonic() + outbox.MEMORY_SECONDS)
    happen(project)
    assert WebhookDelivery.objects.count() == 1


def test_a_failure_is_tried_again_with_the_same_id_for_three_days_and_then_dead(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    receiver.reply = http(500, {"detail": "it broke"})
    hook = make_hook(admin, receiver.url)
    happen(project)
    pauses = []
    for attempt in range(1, 10):
        assert send() == 1
        found = row(hook)
        assert (found.state, found.attempts, found.last_status) == ("pending", attempt, 500)
        assert found.error == "The receiver answered 500."
        assert "it broke" in found.last_answer
        pauses.append(pause_of(hook))
        assert send() == 0
        make_due(hook)
    for planned, pause in zip(sending.PAUSES, pauses, strict=True):
        assert planned - 5 < pause <= planned * 1.2
    assert 2.5 * DAYS < sum(pauses) < 4.5 * DAYS
    assert send() == 1
    assert (row(hook).state, row(hook).next_at) == ("dead", None)
    ids = {asked.headers["webhook-id"] for asked in receiver.asked}
    assert ids == {row(hook).event_id}
    assert len(receiver.asked) == 10
    assert all(is_verified(hook["secret"], asked) for asked in receiver.asked)
    shown = admin.get(f"webhooks/{hook['id']}/").json()
    assert shown["dead"] == 1
    assert shown["failing_since"]
    assert shown["enabled"]


def test_a_receiver_that_asks_for_time_gets_it(project: Project, admin: Caller, receiver: Answering) -> None:
    receiver.reply = http(429, retry_after="600")
    hook = make_hook(admin, receiver.url)
    happen(project)
    send()
    assert 590 < pause_of(hook) <= 600
    receiver.reply = http(503, retry_after="99999999")
    make_due(hook)
    send()
    assert 86_000 < pause_of(hook) <= 86_400


def test_a_receiver_that_is_away_or_hangs_up_is_tried_again(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    receiver.reply = b"nonsense\r\n\r\n"
    hook = make_hook(admin, receiver.url)
    happen(project)
    send()
    found = row(hook)
    assert (found.state, found.last_status) == ("pending", None)
    assert "did not answer in HTTP" in found.error


def test_success_ends_the_failing(project: Project, admin: Caller, receiver: Answering) -> None:
    receiver.reply = http(302, location="http://169.254.169.254/")
    hook = make_hook(admin, receiver.url)
    happen(project)
    send()
    assert WebhookEndpoint.objects.get(pk=hook["id"]).failing_since
    receiver.reply = http(200)
    make_due(hook)
    send()
    assert WebhookEndpoint.objects.get(pk=hook["id"]).failing_since is None
    assert row(hook).state == "sent"
    assert len(receiver.asked) == 2


def test_a_receiver_that_is_gone_is_told_nothing_more(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    receiver.reply = http(410)
    hook = make_hook(admin, receiver.url)
    happen(project, times=6)
    send()
    shown = admin.get(f"webhooks/{hook['id']}/").json()
    assert not shown["enabled"]
    assert "410" in shown["disabled_reason"]
    assert {found.state for found in rows(hook)} == {"dead"}
    alert = Alert.objects.get(project=project, rule="webhook_disabled")
    assert (alert.level, alert.state, alert.url) == ("error", "open", "/webhooks")
    before = len(receiver.asked)
    happen(project)
    assert send() == 0
    assert len(rows(hook)) == 6
    receiver.reply = http(200)
    assert admin.patch(f"webhooks/{hook['id']}/", {"enabled": True}).json()["disabled_reason"] == ""
    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert admin.post(f"webhooks/{hook['id']}/resend/").json() == {"resent": 6, "left": 0}
    assert send() == 6
    assert len(receiver.asked) == before + 6
    assert {found.state for found in rows(hook)} == {"sent"}


def test_a_receiver_that_took_nothing_for_five_days_is_told_nothing_more(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    receiver.reply = http(500)
    hook = make_hook(admin, receiver.url)
    happen(project)
    send()
    long_ago = timezone.now() - timedelta(days=4, hours=23)
    WebhookEndpoint.objects.filter(pk=hook["id"]).update(failing_since=long_ago)
    make_due(hook)
    send()
    assert WebhookEndpoint.objects.get(pk=hook["id"]).enabled
    WebhookEndpoint.objects.filter(pk=hook["id"]).update(failing_since=long_ago - timedelta(hours=2))
    make_due(hook)
    send()
    found = WebhookEndpoint.objects.get(pk=hook["id"])
    assert (found.enabled, found.disabled_reason) == (False, "It took nothing for 5 days.")
    assert Alert.objects.get(project=project).rule == "webhook_disabled"


def test_a_webhook_that_a_person_disabled_keeps_what_waits(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project)
    admin.patch(f"webhooks/{hook['id']}/", {"enabled": False})
    happen(project)
    assert send() == 0
    assert row(hook).state == "pending"
    admin.patch(f"webhooks/{hook['id']}/", {"enabled": True})
    assert send() == 1
    assert row(hook).state == "sent"


def test_at_most_four_are_on_their_way_to_one_receiver(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project, times=6)
    first = sending.claim(100)
    assert len(first) == 4
    assert sending.claim(100) == []
    WebhookDelivery.objects.filter(pk=first[0].pk).update(held_until=None)
    assert len(sending.claim(100)) == 1
    other = make_hook(admin, receiver.url)
    happen(project)
    assert {held.endpoint_id for held in sending.claim(100)} == {
        WebhookEndpoint.objects.get(pk=other["id"]).pk
    }
    assert len(rows(hook)) == 7


def test_a_failing_receiver_comes_after_the_healthy_ones(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    failing, healthy = make_hook(admin, receiver.url), make_hook(admin, receiver.url)
    WebhookEndpoint.objects.filter(pk=failing["id"]).update(failing_since=timezone.now())
    happen(project)
    (held,) = sending.claim(1)
    assert str(held.endpoint_id) == healthy["id"]


def test_old_deliveries_are_forgotten(project: Project, admin: Caller, receiver: Answering) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project, times=4)
    sent_old, sent_new, dead, ancient = rows(hook)
    for found, state, days in ((sent_old, "sent", 8), (sent_new, "sent", 6), (dead, "dead", 8)):
        at = timezone.now() - timedelta(days=days)
        WebhookDelivery.objects.filter(pk=found.pk).update(state=state, created_at=at)
    long_ago = timezone.now() - timedelta(days=31)
    WebhookDelivery.objects.filter(pk=ancient.pk).update(created_at=long_ago)
    assert sending.prune() == 2
    assert {found.pk for found in rows(hook)} == {sent_new.pk, dead.pk}


def test_the_engine_sends_and_looks_first_whether_there_is_anything(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    duty = next(duty for duty in duties() if duty.name == "webhooks")
    assert duty.is_slow
    assert duty.is_due is not None
    hook = make_hook(admin, receiver.url)
    assert not duty.is_due()
    happen(project)
    assert duty.is_due()
    duty.act()
    assert not duty.is_due()
    assert row(hook).state == "sent"
