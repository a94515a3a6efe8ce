"""Row 9: what a key may do, what is kept of it, and how fast it stops working."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.accounts import keys
from apps.accounts.models import ApiKey, Role, Scope
from apps.accounts.principal import authenticate_header, still_valid
from apps.accounts.roster import MAX_AGE_SECONDS, KnownKey, Roster
from tests.accounts.people import Caller, caller, make_key, make_project, make_user

pytestmark = pytest.mark.django_db


def test_sec_9_a_key_is_shown_once_and_only_its_digest_is_stored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    admin = caller(make_user(Role.ADMIN))
    answer = admin.post("keys/", {"name": "ci", "scopes": ["read", "run"]})
    assert answer.status_code == 201
    text = answer.json()["key"]
    assert keys.FORM.fullmatch(text)
    call_command("dumpdata", "accounts")
    dump = capsys.readouterr().out
    assert text.split("_")[1] in dump
    assert text not in dump
    assert text.split("_")[2][:20] not in dump
    assert "key" not in admin.get("keys/").json()["results"][0]
    assert "hash" not in str(admin.get("keys/").json())


def test_sec_9_each_scope_allows_its_own_action_only() -> None:
    actions = {Scope.READ: "read", Scope.RUN: "operate", Scope.AGENT: "agent", Scope.INGEST: "ingest"}
    for scope, allowed in actions.items():
        principal = authenticate_header(f"Bearer {make_key(scope).text}")
        assert principal is not None
        can = {action for action in [*actions.values(), "admin"] if principal.can(action)}  # type: ignore[arg-type]
        assert can == {allowed}


def test_sec_9_no_key_manages_keys() -> None:
    key = Caller(make_key(*Scope.values).text)
    assert key.get("keys/").status_code == 403
    assert key.post("keys/", {"name": "x", "scopes": ["read"]}).status_code == 403


def test_sec_9_a_key_knows_one_project() -> None:
    mine, foreign = make_project(), make_project()
    text = make_key("read", project=mine).text
    assert Caller(text).get("me/").json()["project"]["slug"] == mine.slug
    assert Caller(text, mine.slug).get("me/").status_code == 200
    assert Caller(text, foreign.slug).get("me/").status_code == 404


def test_sec_9_a_revoked_key_is_refused_everywhere() -> None:
    admin = caller(make_user(Role.ADMIN))
    made = admin.post("keys/", {"name": "ci", "scopes": ["read"]}).json()
    principal = authenticate_header(f"Bearer {made['key']}")
    assert principal is not None
    assert still_valid(principal)
    assert admin.delete(f"keys/{made['id']}/").status_code == 204
    assert Caller(made["key"]).get("me/").status_code == 401
    assert not still_valid(principal)
    assert admin.delete(f"keys/{made['id']}/").status_code == 204


def test_sec_9_a_key_revoked_by_another_process_is_refused_within_a_second() -> None:
    issued = make_key("read")
    key = Caller(issued.text)
    assert key.get("me/").status_code == 200
    ApiKey.objects.filter(pk=issued.row.pk).update(revoked_at=timezone.now())
    begun = time.monotonic()
    while key.get("me/").status_code == 200:
        assert time.monotonic() - begun < 1
    assert MAX_AGE_SECONDS <= 0.5


def test_sec_9_an_expired_key_is_refused_and_a_second_key_overlaps() -> None:
    old, new = make_key("read"), make_key("read")
    assert Caller(old.text).get("me/").status_code == 200
    assert Caller(new.text).get("me/").status_code == 200
    ended = make_key("read", expires_at=timezone.now() - timedelta(seconds=1))
    assert Caller(ended.text).get("me/").status_code == 401


def test_sec_9_use_is_noted_at_most_once_a_minute() -> None:
    now = [0.0]
    issued = make_key("read")
    roster = Roster(clock=lambda: now[0])

    def used() -> Any:
        known = roster.key(issued.row.prefix)
        assert isinstance(known, KnownKey)
        roster.note_use(known)
        issued.row.refresh_from_db()
        return issued.row.last_used_at

    first = used()
    assert first is not None
    now[0] += 30
    assert used() == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    now[0] += 31
    assert used() > first - timedelta(minutes=1)


@pytest.mark.parametrize("place", [3, 5, 12, 30, 54, 60])
def test_sec_9_a_mistyped_key_is_refused_without_a_query(place: int, django_assert_num_queries: Any) -> None:
    text = make_key("read").text
    wrong = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
    with django_assert_num_queries(0):
        assert authenticate_header(f"Bearer {wrong}") is None


def test_sec_9_a_known_prefix_with_another_secret_is_refused() -> None:
    known = make_key("read").text
    body = f"mc_{known.split('_')[1]}_{'A' * keys.SECRET_LENGTH}"
    forged = body + keys._check(body)
    assert keys.prefix_of(forged) is not None
    assert authenticate_header(f"Bearer {forged}") is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": ["read"]}, "name"),
        ({"name": "  ", "scopes": ["read"]}, "name"),
        ({"name": "a\u202eb", "scopes": ["read"]}, "name"),
        ({"name": "a" * 121, "scopes": ["read"]}, "name"),
        ({"name": "x"}, "scopes"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["admin"]}, "scopes.0"),
        ({"name": "x", "scopes": "read"}, "scopes"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "scopes": ["read"], "agent_id": "seven"}, "agent_id"),
    ],
)
def test_a_wrong_key_body_names_the_field(body: dict[str, Any], field: str) -> None:
    answer = caller(make_user(Role.ADMIN)).post("keys/", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"], answer.json()


def test_what_the_server_decides_cannot_be_sent() -> None:
    admin = caller(make_user(Role.ADMIN))
    foreign = make_project()
    forged = {
        "id": "00000000-0000-4000-8000-000000000000",
        "prefix": "AAAAAAAA",
        "hash": "0" * 64,
        "key": "mc_x",
        "project": str(foreign.pk),
        "created_by": "root",
        "revoked_at": "2001-01-01T00:00:00Z",
    }
    made = admin.post("keys/", {"name": "x", "scopes": ["read"], **forged}).json()
    assert made["id"] != forged["id"]
    assert made["prefix"] != "AAAAAAAA"
    assert made["revoked_at"] is None
    assert made["created_by"] != "root"
    assert ApiKey.objects.get(pk=made["id"]).project != foreign


def test_viewers_and_operators_may_not_see_keys_and_foreign_keys_are_404() -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        assert caller(make_user(role)).get("keys/").status_code == 403
    foreign = make_key("read", project=make_project())
    admin = caller(make_user(Role.ADMIN))
    assert admin.delete(f"keys/{foreign.row.pk}/").status_code == 404
    assert admin.get("keys/").json()["results"] == []


def test_the_list_is_paged_with_opaque_links() -> None:
    for number in range(5):
        make_key("read", name=f"key {number}")
    admin = caller(make_user(Role.ADMIN))
    first = admin.get("keys/?limit=2").json()
    assert [row["name"] for row in first["results"]] == ["key 4", "key 3"]
    assert first["previous"] is None
    assert first["next"].startswith("/api/v1/keys/?")
    second = admin.get(first["next"].removeprefix("/api/v1/")).json()
    assert [row["name"] for row in second["results"]] == ["key 2", "key 1"]
    back = admin.get(second["previous"].removeprefix("/api/v1/")).json()
    assert back["results"] == first["results"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=-1",
        "limit=²",
        "cursor=x",
        "cursor=cD1ub3QtYS1kYXRl",
        "cursor=cD0A",
        "cursor=bz0tMQ==",
    ],
)
def test_a_wrong_page_is_a_mistake_of_the_caller(query: str) -> None:
    make_key("read")
    answer = caller(make_user(Role.ADMIN)).get(f"keys/?{query}")
    assert answer.status_code in (400, 404), (query, answer.content)
    assert answer["Content-Type"] == "application/problem+json"
