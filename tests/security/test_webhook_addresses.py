"""Row 12 for webhooks: nothing inside the network is reached, whatever an address says."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Project, Role
from apps.monitoring.models import WebhookEndpoint
from tests.accounts.people import Caller, caller, make_user
from tests.monitoring.hooks import allow, happen, make_hook, row, send
from tests.rig.answering import answering, http
from tests.workflows import acting

pytestmark = pytest.mark.django_db

INSIDE = (
    "http://127.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[fd00::1]/",
    "http://0.0.0.0/",
    "https://100.64.0.1/",
)
# Spellings and names that only a look-up unmasks.
DISGUISED = ("http://localhost/", "http://0x7f.1/", "http://2130706433/", "http://127.1/")


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def admin(project: Project) -> Caller:
    return caller(make_user(Role.ADMIN, project))


@pytest.mark.parametrize("url", INSIDE)
def test_sec_12_an_address_inside_is_refused_when_it_is_written_down(admin: Caller, url: str) -> None:
    answer = admin.post("webhooks/", {"name": "x", "url": url, "events": ["*"]})
    assert answer.status_code == 400
    assert "not on the public internet" in answer.json()["errors"]["url"][0]


@pytest.mark.parametrize("url", DISGUISED)
def test_sec_12_a_disguised_one_is_refused_when_something_is_sent(
    project: Project, admin: Caller, url: str
) -> None:
    made = admin.post("webhooks/", {"name": "x", "url": url, "events": ["agent.*"]})
    if made.status_code == 400:  # seen through already
        return
    tried = admin.post(f"webhooks/{made.json()['id']}/test/").json()
    assert (tried["ok"], tried["status"], tried["answer"]) == (False, None, "")
    happen(project)
    send()
    found = row(made.json())
    assert found.state in ("dead", "pending")
    assert found.last_status is None


def test_sec_12_what_was_allowed_and_is_not_any_more_is_given_up_at_once(
    project: Project, admin: Caller, settings: Any
) -> None:
    with answering() as receiver:
        allow(settings, receiver)
        hook = make_hook(admin, receiver.url)
        happen(project)
        settings.MC = settings.MC.model_copy(update={"outbound_allow": ()})
        send()
        assert receiver.asked == []
    found = row(hook)
    assert (found.state, found.attempts) == ("dead", 1)
    assert "MC_OUTBOUND_ALLOW" in found.error


def test_sec_12_a_redirect_is_not_followed(project: Project, admin: Caller, settings: Any) -> None:
    with answering() as inside, answering(http(307, location=inside.url)) as receiver:
        allow(settings, receiver, inside)
        hook = make_hook(admin, receiver.url)
        happen(project)
        send()
        tried = admin.post(f"webhooks/{hook['id']}/test/").json()
        assert inside.asked == []
    assert (row(hook).state, row(hook).last_status, tried["status"]) == ("pending", 307, 307)
    assert WebhookEndpoint.objects.get(pk=hook["id"]).failing_since


def test_sec_12_a_huge_answer_is_not_read(project: Project, admin: Caller, settings: Any) -> None:
    with answering(http(200, raw=b"x" * 2_000_000)) as receiver:
        allow(settings, receiver)
        hook = make_hook(admin, receiver.url)
        happen(project)
        send()
    assert row(hook).last_answer == ""
    assert "more than" in row(hook).error
