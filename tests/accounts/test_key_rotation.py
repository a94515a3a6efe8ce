"""Keys over their lives: rotated with an overlap, renamed, ended, used, and told of live."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import ApiKey, Role
from apps.accounts.roster import roster
from apps.accounts.services import default_project
from apps.agents import services as agents
from apps.errors import Conflict
from apps.events import journal
from tests.accounts.people import Caller, caller, make_key, make_project, make_user
from tests.monitoring.verify import verify_action

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin() -> Caller:
    return caller(make_user(Role.ADMIN))


def make(admin: Caller, **fields: Any) -> dict[str, Any]:
    answer = admin.post("keys/", {"name": "robot", "scopes": ["read", "agent"]} | fields)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def rotate(admin: Caller, key_id: str, **body: Any) -> Any:
    return admin.post(f"keys/{key_id}/rotation/", body)


def kinds_since(head: int) -> list[str]:
    return [event.kind for event in journal.read(default_project().pk, after=head)]


def test_both_keys_work_while_they_overlap_and_then_only_the_new_one(admin: Caller) -> None:
    old = make(admin)
    answer = rotate(admin, old["id"])
    assert answer.status_code == 201, answer.content
    new = answer.json()
    assert (new["name"], new["scopes"], new["replaces"]) == (old["name"], old["scopes"], old["id"])
    assert new["key"] != old["key"]
    for text in (old["key"], new["key"]):
        assert Caller(text).get("me/").status_code == 200
    row = ApiKey.objects.get(pk=old["id"])
    assert row.expires_at is not None
    left = row.expires_at - datetime.fromisoformat(new["created_at"])
    assert left == timedelta(hours=24)
    ApiKey.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    roster.clear()
    assert Caller(old["key"]).get("me/").status_code == 401
    assert Caller(new["key"]).get("me/").status_code == 200
    assert admin.get(f"keys/{old['id']}/").json()["replaced_by"] == new["id"]


def test_without_an_overlap_the_old_key_ends_at_once(admin: Caller) -> None:
    old = make(admin)
    assert Caller(old["key"]).get("me/").status_code == 200
    new = rotate(admin, old["id"], overlap_hours=0).json()
    assert Caller(old["key"]).get("me/").status_code == 401
    assert Caller(new["key"]).get("me/").status_code == 200


def test_the_new_key_is_of_the_same_agent_and_lives_as_long_as_the_old_one_was_to(admin: Caller) -> None:
    agent, _ = agents.register_agent(default_project().pk, name="scout", type="x", capabilities=[])
    ends = (timezone.now() + timedelta(days=90)).isoformat()
    old = make(admin, agent_id=str(agent.pk), expires_at=ends)
    new = rotate(admin, old["id"]).json()
    assert (new["agent_id"], new["agent_name"]) == (str(agent.pk), "scout")

    def life(key: dict[str, Any]) -> timedelta:
        return datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])

    assert life(new) == life(old)


def test_an_overlap_never_lengthens_a_life(admin: Caller) -> None:
    ends = timezone.now() + timedelta(hours=1)
    old = make(admin, expires_at=ends.isoformat())
    assert rotate(admin, old["id"], overlap_hours=168).status_code == 201
    assert ApiKey.objects.get(pk=old["id"]).expires_at == ends


def test_a_key_is_rotated_once_and_its_successor_after_it(admin: Caller) -> None:
    first = make(admin)
    second = rotate(admin, first["id"]).json()
    again = rotate(admin, first["id"])
    assert (again.status_code, again["Content-Type"]) == (409, "application/problem+json")
    third = rotate(admin, second["id"]).json()
    assert third["replaces"] == second["id"]


def test_what_is_over_is_not_rotated(admin: Caller) -> None:
    revoked = make(admin)
    admin.delete(f"keys/{revoked['id']}/")
    assert rotate(admin, revoked["id"]).status_code == 409
    assert admin.patch(f"keys/{revoked['id']}/", {"name": "x"}).status_code == 409
    expired = make_key("read", expires_at=timezone.now() - timedelta(seconds=1)).row
    with pytest.raises(Conflict):
        services.rotate_key(expired, overlap=timedelta(hours=1))
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize("hours", [-1, 168.1, "soon", "nan", "inf", None])
def test_a_senseless_overlap_is_named_and_changes_nothing(admin: Caller, hours: Any) -> None:
    old = make(admin)
    answer = rotate(admin, old["id"], overlap_hours=hours)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["overlap_hours"]
    assert ApiKey.objects.get().expires_at is None


def test_name_and_end_change_and_nothing_else_does(admin: Caller) -> None:
    made = make(admin)
    ends = (timezone.now() + timedelta(days=1)).isoformat()
    body = {"name": "renamed", "expires_at": ends, "scopes": ["run"], "agent_id": made["id"]}
    changed = admin.patch(f"keys/{made['id']}/", body).json()
    assert changed["name"] == "renamed"
    assert datetime.fromisoformat(changed["expires_at"]) == datetime.fromisoformat(ends)
    assert (changed["scopes"], changed["agent_id"]) == (made["scopes"], None)
    assert admin.patch(f"keys/{made['id']}/", {"expires_at": None}).json()["expires_at"] is None
    past = (timezone.now() - timedelta(days=1)).isoformat()
    assert admin.patch(f"keys/{made['id']}/", {"expires_at": past}).json()["errors"].keys() == {"expires_at"}
    assert admin.patch(f"keys/{made['id']}/", {"name": ""}).status_code == 400


def test_keys_of_other_projects_and_for_other_roles_are_out_of_reach(admin: Caller) -> None:
    foreign = make_key("read", project=make_project()).row.pk
    assert admin.get(f"keys/{foreign}/").status_code == 404
    assert rotate(admin, str(foreign)).status_code == 404
    assert admin.patch(f"keys/{foreign}/", {"name": "x"}).status_code == 404
    made = make(admin)
    every_scope = Caller(make_key("read", "run", "agent", "ingest").text)
    for other in (caller(make_user(Role.OPERATOR)), every_scope):
        assert other.get(f"keys/{made['id']}/").status_code == 403
        assert rotate(other, made["id"]).status_code == 403
        assert other.patch(f"keys/{made['id']}/", {"name": "x"}).status_code == 403


def test_a_key_is_made_for_agents_of_the_project_only(admin: Caller) -> None:
    other, _ = agents.register_agent(make_project().pk, name="far", type="x", capabilities=[])
    answer = admin.post("keys/", {"name": "x", "scopes": ["agent"], "agent_id": str(other.pk)})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["agent_id"])


def test_the_list_tells_those_in_use_from_those_that_are_over(admin: Caller) -> None:
    good, gone = make(admin), make(admin)
    admin.delete(f"keys/{gone['id']}/")
    make_key("read", expires_at=timezone.now() - timedelta(seconds=1))

    def states(query: str = "") -> list[str]:
        return sorted(row["state"] for row in admin.get(f"keys/{query}").json()["results"])

    assert states() == ["expired", "revoked", "usable"]
    assert states("?state=over") == ["expired", "revoked"]
    assert [row["id"] for row in admin.get("keys/?state=usable").json()["results"]] == [good["id"]]
    assert admin.get("keys/?state=lost").json()["errors"].keys() == {"state"}


def test_the_list_does_not_query_per_key(admin: Caller, django_assert_max_num_queries: Any) -> None:
    agent, _ = agents.register_agent(default_project().pk, name="scout", type="x", capabilities=[])
    for _ in range(12):
        rotate(admin, make(admin, agent_id=str(agent.pk))["id"])
    admin.get("keys/")
    with django_assert_max_num_queries(8):  # with those of the caller, if it is read anew
        assert len(admin.get("keys/").json()["results"]) == 24


def test_the_first_use_shows_at_once_with_the_agent_that_came(admin: Caller) -> None:
    made = make(admin)
    before = admin.get(f"keys/{made['id']}/").json()
    assert (before["last_used_at"], before["agents"]) == (None, [])
    body = {"name": "scout", "type": "x", "capabilities": []}
    agent_id = Caller(made["key"]).post("agents/register/", body).json()["id"]
    after = admin.get(f"keys/{made['id']}/").json()
    assert after["last_used_at"] is not None
    assert after["agents"] == [{"id": agent_id, "name": "scout"}]


def test_an_agent_that_changes_over_is_named_at_its_new_key(admin: Caller) -> None:
    old = make(admin)
    body = {"name": "scout", "type": "x", "capabilities": []}
    agent_id = Caller(old["key"]).post("agents/register/", body).json()["id"]
    new = rotate(admin, old["id"]).json()
    assert Caller(new["key"]).post(f"agents/{agent_id}/heartbeat/").status_code == 200
    assert admin.get(f"keys/{old['id']}/").json()["agents"] == []
    assert admin.get(f"keys/{new['id']}/").json()["agents"] == [{"id": agent_id, "name": "scout"}]


def test_whatever_changes_of_keys_is_told(admin: Caller) -> None:
    project = default_project()
    head = journal.position(project.pk).head
    with verify_action(project.pk):
        key = services.issue_key(project_id=project.pk, name="x", scopes=["read"]).row
    with verify_action(project.pk):
        new = services.rotate_key(key, overlap=timedelta(hours=1)).row
    with verify_action(project.pk):
        services.change_key(new, {"name": "y"})
    with verify_action(project.pk):
        services.revoke_key(new)
    with verify_action(project.pk, silent=True):
        services.revoke_key(new)
    with verify_action(project.pk):
        assert services.revoke_keys([key]) == 1
    told = ["key.made", "key.rotated", "key.changed", "key.revoked", "key.revoked"]
    assert kinds_since(head) == told
    newest = journal.read(project.pk, after=head)[0]
    assert newest.payload == {"type": "key_update", "key_id": str(key.pk)}
