"""Snapshot before + events == snapshot after, for every verb of webhooks."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest

from apps.accounts.models import Project, Role
from apps.events import journal
from apps.monitoring.models import Alert, WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import endpoints, outbox, sending
from tests.accounts.people import caller, make_user
from tests.monitoring.hooks import allow, happen, make_due, make_hook, send
from tests.monitoring.verify import verify_action
from tests.rig.answering import Answering, answering, http
from tests.workflows import acting

pytestmark = pytest.mark.django_db

PROVED = {
    *("endpoints.create_endpoint", "endpoints.change_endpoint", "endpoints.delete_endpoint"),
    *("endpoints.rotate_secret", "endpoints.disable", "endpoints.resend", "endpoints.resend_dead"),
    *("endpoints.record_changed", "outbox.hear", "outbox.write", "sending.settle"),
}


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Answering]:
    with answering(http(204)) as found:
        allow(settings, found)
        yield found


def the_endpoint() -> WebhookEndpoint:
    return WebhookEndpoint.objects.get()


def test_a_webhook_is_made_changed_renewed_and_deleted(project: Project, receiver: Answering) -> None:
    given = {"name": "CI", "url": receiver.url, "events": ["run.*"]}
    with verify_action(project.pk):
        endpoints.create_endpoint(project.pk, given, by="ada")
    with verify_action(project.pk):
        endpoints.change_endpoint(the_endpoint(), {"enabled": False})
    with verify_action(project.pk, silent=True):
        endpoints.change_endpoint(the_endpoint(), {"enabled": False})
    with verify_action(project.pk):
        endpoints.rotate_secret(the_endpoint(), overlap=timedelta(hours=1))
    with verify_action(project.pk):
        endpoints.delete_endpoint(the_endpoint())


def test_a_receiver_fails_is_given_up_with_an_alert_and_taken_back(
    project: Project, receiver: Answering
) -> None:
    hook = make_hook(caller(make_user(Role.ADMIN, project)), receiver.url)
    with verify_action(project.pk):
        happen(project)
    with verify_action(project.pk, silent=True):
        send()
    receiver.reply = http(500)
    happen(project)
    with verify_action(project.pk) as told:
        send()
    assert [event.kind for event in told] == ["webhook.changed"]
    make_due(hook)
    with verify_action(project.pk, silent=True):
        send()
    receiver.reply = http(410)
    make_due(hook)
    with verify_action(project.pk) as told:
        send()
    assert {event.kind for event in told} == {"alert.opened", "webhook.changed"}
    assert told[-1].payload["dead"] == 1
    with verify_action(project.pk) as told:
        endpoints.change_endpoint(the_endpoint(), {"enabled": True})
    assert {event.kind for event in told} == {"alert.resolved", "webhook.changed"}
    with verify_action(project.pk):
        assert endpoints.resend_dead(the_endpoint()) == 1
    with verify_action(project.pk):
        endpoints.resend(the_endpoint(), WebhookDelivery.objects.filter(state="sent")[0].pk)


def test_a_given_up_webhook_takes_its_alert_along_when_it_is_deleted(
    project: Project, receiver: Answering
) -> None:
    make_hook(caller(make_user(Role.ADMIN, project)), receiver.url)
    with verify_action(project.pk), journal.changes(project.pk) as change:
        endpoints.disable(change, the_endpoint(), "because")
    with verify_action(project.pk):
        endpoints.delete_endpoint(the_endpoint())
    assert Alert.objects.get(project=project).state == "resolved"


def test_no_verb_here_is_without_its_proof() -> None:
    modules: tuple[ModuleType, ...] = (endpoints, outbox, sending)
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        and any(mark in inspect.getsource(function) for mark in ("journal.changes(", "change: Change"))
    }  # fmt: skip
    assert found == PROVED
