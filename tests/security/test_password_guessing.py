"""Rows 5 and 6: five tries, whoever you say you are, and no way to tell who exists."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from apps.accounts.api.throttles import SignInThrottle
from tests.accounts.people import PASSWORD, make_user, post
from tests.rig import mode

pytestmark = pytest.mark.django_db


def attempt(username: str, password: str, ip: str = "203.0.113.7", **headers: Any) -> int:
    body = {"username": username, "password": password}
    return int(post("auth/token/", body, ip=ip, **headers).status_code)


def test_sec_5_the_sixth_try_is_429_and_says_when_to_come_back() -> None:
    user = make_user()
    assert [attempt(user.username, "wrong") for _ in range(5)] == [401] * 5
    answer = post("auth/token/", {"username": user.username, "password": "wrong"}, ip="203.0.113.7")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 900
    assert answer["Content-Type"] == "application/problem+json"


def test_sec_5_the_right_password_during_a_lock_is_429_too() -> None:
    user = make_user()
    for _ in range(5):
        attempt(user.username, "wrong")
    assert attempt(user.username, PASSWORD) == 429


def test_sec_5_a_lock_holds_for_one_address_only_and_ends() -> None:
    user = make_user()
    for _ in range(6):
        attempt(user.username, "wrong")
    assert attempt(user.username, PASSWORD, ip="198.51.100.9") == 200
    assert attempt(user.username, PASSWORD) == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert attempt(user.username, PASSWORD) == 200


def test_sec_5_tries_during_a_lock_do_not_prolong_it() -> None:
    user = make_user()
    for _ in range(5):
        attempt(user.username, "wrong")
    before = AccessAttempt.objects.get().attempt_time
    attempt(user.username, "wrong")
    assert AccessAttempt.objects.get().attempt_time == before


def test_sec_5_a_success_forgets_earlier_mistakes() -> None:
    user = make_user()
    for _ in range(4):
        attempt(user.username, "wrong")
    assert attempt(user.username, PASSWORD) == 200
    assert [attempt(user.username, "wrong") for _ in range(5)] == [401] * 5


def test_sec_5_one_address_may_not_try_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    minute = time.time()
    monkeypatch.setattr(SignInThrottle, "timer", staticmethod(lambda: minute))
    answers = [attempt(f"name-{number}", "wrong") for number in range(61)]
    assert answers[:60] == [401] * 60
    assert answers[60] == 429, (SignInThrottle().rate, cache.get("throttle:sign_in:203.0.113.7"))


def test_sec_5_no_password_is_kept_with_the_counted_tries() -> None:
    attempt("someone", "hunter2-secret")
    assert "hunter2" not in str(list(AccessAttempt.objects.values()))


class SlowEnough(PBKDF2PasswordHasher):
    """Some 30 ms: what skipping it would save stands out, and the test still ends."""

    iterations = 100_000


def test_sec_5_an_unknown_name_gets_the_same_answer_in_the_same_time(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{SlowEnough.__module__}.SlowEnough"]
    settings.AXES_ENABLED = False
    known = make_user().username
    make_user(is_active=False, username="disabled")
    took: dict[str, list[float]] = {known: [], "nobody-here": [], "disabled": []}
    bodies = set()
    for _ in range(67):
        for name, times in took.items():
            cache.clear()
            # The thread's own time: what other processes of the machine do does not blur it.
            begun = time.thread_time()
            answer = post("auth/token/", {"username": name, "password": "wrong"})
            times.append(time.thread_time() - begun)
            bodies.add((answer.status_code, answer.content))
    assert len(bodies) == 1
    medians = [statistics.median(times) for times in took.values()]
    assert min(medians) > 0.010
    assert max(medians) - min(medians) < 0.010


def test_sec_6_a_forged_forwarding_header_does_not_escape_the_lock() -> None:
    user = make_user()
    for number in range(5):
        attempt(user.username, "wrong", X_Forwarded_For=f"192.0.2.{number}")
    assert attempt(user.username, PASSWORD, X_Forwarded_For="192.0.2.77") == 429


def test_sec_6_behind_a_proxy_only_what_it_wrote_counts(settings: Settings) -> None:
    settings.MC = settings.MC.model_copy(update={"trusted_proxies": 1})
    user = make_user()
    for number in range(5):
        attempt(user.username, "wrong", X_Forwarded_For=f"192.0.2.{number}, 203.0.113.50")
    assert attempt(user.username, PASSWORD, X_Forwarded_For="192.0.2.99, 203.0.113.50") == 429
    assert attempt(user.username, PASSWORD, X_Forwarded_For="203.0.113.51") == 200


def test_sec_6_rubbish_in_the_forwarding_header_is_the_peer(settings: Settings) -> None:
    settings.MC = settings.MC.model_copy(update={"trusted_proxies": 2})
    user = make_user()
    for rubbish in ("", ",", "<script>", "a" * 5000, "999.1.1.1"):
        assert attempt(user.username, "wrong", X_Forwarded_For=rubbish) == 401
    assert attempt(user.username, PASSWORD) == 429


@pytest.mark.skipif(mode.current() == "embedded", reason="embedded has no Redis")
def test_sec_5_without_redis_people_can_sign_in_and_guessing_is_still_stopped(
    settings: Settings,
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:9",
        }
    }
    user = make_user()
    assert attempt(user.username, PASSWORD) == 200
    assert [attempt(user.username, "wrong") for _ in range(6)] == [401] * 5 + [429]


def test_sec_5_the_admin_has_the_same_lock() -> None:
    user = make_user(is_staff=True)
    client = Client(REMOTE_ADDR="203.0.113.8")
    for _ in range(5):
        answer = client.post("/admin/login/", {"username": user.username, "password": "wrong"})
        assert answer.status_code == 200
    answer = client.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    # The two doors share one count.
    assert attempt(user.username, PASSWORD, ip="203.0.113.8") == 429
