"""Row 7, as far as tickets go: single use, thirty seconds, bound to the caller."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from apps.accounts.models import ApiKey, Membership, Role, SocketTicket, User
from apps.accounts.origins import origin_allowed
from apps.accounts.principal import Principal, still_valid
from apps.accounts.roster import roster
from apps.accounts.tickets import consume_ticket
from tests.accounts.people import Caller, caller, make_key, make_project, make_user, post, sign_in

pytestmark = pytest.mark.django_db


def ticket_of(who: Caller) -> str:
    answer = who.post("auth/socket-ticket/")
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 30
    assert answer["Cache-Control"] == "no-store"
    return str(answer.json()["ticket"])


def consumed(value: str) -> Principal:
    principal = consume_ticket(value)
    assert principal is not None
    return principal


def test_sec_7_a_ticket_names_its_owner_once() -> None:
    user = make_user(Role.VIEWER)
    value = ticket_of(caller(user))
    principal = consumed(value)
    assert (principal.user_id, principal.role) == (user.pk, "viewer")
    assert consume_ticket(value) is None


def test_sec_7_the_value_is_not_stored() -> None:
    value = ticket_of(caller(make_user()))
    assert len(value) >= 43
    assert value not in str(list(SocketTicket.objects.values()))


def test_sec_7_a_ticket_of_thirty_one_seconds_ago_is_refused() -> None:
    value = ticket_of(caller(make_user()))
    SocketTicket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert consume_ticket(value) is None


def test_sec_7_old_tickets_are_removed() -> None:
    who = caller(make_user())
    ticket_of(who)
    SocketTicket.objects.update(expires_at=timezone.now() - timedelta(minutes=5))
    ticket_of(who)
    assert SocketTicket.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sec_7_of_many_simultaneous_uses_one_wins() -> None:
    value = ticket_of(caller(make_user()))

    def use(_: int) -> bool:
        try:
            return consume_ticket(value) is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(use, range(8))) == 1


def test_sec_7_a_ticket_dies_with_its_sign_in() -> None:
    pair = sign_in(make_user())
    value = ticket_of(Caller(pair["access"]))
    post("auth/logout/", {"refresh": pair["refresh"]})
    assert consume_ticket(value) is None


@pytest.mark.parametrize("value", ["", "x", "é" * 43, "A" * 43, "A" * 101, "\0" * 43])
def test_sec_7_an_invented_ticket_is_refused(value: str) -> None:
    assert consume_ticket(value) is None


def test_a_key_may_ask_for_a_ticket_if_it_may_read() -> None:
    issued = make_key("read")
    assert consumed(ticket_of(Caller(issued.text))).key_id == issued.row.pk
    assert Caller(make_key("agent").text).post("auth/socket-ticket/").status_code == 403


def test_a_ticket_is_for_the_project_it_was_asked_in() -> None:
    user = make_user(Role.ADMIN, project=make_project("one"))
    two = make_project("two")
    two.memberships.create(user=user, role=Role.VIEWER)
    principal = consumed(ticket_of(caller(user, "two")))
    assert (principal.project_id, principal.role) == (two.pk, "viewer")


class TestOpenSockets:
    """An open socket asks `still_valid` every few seconds."""

    def principal(self, user: User) -> Principal:
        return consumed(ticket_of(caller(user)))

    def test_nothing_changed(self) -> None:
        assert still_valid(self.principal(make_user()))

    def test_the_user_was_disabled(self) -> None:
        user = make_user()
        principal = self.principal(user)
        User.objects.filter(pk=user.pk).update(is_active=False)
        roster.clear()
        assert not still_valid(principal)

    def test_the_password_changed(self) -> None:
        user = make_user()
        principal = self.principal(user)
        user.set_password("new and long enough")
        user.save()
        roster.clear()
        assert not still_valid(principal)

    def test_the_role_changed(self) -> None:
        user = make_user(Role.OPERATOR)
        principal = self.principal(user)
        Membership.objects.filter(user=user).update(role=Role.VIEWER)
        roster.clear()
        assert not still_valid(principal)

    def test_the_membership_ended(self) -> None:
        user = make_user()
        principal = self.principal(user)
        Membership.objects.filter(user=user).delete()
        roster.clear()
        assert not still_valid(principal)

    def test_the_key_was_revoked(self) -> None:
        issued = make_key("read")
        principal = consumed(ticket_of(Caller(issued.text)))
        assert still_valid(principal)
        ApiKey.objects.filter(pk=issued.row.pk).update(revoked_at=timezone.now())
        roster.clear()
        assert not still_valid(principal)


def test_sec_7_only_our_own_pages_may_open_a_browser_socket() -> None:
    assert origin_allowed("http://localhost:8000", "localhost:8000")
    assert origin_allowed("http://[::1]:8000", "[::1]:8000")
    for origin in (None, "", "null", "http://localhost:8001", "https://evil.example", "file://"):
        assert not origin_allowed(origin, "localhost:8000")
