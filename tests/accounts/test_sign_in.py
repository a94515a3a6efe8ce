"""Signing in: what comes back, what is refused."""

from __future__ import annotations

import jwt
import pytest
from django.test import Client
from pytest_django import Settings

from apps.accounts.models import RefreshFamily, Role
from tests.accounts.people import ORIGIN, PASSWORD, Caller, caller, make_project, make_user, post, sign_in

pytestmark = pytest.mark.django_db


def test_signing_in_gives_an_access_token_and_puts_the_refresh_token_in_a_cookie() -> None:
    user = make_user()
    answer = post("auth/token/", {"username": user.username, "password": PASSWORD}, Origin=ORIGIN)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "expires_in"}
    assert answer.json()["expires_in"] == 300
    cookie = answer.cookies["mc_refresh"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["secure"]


def test_sec_1_where_pages_are_https_the_refresh_cookie_is_bound_to_the_host(
    settings: Settings,
) -> None:
    settings.SECURE_COOKIES = True
    user = make_user()
    answer = post("auth/token/", {"username": user.username, "password": PASSWORD})
    cookie = answer.cookies["__Host-mc_refresh"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert "eyJ" not in str(answer.json().get("refresh", ""))


def test_programs_get_the_refresh_token_in_the_body_and_no_cookie() -> None:
    user = make_user()
    client = Client()
    pair = sign_in(user, client=client)
    assert set(pair) == {"access", "expires_in", "refresh"}
    assert not client.cookies


def test_the_access_token_says_who_and_until_when_and_nothing_secret() -> None:
    user = make_user()
    claims = jwt.decode(sign_in(user)["access"], options={"verify_signature": False})
    assert claims["sub"] == str(user.pk)
    assert claims["username"] == user.username
    assert claims["exp"] - claims["iat"] == 300
    assert claims["typ"] == "access"
    assert claims["aud"] == claims["iss"] == "mission-control"
    assert user.password not in str(claims)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "x"}, "username"),
        ({"username": "x"}, "password"),
        ({"username": "x" * 151, "password": "x"}, "username"),
        ({"username": {"$ne": ""}, "password": "x"}, "username"),
        ({"username": "x", "password": "x", "cookie": "perhaps"}, "cookie"),
    ],
)
def test_a_wrong_sign_in_body_names_the_field(body: dict[str, object], field: str) -> None:
    answer = post("auth/token/", body)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert field in answer.json()["errors"]


def test_a_wrong_password_is_401_and_leaves_no_sign_in() -> None:
    user = make_user()
    answer = post("auth/token/", {"username": user.username, "password": "wrong"})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert not RefreshFamily.objects.exists()


def test_a_disabled_user_cannot_sign_in() -> None:
    user = make_user(is_active=False)
    assert post("auth/token/", {"username": user.username, "password": PASSWORD}).status_code == 401


def test_signing_in_from_a_foreign_page_is_refused() -> None:
    user = make_user()
    body = {"username": user.username, "password": PASSWORD}
    assert post("auth/token/", body, Origin="https://evil.example").status_code == 403


def test_me_names_the_caller_the_project_and_the_server() -> None:
    user = make_user(Role.VIEWER, first_name="Ada", last_name="Lovelace")
    body = caller(user).get("me/").json()
    assert body["id"] == user.pk
    assert body["username"] == user.username
    assert body["name"] == "Ada Lovelace"
    assert body["project"]["role"] == "viewer"
    assert body["project"]["slug"] == "default"
    assert body["projects"] == [body["project"]]
    assert body["server"]["mode"] in ("embedded", "server")
    assert set(body["server"]["model"]) == {"name", "demo"}


def test_the_project_is_chosen_by_slug_or_id_and_a_foreign_one_is_404() -> None:
    user = make_user(Role.ADMIN, project=make_project("first"))
    second, foreign = make_project("second"), make_project("foreign")
    second.memberships.create(user=user, role=Role.VIEWER)
    token = sign_in(user)["access"]
    assert Caller(token).get("me/").json()["project"]["slug"] == "first"
    assert Caller(token, "second").get("me/").json()["project"]["role"] == "viewer"
    assert Caller(token, str(second.pk)).get("me/").json()["project"]["slug"] == "second"
    assert Caller(token, "second").get("keys/").status_code == 403
    for unknown in ("foreign", str(foreign.pk), "nowhere"):
        answer = Caller(token, unknown).get("me/")
        assert answer.status_code == 404
        assert answer.json()["title"] == "Not Found"


def test_a_user_of_no_project_is_told_so() -> None:
    answer = caller(make_user(role=None)).get("me/")
    assert answer.status_code == 403
    assert "administrator" in answer.json()["detail"]


def test_without_a_credential_the_answer_is_401_with_a_challenge() -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer x"}):
        answer = Client().get("/api/v1/me/", headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"
