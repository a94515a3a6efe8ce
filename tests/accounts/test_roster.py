"""What a process remembers of its callers: fresh, small, and never a wrong refusal."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import DatabaseError, connection

from apps.accounts import sessions
from apps.accounts.models import ApiKey, Membership, Role, User
from apps.accounts.principal import (
    NoProjectError,
    UnknownProjectError,
    authenticate,
    authenticate_header,
    in_project,
    is_still_valid,
)
from apps.accounts.roster import FORGET_AFTER_SECONDS, MAX_AGE_SECONDS, KnownUser, Roster
from tests.accounts.people import make_key, make_project, make_user


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def roster(clock: Clock) -> Roster:
    return Roster(clock)


@pytest.mark.django_db
class TestMemory:
    def test_a_caller_seen_lately_costs_no_query(
        self, roster: Roster, django_assert_num_queries: Any
    ) -> None:
        user = make_user()
        assert roster.user(user.pk) is not None
        with django_assert_num_queries(0):
            known = roster.user(user.pk)
        assert isinstance(known, KnownUser)
        assert known.username == user.username

    def test_half_a_second_later_it_is_read_again(self, roster: Roster, clock: Clock) -> None:
        user = make_user()
        roster.user(user.pk)
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert roster.user(user.pk) is not None
        clock.now += MAX_AGE_SECONDS
        assert roster.user(user.pk) is None

    def test_everyone_seen_lately_is_read_in_one_batch(
        self, roster: Roster, clock: Clock, django_assert_num_queries: Any
    ) -> None:
        people = [make_user() for _ in range(20)]
        issued = [make_key("read") for _ in range(20)]
        for user in people:
            roster.user(user.pk)
        for key in issued:
            roster.key(key.row.prefix)
        clock.now += MAX_AGE_SECONDS
        with django_assert_num_queries(4):
            roster.user(people[0].pk)
        with django_assert_num_queries(0):
            assert all(roster.user(user.pk) for user in people)
            assert all(roster.key(key.row.prefix) for key in issued)

    def test_who_no_longer_calls_is_forgotten(
        self, roster: Roster, clock: Clock, django_assert_num_queries: Any
    ) -> None:
        gone, here = make_user(), make_user()
        roster.user(gone.pk)
        clock.now += FORGET_AFTER_SECONDS + 1
        roster.user(here.pk)
        assert list(roster._slots) == [here.pk]

    def test_guesses_are_not_remembered(self, roster: Roster) -> None:
        assert roster.user(987654) is None
        assert roster.key("AAAAAAAA") is None
        assert roster._slots == {}

    def test_one_who_signed_in_through_another_process_is_let_in_at_once(self) -> None:
        user = make_user()
        first = sessions.sign_in(user)
        assert authenticate_header(f"Bearer {first.access}") is not None
        elsewhere = sessions.sign_in(user)  # this process remembers the user without it
        assert authenticate_header(f"Bearer {elsewhere.access}") is not None

    def test_an_outage_of_the_database_does_not_throw_out_who_is_inside(
        self, roster: Roster, clock: Clock
    ) -> None:
        user = make_user()
        roster.user(user.pk)
        with connection.execute_wrapper(_unreachable):
            clock.now += 30
            assert roster.user(user.pk) is not None
            with pytest.raises(DatabaseError):
                roster.user(user.pk + 1)
            clock.now += 31
            with pytest.raises(DatabaseError):
                roster.user(user.pk)


def _unreachable(*_: Any) -> Any:
    raise DatabaseError("the database is away")


@pytest.mark.django_db
def test_another_project_of_the_same_caller() -> None:
    user = make_user(Role.ADMIN, project=make_project("home"))
    other, foreign = make_project("other"), make_project("foreign")
    Membership.objects.create(user=user, project=other, role=Role.VIEWER)
    principal = authenticate_header(f"Bearer {sessions.sign_in(user).access}")
    assert principal is not None
    moved = in_project(principal, "other")
    assert (moved.project_id, moved.role) == (other.pk, "viewer")
    assert in_project(moved, str(other.pk)) is moved
    with pytest.raises(UnknownProjectError):
        in_project(principal, foreign.slug)


@pytest.mark.django_db
def test_a_user_without_projects_cannot_be_placed() -> None:
    pair = sessions.sign_in(make_user(None))
    with pytest.raises(NoProjectError):
        authenticate_header(f"Bearer {pair.access}")


@pytest.mark.django_db(transaction=True)
class TestOnAnEventLoop:
    """The roster reads on its own thread; the loop never waits for the database."""

    async def test_tokens_and_keys_are_known(self) -> None:
        user = await database_sync_to_async(make_user)()
        pair = await database_sync_to_async(sessions.sign_in)(user)
        issued = await database_sync_to_async(make_key)("read")
        for text in (pair.access, issued.text):
            principal = await authenticate(f"Bearer {text}")
            assert principal is not None
            assert await is_still_valid(principal)
        for wrong in (
            "",
            "Bearer",
            "Bearer mc_",
            f"Basic {pair.access}",
            f"Bearer {pair.refresh}",
            "Bearer é",
        ):
            assert await authenticate(wrong) is None

    async def test_what_was_revoked_is_refused(self) -> None:
        user = await database_sync_to_async(make_user)()
        pair = await database_sync_to_async(sessions.sign_in)(user)
        issued = await database_sync_to_async(make_key)("read")
        by_key = await authenticate(f"Bearer {issued.text}")
        by_token = await authenticate(f"Bearer {pair.access}")
        assert by_key is not None
        assert by_token is not None
        await database_sync_to_async(ApiKey.objects.all().revoke)()
        await database_sync_to_async(sessions.sign_out)(pair.refresh)
        assert await authenticate(f"Bearer {issued.text}") is None
        assert await authenticate(f"Bearer {pair.access}") is None
        assert not await is_still_valid(by_key)
        assert not await is_still_valid(by_token)

    async def test_a_missing_project_is_named(self) -> None:
        user = await database_sync_to_async(make_user)()
        pair = await database_sync_to_async(sessions.sign_in)(user)
        with pytest.raises(UnknownProjectError):
            await authenticate(f"Bearer {pair.access}", str(uuid.uuid4()))
