"""The admin: who gets in, what it shows, what it can do."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from apps.accounts.models import ApiKey, Membership, RefreshFamily, Role, User
from tests.accounts.people import PASSWORD, Caller, make_key, make_project, make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Client:
    user = make_user(None, is_staff=True, is_superuser=True, username="root")
    client = Client()
    answer = client.post("/admin/login/?next=/admin/", {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def action(client: Client, model: type, name: str, *rows: Any) -> Any:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")  # type: ignore[attr-defined]
    body = {"action": name, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(url, body, follow=True)


def test_strangers_are_sent_to_the_login_page_and_members_get_404() -> None:
    assert Client().get("/admin/").status_code == 302
    member = Client()
    member.force_login(make_user(Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
    for path in ("/admin/", "/admin/login/", "/admin/accounts/user/", "/admin/nothing/"):
        assert member.get(path, follow=True).status_code == 404, path


def test_a_member_who_is_not_staff_cannot_sign_in_there() -> None:
    user = make_user(Role.ADMIN)
    answer = Client().post("/admin/login/", {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies


@pytest.mark.parametrize("model", [User, ApiKey, RefreshFamily])
def test_the_lists_open_search_and_show_no_secret(staff: Client, model: type) -> None:
    user = make_user()
    sign_in(user)
    issued = make_key("read", created_by_id=user.pk)
    url = reverse(f"admin:accounts_{model._meta.model_name}_changelist")  # type: ignore[attr-defined]
    page = staff.get(url, {"q": "u"})
    assert page.status_code == 200
    assert issued.row.hash not in page.content.decode()


def test_every_registered_list_and_form_opens(staff: Client) -> None:
    for model, model_admin in admin.site._registry.items():
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert staff.get(reverse(f"{base}_changelist")).status_code == 200, model
        added = staff.get(reverse(f"{base}_add"))
        assert added.status_code in (200, 403), (model, model_admin)


def test_a_key_made_in_the_admin_is_shown_once_and_works(staff: Client) -> None:
    project = make_project()
    body = {"project": str(project.pk), "name": "ci", "scopes": ["read"], "agent_id": ""}
    body |= {"expires_at_0": "", "expires_at_1": ""}
    page = staff.post("/admin/accounts/apikey/add/", body, follow=True).content.decode()
    row = ApiKey.objects.get()
    text = page.partition("shown this once: ")[2].partition("<")[0].strip()
    assert Caller(text).get("me/").json()["project"]["slug"] == project.slug
    assert row.scopes == ["read"]
    assert row.created_by is not None
    again = staff.get(f"/admin/accounts/apikey/{row.pk}/change/").content.decode()
    assert text not in again
    assert row.hash not in again


def test_revoking_ending_and_deactivating(staff: Client) -> None:
    user = make_user()
    pair = sign_in(user)
    issued = make_key("read")
    action(staff, ApiKey, "revoke", issued.row)
    assert Caller(issued.text).get("me/").status_code == 401
    action(staff, RefreshFamily, "end", RefreshFamily.objects.get(user=user))
    assert Caller(pair["access"]).get("me/").status_code == 401
    pair = sign_in(user)
    action(staff, User, "sign_out_everywhere", user)
    assert Caller(pair["access"]).get("me/").status_code == 401
    pair = sign_in(user)
    action(staff, User, "deactivate", user, User.objects.get(username="root"))
    assert Caller(pair["access"]).get("me/").status_code == 401
    assert User.objects.get(username="root").is_active


def test_a_member_is_added_with_a_role(staff: Client) -> None:
    user, project = make_user(None), make_project()
    prefix = "memberships"
    body = {
        "name": project.name,
        "slug": project.slug,
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "0",
        f"{prefix}-0-user": str(user.pk),
        f"{prefix}-0-project": str(project.pk),
        f"{prefix}-0-role": "operator",
    }
    staff.post(f"/admin/accounts/project/{project.pk}/change/", body)
    assert Membership.objects.get(user=user).role == "operator"
