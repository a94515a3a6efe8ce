"""Webhooks with real transactions: engines at once, one that dies, and endpoints that go away."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.agents.signed_post import Undelivered
from apps.monitoring.models import WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import endpoints, sending
from tests.accounts.people import Caller, caller, make_user
from tests.monitoring.hooks import allow, happen, make_due, make_hook, row, rows, send
from tests.rig.answering import Answering, Asked, answering, http
from tests.workflows import acting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def admin(project: Project) -> Caller:
    return caller(make_user(Role.ADMIN, project))


@pytest.fixture
def receiver(settings: Any) -> Iterator[Answering]:
    with answering(http(204)) as found:
        allow(settings, found)
        yield found


def apart(act: Any) -> Any:
    """Do it with a connection of its own, as another process would."""
    try:
        return act()
    finally:
        connections.close_all()


def test_engines_at_once_send_everything_once(project: Project, admin: Caller, receiver: Answering) -> None:
    hooks = [make_hook(admin, receiver.url) for _ in range(2)]
    happen(project, times=10)
    with ThreadPoolExecutor(4) as pool:
        tries = sum(pool.map(lambda _: apart(send), range(4)))
    tries += send()
    assert tries == len(receiver.asked) == 20
    assert Counter(asked.headers["webhook-id"] for asked in receiver.asked).most_common(1)[0][1] == 2
    assert {found.state for hook in hooks for found in rows(hook)} == {"sent"}


def test_what_was_sent_by_an_engine_that_died_before_it_wrote_is_sent_again_with_the_same_id(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project)

    def outlive(asked: Asked) -> bytes:
        """While the request is on its way the lease ends: as if nobody came back to write."""
        past = timezone.now() - sending.LEASE
        apart(lambda: WebhookDelivery.objects.update(held_until=past, next_at=past))
        receiver.reply = http(204)
        return http(204)

    receiver.reply = outlive
    assert send() == 2
    first, second = receiver.asked
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == row(hook).event_id
    assert first.body == second.body
    assert (row(hook).state, row(hook).attempts) == ("sent", 2)


def test_the_late_answer_of_a_zombie_changes_nothing(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project)
    (held,) = sending.claim(10)
    make_due(hook)
    WebhookDelivery.objects.update(held_until=timezone.now())
    (again,) = sending.claim(10)
    sending.settle([sending.Result(again, None, Undelivered("away"), 1.0)])
    sending.settle([sending.Result(held, None, Undelivered("x", permanent=True), 1.0)])
    assert (row(hook).state, row(hook).error, row(hook).attempts) == ("pending", "away", 2)


def test_what_is_still_being_sent_is_held_on_to(
    project: Project, admin: Caller, receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "RENEW_SECONDS", 0.1)
    hook = make_hook(admin, receiver.url)
    happen(project)

    def answer_when_renewed(asked: Asked) -> bytes:
        before = apart(lambda: row(hook).held_until)
        deadline = time.monotonic() + 15
        while apart(lambda: row(hook).held_until) == before and time.monotonic() < deadline:
            Event().wait(0.05)
        return http(204 if time.monotonic() < deadline else 500)

    receiver.reply = answer_when_renewed
    assert send() == 1
    assert (row(hook).state, row(hook).attempts, row(hook).held_until) == ("sent", 1, None)


def test_what_another_engine_has_by_now_is_not_taken_from_it(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project)
    (held,) = sending.claim(10)
    make_due(hook)
    WebhookDelivery.objects.update(held_until=timezone.now())
    (again,) = sending.claim(10)
    sending.renew([held])
    assert row(hook).held_until == again.until
    sending.settle([sending.Result(held, None, Undelivered("x", permanent=True), 1.0)])
    assert row(hook).state == "pending"
    sending.renew([again])
    assert row(hook).held_until == row(hook).next_at == again.until
    assert sending.claim(10) == []
    sending.settle([sending.Result(again, None, Undelivered("away"), 1.0)])
    assert (row(hook).state, row(hook).error) == ("pending", "away")


def test_a_webhook_that_is_deleted_while_its_events_are_on_their_way_is_no_error(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project, times=2)

    def delete(asked: Asked) -> bytes:
        receiver.reply = http(204)
        found = WebhookEndpoint.objects.filter(pk=hook["id"]).first()
        if found:
            apart(lambda: endpoints.delete_endpoint(found))
        return http(204)

    receiver.reply = delete
    send()
    assert not WebhookEndpoint.objects.filter(pk=hook["id"]).exists()
    assert not WebhookDelivery.objects.exists()


def test_what_is_written_for_a_webhook_that_another_process_deleted_harms_nothing(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    hook = make_hook(admin, receiver.url)
    happen(project)
    WebhookEndpoint.objects.filter(pk=hook["id"]).delete()  # as if elsewhere: this process remembers it
    happen(project)
    assert send() == 0
    orphan = WebhookDelivery.objects.get()
    assert sending.prune() == 0
    WebhookDelivery.objects.update(created_at=orphan.created_at - timedelta(minutes=10))
    assert sending.prune() == 1


def test_one_slow_receiver_holds_up_no_other(
    project: Project, admin: Caller, receiver: Answering, settings: Any
) -> None:
    others_were_told = Event()

    def count(asked: Asked) -> bytes:
        if len(receiver.asked) == 3:
            others_were_told.set()
        return http(204)

    def wait_for_the_others(asked: Asked) -> bytes:
        return http(204 if others_were_told.wait(15) else 500)

    receiver.reply = count
    with answering(wait_for_the_others) as slow:
        allow(settings, receiver, slow)
        hooks = [make_hook(admin, one.url) for one in (slow, receiver)]
        happen(project, times=3)
        assert send() == 6
    assert {found.state for hook in hooks for found in rows(hook)} == {"sent"}
