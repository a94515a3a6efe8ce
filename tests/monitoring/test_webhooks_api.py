"""Webhooks through the HTTP door: who may do what, what is refused and why, secrets, tests, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import serializers
from django.test import Client
from django.utils import timezone

from apps.accounts.models import Project, Role, User
from apps.monitoring.models import WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import catalogue, endpoints
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.monitoring.hooks import allow, happen, is_verified, make_hook, row, rows, send, told
from tests.rig.answering import Answering, answering, http
from tests.workflows import acting
from tests.workflows.acting import events

pytestmark = pytest.mark.django_db


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


@pytest.fixture
def hook(admin: Caller, receiver: Answering) -> dict[str, Any]:
    return make_hook(admin, receiver.url)


def test_an_admin_makes_reads_changes_and_deletes_a_webhook(
    project: Project, admin: Caller, receiver: Answering
) -> None:
    made = admin.post(
        "webhooks/", {"name": "CI", "url": receiver.url, "events": ["run.*", "run.*", "alert.opened"]}
    )
    shown = made.json()
    path = f"webhooks/{shown['id']}/"
    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/{path}")
    assert shown.pop("secret").startswith("whsec_")
    assert (shown["owner"], shown["enabled"], shown["events"]) == ("ada", True, ["run.*", "alert.opened"])
    assert admin.get(path).json() == shown
    assert admin.get("webhooks/").json()["results"] == [shown]
    changed = admin.patch(path, {"name": "Build", "events": ["run.finished"]}).json()
    assert (changed["name"], changed["events"]) == ("Build", ["run.finished"])
    assert admin.delete(path).status_code == 204
    assert admin.get(path).status_code == 404
    assert [e["type"] for e in events(project, "webhook.changed", "webhook.deleted")] == [
        "webhook_update"
    ] * 3


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"events": ["run.finish"]}, "events", "did you mean run.finished?"),
        ({"events": ["runs.*"]}, "events", "did you mean run.*?"),
        ({"events": ["zzzz"]}, "events", "there are run.*"),
        ({"events": []}, "events", "at least one"),
        ({"events": "run.*"}, "events", "list"),
        ({"name": " "}, "name", "blank"),
        ({"name": "Taken"}, "name", "take another"),
        ({"url": "ftp://example.org/"}, "url", "http:// or https://"),
        ({"url": "https://me:secret@example.org/"}, "url", "user name or password"),
        ({"url": "https://example.org:8443/"}, "url", "MC_OUTBOUND_ALLOW"),
        ({"url": "not a url"}, "url", "http"),
    ],
)
def test_what_is_wrong_is_named_by_field(
    admin: Caller, receiver: Answering, wrong: dict[str, Any], field: str, said: str
) -> None:
    make_hook(admin, receiver.url, name="Taken")
    body = {"name": "New", "url": receiver.url, "events": ["run.*"]} | wrong
    answer = admin.post("webhooks/", body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said in " ".join(answer.json()["errors"][field])


def test_a_project_has_at_most_fifty(
    project: Project, admin: Caller, receiver: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MOST_ENDPOINTS", 1)
    make_hook(admin, receiver.url)
    answer = admin.post("webhooks/", {"name": "Two", "url": receiver.url, "events": ["*"]})
    assert answer.status_code == 409


def test_every_kind_is_told_with_what_it_means(admin: Caller) -> None:
    kinds = admin.get("webhooks/kinds/").json()
    assert {kind["kind"] for kind in kinds} == set(catalogue.NAMES)
    assert all(kind["says"] and kind["type"] == f"mc.{kind['kind']}" for kind in kinds)


def test_operators_read_admins_manage_and_nobody_else_sees_anything(
    project: Project, admin: Caller, hook: dict[str, Any]
) -> None:
    happen(project)
    at = f"webhooks/{hook['id']}/"
    delivery = f"{at}deliveries/{row(hook).pk}/"
    reads = ["webhooks/", "webhooks/kinds/", at, f"{at}deliveries/", delivery]
    writes = [f"{at}secret/", f"{at}test/", f"{at}resend/", f"{delivery}resend/"]
    elsewhere = acting.make_project()
    of_project = {
        "operator": (caller(make_user(Role.OPERATOR, project)), 200, 403),
        "viewer": (caller(make_user(Role.VIEWER, project)), 403, 403),
        "stranger": (caller(make_user(Role.ADMIN, elsewhere)), 404, 404),
        "run key": (Caller(make_key("run", project=project).text), 200, 403),
        "agent key": (Caller(make_key("agent", project=project).text), 403, 403),
        "ingest key": (Caller(make_key("ingest", project=project).text), 403, 403),
        "read key": (Caller(make_key("read", project=project).text), 403, 403),
        "nobody": (Caller("nonsense"), 401, 401),
    }
    for who, (person, reading, writing) in of_project.items():
        for path in reads:
            expected = 200 if reading == 404 and "{" not in path and hook["id"] not in path else reading
            assert person.get(path).status_code == expected, (who, path)
        for path in writes:
            assert person.post(path).status_code == writing, (who, path)
        assert person.patch(at, {"enabled": False}).status_code == writing, who
        assert person.delete(at).status_code == writing, who
    stranger = of_project["stranger"][0]
    assert stranger.get("webhooks/").json()["results"] == []
    body = {"name": "x", "url": hook["url"], "events": ["*"]}
    assert of_project["operator"][0].post("webhooks/", body).status_code == 403
    for path in (*reads[2:], *writes):
        gone = path.replace(hook["id"], str(uuid4()))
        assert admin.get(gone).status_code in (404, 405)
        assert admin.post(gone).status_code in (404, 405)


def test_the_secret_is_shown_once_and_stored_nowhere(admin: Caller, hook: dict[str, Any]) -> None:
    secret = hook["secret"]
    for path in ("webhooks/", f"webhooks/{hook['id']}/"):
        assert secret not in admin.get(path).content.decode()
    assert secret not in serializers.serialize("json", WebhookEndpoint.objects.all())


def test_a_new_secret_signs_beside_the_old_one_until_the_overlap_is_over(
    project: Project, admin: Caller, receiver: Answering, hook: dict[str, Any]
) -> None:
    renewed = admin.post(f"webhooks/{hook['id']}/secret/", {"overlap_hours": 48}).json()
    assert renewed["secret"] != hook["secret"]
    assert renewed["secret_version"] == 2
    happen(project)
    send()
    assert is_verified(hook["secret"], receiver.asked[-1])
    assert is_verified(renewed["secret"], receiver.asked[-1])
    WebhookEndpoint.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
    happen(project)
    send()
    assert not is_verified(hook["secret"], receiver.asked[-1])
    assert is_verified(renewed["secret"], receiver.asked[-1])


def test_a_secret_may_be_renewed_at_once_and_the_overlap_has_limits(
    project: Project, admin: Caller, receiver: Answering, hook: dict[str, Any]
) -> None:
    for hours in (-1, 169, "x"):
        answer = admin.post(f"webhooks/{hook['id']}/secret/", {"overlap_hours": hours})
        assert answer.status_code == 400
        assert "overlap_hours" in answer.json()["errors"]
    renewed = admin.post(f"webhooks/{hook['id']}/secret/", {"overlap_hours": 0}).json()
    assert renewed["old_secret_until"] is None
    happen(project)
    send()
    assert not is_verified(hook["secret"], receiver.asked[-1])
    day = admin.post(f"webhooks/{hook['id']}/secret/").json()["old_secret_until"]
    assert day > (timezone.now() + timedelta(hours=23)).isoformat()


def test_a_test_event_is_sent_at_once_and_its_answer_told(
    admin: Caller, receiver: Answering, hook: dict[str, Any]
) -> None:
    receiver.reply = http(201, {"thank": "you"})
    tried = admin.post(f"webhooks/{hook['id']}/test/").json()
    assert (tried["ok"], tried["status"], tried["error"]) == (True, 201, "")
    assert tried["ms"] > 0
    assert "thank" in tried["answer"]
    (asked,) = receiver.asked
    assert is_verified(hook["secret"], asked)
    assert told(asked)["type"] == "mc.webhook.test"
    assert told(asked)["subject"] == f"webhook/{hook['id']}"
    receiver.reply = http(401, raw=b"no\x00 \xff")
    tried = admin.post(f"webhooks/{hook['id']}/test/").json()
    assert (tried["ok"], tried["status"], tried["error"]) == (False, 401, "The receiver answered 401.")
    assert tried["answer"].startswith("no")
    assert "\x00" not in tried["answer"]
    assert WebhookDelivery.objects.count() == 0


def test_deliveries_are_paged_filtered_and_shown_with_what_was_said(
    project: Project, admin: Caller, receiver: Answering, hook: dict[str, Any]
) -> None:
    happen(project, times=2)
    send()
    receiver.reply = http(410, raw=b"<script>alert(1)</script>")
    happen(project)
    send()
    path = f"webhooks/{hook['id']}/deliveries/"
    page = admin.get(f"{path}?limit=2").json()
    assert [one["state"] for one in page["results"]] == ["dead", "sent"]
    assert "body" not in page["results"][0]
    rest = admin.get(page["next"].removeprefix("/api/v1/")).json()
    assert [one["state"] for one in rest["results"]] == ["sent"]
    (dead,) = admin.get(f"{path}?state=dead").json()["results"]
    assert admin.get(f"{path}?state=lost").status_code == 400
    shown = admin.get(f"{path}{dead['id']}/").json()
    assert (shown["last_status"], shown["last_answer"]) == (410, "<script>alert(1)</script>")
    assert shown["body"]["id"] == shown["event_id"]
    other = make_hook(admin, receiver.url)
    assert admin.get(f"webhooks/{other['id']}/deliveries/{dead['id']}/").status_code == 404


def test_a_delivery_is_sent_again_however_it_ended(
    project: Project, admin: Caller, receiver: Answering, hook: dict[str, Any]
) -> None:
    happen(project)
    send()
    path = f"webhooks/{hook['id']}/deliveries/{row(hook).pk}/"
    again = admin.post(f"{path}resend/").json()
    assert (again["state"], again["attempts"], again["event_id"]) == ("pending", 0, row(hook).event_id)
    send()
    first, second = receiver.asked
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    WebhookDelivery.objects.update(state="pending", held_until=timezone.now() + timedelta(minutes=1))
    assert admin.post(f"{path}resend/").status_code == 409
    admin.patch(f"webhooks/{hook['id']}/", {"enabled": False})
    answer = admin.post(f"{path}resend/")
    assert answer.status_code == 409
    assert "enable it first" in answer.json()["detail"]
    assert admin.post(f"webhooks/{hook['id']}/resend/").status_code == 409


def test_dead_deliveries_are_sent_again_in_one_go(
    project: Project,
    admin: Caller,
    receiver: Answering,
    hook: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoints, "MOST_AT_ONCE", 2)
    happen(project, times=3)
    WebhookDelivery.objects.update(state="dead", next_at=None, attempts=10)
    assert admin.post(f"webhooks/{hook['id']}/resend/").json() == {"resent": 2, "left": 1}
    assert [found.state for found in rows(hook)] == ["pending", "pending", "dead"]
    assert admin.post(f"webhooks/{hook['id']}/resend/").json() == {"resent": 1, "left": 0}
    assert send() == 3


def test_lists_do_not_query_per_row(
    project: Project, admin: Caller, receiver: Answering, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        make_hook(admin, receiver.url)
    happen(project)
    with django_assert_max_num_queries(2):
        assert [one["waiting"] for one in admin.get("webhooks/").json()["results"]] == [1, 1, 1]


def test_the_admin_site_shows_them_and_disables_them(
    project: Project, hook: dict[str, Any], receiver: Answering
) -> None:
    happen(project)
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    listed = "/admin/monitoring/webhookendpoint/"
    assert hook["name"] in client.get(listed).content.decode()
    page = client.get(f"{listed}{hook['id']}/change/").content.decode()
    assert receiver.url in page
    assert hook["secret"] not in page
    delivery = client.get(f"/admin/monitoring/webhookdelivery/{row(hook).pk}/change/").content.decode()
    assert "mc.agent.added" in delivery
    client.post(listed, {"action": "disable", "_selected_action": hook["id"]})
    assert not WebhookEndpoint.objects.get(pk=hook["id"]).enabled
    client.post(listed, {"action": "enable", "_selected_action": hook["id"]})
    assert WebhookEndpoint.objects.get(pk=hook["id"]).enabled
