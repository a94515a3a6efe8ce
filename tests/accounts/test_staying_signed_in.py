"""The refresh token: rotated, reused, shared by two tabs, ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from apps.accounts import sessions, tokens
from apps.accounts.models import RefreshFamily, User
from apps.accounts.roster import roster
from tests.accounts.people import ORIGIN, PASSWORD, Caller, make_user, post, sign_in

pytestmark = pytest.mark.django_db


def refresh(token: str) -> Any:
    return post("auth/token/refresh/", {"refresh": token})


def grow_older(user: User, by: timedelta = timedelta(seconds=11)) -> None:
    for family in RefreshFamily.objects.filter(user=user):
        family.rotated_at -= by
        family.save(update_fields=["rotated_at"])


def test_a_refresh_gives_a_new_pair_and_the_old_access_token_lives_on() -> None:
    first = sign_in(make_user())
    second = refresh(first["refresh"]).json()
    assert second["refresh"] != first["refresh"]
    assert Caller(first["access"]).get("me/").status_code == 200
    assert Caller(second["access"]).get("me/").status_code == 200


def test_sec_2_a_replaced_refresh_token_ends_the_whole_sign_in() -> None:
    user = make_user()
    first = sign_in(user)
    second = refresh(first["refresh"]).json()
    grow_older(user)
    assert refresh(first["refresh"]).status_code == 401
    assert refresh(second["refresh"]).status_code == 401
    assert Caller(second["access"]).get("me/").status_code == 401


def test_sec_2_a_second_tab_within_ten_seconds_stays_signed_in() -> None:
    user = make_user()
    first = sign_in(user)
    one = refresh(first["refresh"]).json()
    two = refresh(first["refresh"]).json()
    grow_older(user)
    assert Caller(two["access"]).get("me/").status_code == 200
    # Both tabs hold the family's current token, whichever cookie was stored last.
    assert refresh(two["refresh"]).status_code == 200
    assert refresh(one["refresh"]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_sec_2_two_tabs_refreshing_at_the_same_moment_both_stay_signed_in() -> None:
    pair = sign_in(make_user())

    def one_tab(_: int) -> int:
        try:
            return int(refresh(pair["refresh"]).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as tabs:
        assert list(tabs.map(one_tab, range(2))) == [200, 200]


def test_sec_2_a_token_two_rotations_old_has_no_grace() -> None:
    first = sign_in(make_user())
    second = refresh(first["refresh"]).json()
    refresh(second["refresh"])
    assert refresh(first["refresh"]).status_code == 401


def test_sec_2_a_new_password_ends_every_sign_in_at_once() -> None:
    user = make_user()
    pair = sign_in(user)
    user.set_password("another horse")
    user.save()
    assert refresh(pair["refresh"]).status_code == 401
    roster.clear()
    assert Caller(pair["access"]).get("me/").status_code == 401


def test_sec_2_a_disabled_user_is_refused_at_once() -> None:
    user = make_user()
    pair = sign_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert refresh(pair["refresh"]).status_code == 401
    roster.clear()
    assert Caller(pair["access"]).get("me/").status_code == 401


def test_signing_out_ends_the_sign_in_and_only_that_one() -> None:
    user = make_user()
    here, elsewhere = sign_in(user), sign_in(user)
    assert post("auth/logout/", {"refresh": here["refresh"]}).status_code == 204
    assert Caller(here["access"]).get("me/").status_code == 401
    assert refresh(here["refresh"]).status_code == 401
    assert Caller(elsewhere["access"]).get("me/").status_code == 200


def test_a_sign_in_ends_after_its_longest_time() -> None:
    user = make_user()
    pair = sign_in(user)
    RefreshFamily.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refresh(pair["refresh"]).status_code == 401


def test_a_refresh_token_never_outlives_its_sign_in() -> None:
    user = make_user()
    soon = timezone.now() + timedelta(minutes=3)
    sessions.sign_in(user)
    family = RefreshFamily.objects.get(user=user)
    family.expires_at = soon
    claims = tokens.verify(tokens.refresh_token(user, family, timezone.now()), tokens.RefreshToken)
    assert claims is not None
    assert claims.expires_at <= soon.timestamp()


def test_expired_sign_ins_are_removed_at_the_next_one() -> None:
    user = make_user()
    sign_in(user)
    RefreshFamily.objects.update(expires_at=timezone.now() - timedelta(days=1))
    sign_in(user)
    assert RefreshFamily.objects.filter(user=user).count() == 1


class TestByCookie:
    def browser(self) -> Client:
        client = Client()
        user = make_user()
        body = {"username": user.username, "password": PASSWORD}
        assert post("auth/token/", body, client=client, Origin=ORIGIN).status_code == 200
        return client

    def test_the_cookie_is_exchanged_from_our_own_page(self) -> None:
        client = self.browser()
        before = client.cookies["mc_refresh"].value
        answer = post("auth/token/refresh/", {}, client=client, Origin=ORIGIN)
        assert answer.status_code == 200
        assert "refresh" not in answer.json()
        assert client.cookies["mc_refresh"].value != before

    @pytest.mark.parametrize("path", ["auth/token/refresh/", "auth/logout/"])
    @pytest.mark.parametrize(
        "origin",
        [
            "",
            "null",
            "https://evil.example",
            "http://testserver.evil.example",
            "http://evil.testserver",
            "http://testserver:8080",
            "http://testserver@evil.example",
            "http://testserver/",
            "ftp://testserver",
            "http://testserver:99999999",
            "http://[testserver",
        ],
    )
    def test_sec_4_a_foreign_or_missing_origin_is_403(self, path: str, origin: str) -> None:
        client = self.browser()
        headers = {"Origin": origin} if origin else {}
        assert post(path, {}, client=client, **headers).status_code == 403
        assert post("auth/token/refresh/", {}, client=client, Origin=ORIGIN).status_code == 200

    @pytest.mark.parametrize("path", ["auth/token/refresh/", "auth/logout/"])
    @pytest.mark.parametrize(
        "form", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
    )
    def test_sec_4_a_form_is_403(self, path: str, form: str) -> None:
        client = self.browser()
        answer = client.post(f"/api/v1/{path}", b"a=b", content_type=form, headers={"Origin": ORIGIN})
        assert answer.status_code == 403

    def test_sec_4_where_cookies_are_secure_a_page_over_http_is_foreign(self, settings: Any) -> None:
        settings.SECURE_COOKIES = True
        client = Client()
        client.cookies["__Host-mc_refresh"] = sign_in(make_user())["refresh"]
        assert post("auth/token/refresh/", {}, client=client, Origin=ORIGIN).status_code == 403
        https = ORIGIN.replace("http:", "https:")
        assert post("auth/token/refresh/", {}, client=client, Origin=https).status_code == 200

    def test_a_listed_origin_is_accepted(self, settings: Any) -> None:
        settings.ALLOWED_ORIGINS = ["https://control.example.org"]
        client = self.browser()
        headers = {"Origin": "https://control.example.org"}
        assert post("auth/token/refresh/", {}, client=client, **headers).status_code == 200

    def test_signing_out_removes_the_cookie(self) -> None:
        client = self.browser()
        assert post("auth/logout/", {}, client=client, Origin=ORIGIN).status_code == 204
        assert client.cookies["mc_refresh"].value == ""
        assert post("auth/token/refresh/", {}, client=client, Origin=ORIGIN).status_code == 401
