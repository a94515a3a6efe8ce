"""Row 3: nothing but an access token made here, for here, now, opens anything."""

from __future__ import annotations

import base64
import json
import re
import time
import warnings
from typing import Any

import jwt
import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.accounts import tokens
from apps.accounts.principal import authenticate_header
from tests.accounts.people import Caller, make_user, post, sign_in

pytestmark = pytest.mark.django_db


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def signed(claims: dict[str, Any], key: str | None = None, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key or settings.JWT_SIGNING_KEY, algorithm=algorithm)


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


@pytest.fixture
def good() -> str:
    return str(sign_in(make_user())["access"])


def refused(token: str) -> bool:
    return bool(Caller(token).get("me/").status_code == 401)


def test_sec_3_the_same_claims_signed_again_are_accepted(good: str) -> None:
    assert not refused(signed(claims_of(good)))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "HS256", ""])
def test_sec_3_an_unsigned_token_is_refused(good: str, algorithm: str) -> None:
    assert refused(unsigned(claims_of(good), algorithm))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_sec_3_another_algorithm_with_the_right_key_is_refused(good: str, algorithm: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the key is too short for SHA-512; that is the point
        assert refused(signed(claims_of(good), algorithm=algorithm))


def test_sec_3_the_secret_key_of_sessions_does_not_sign_tokens(good: str) -> None:
    assert settings.SECRET_KEY != settings.JWT_SIGNING_KEY
    assert refused(signed(claims_of(good), key=settings.SECRET_KEY))


@pytest.mark.parametrize(
    "change",
    [
        {"exp": int(time.time()) - 1},
        {"nbf": int(time.time()) + 600},
        {"aud": "another-service"},
        {"iss": "someone-else"},
        {"typ": "refresh"},
        {"typ": "sliding"},
        {"sub": "0"},
        {"sub": "999999999"},
        {"sub": "1e3"},
        {"sub": None},
        {"family": "00000000-0000-4000-8000-000000000000"},
        {"family": "not-a-uuid"},
        {"fingerprint": "0" * 24},
        {"exp": "never"},
        {"exp": 10**30},
    ],
    # Names that do not tell the time: a parallel run collects twice and compares.
    ids=lambda claims: re.sub(r"\d{10,}", "time", str(claims)),
)
def test_sec_3_a_token_with_one_wrong_claim_is_refused(good: str, change: dict[str, Any]) -> None:
    assert refused(signed(claims_of(good) | change))


@pytest.mark.parametrize(
    "name", ["exp", "aud", "iss", "typ", "jti", "sub", "family", "fingerprint", "username"]
)
def test_sec_3_a_token_without_one_of_its_claims_is_refused(good: str, name: str) -> None:
    claims = claims_of(good)
    del claims[name]
    assert refused(signed(claims))


def test_sec_3_a_refresh_token_opens_no_endpoint_and_an_access_token_refreshes_nothing() -> None:
    pair = sign_in(make_user())
    assert refused(pair["refresh"])
    assert post("auth/token/refresh/", {"refresh": pair["access"]}).status_code == 401


def test_sec_3_a_token_for_one_user_cannot_be_given_to_another(good: str) -> None:
    other = make_user()
    assert refused(signed(claims_of(good) | {"sub": str(other.pk)}))


@hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_sec_3_no_mutation_of_a_token_is_accepted(good: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(good) - 1))
    kind = data.draw(st.sampled_from(["replace", "insert", "delete", "cut", "double"]))
    letters = st.text("ABCabc019-_.=", min_size=1, max_size=4)
    if kind == "replace":
        mutated = good[:place] + data.draw(letters) + good[place + 1 :]
    elif kind == "insert":
        mutated = good[:place] + data.draw(letters) + good[place:]
    elif kind == "delete":
        mutated = good[:place] + good[place + 1 :]
    elif kind == "cut":
        mutated = good[:place]
    else:
        mutated = good + "." + good
    if _same_signature_bits(mutated, good):
        return
    assert tokens.verify(mutated) is None
    assert authenticate_header(f"Bearer {mutated}") is None


def _same_signature_bits(mutated: str, good: str) -> bool:
    """Base64 of 32 bytes has two spare bits, so four last letters spell the same signature."""

    def bits(token: str) -> list[bytes] | None:
        try:
            parts = token.split(".")
            return [part.encode() for part in parts[:2]] + [
                base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts[2:]
            ]
        except ValueError:
            return None

    return bits(mutated) == bits(good)


@given(header=st.text(max_size=200))
@hypothesis_settings(max_examples=200, deadline=None)
def test_sec_3_no_text_in_the_header_is_a_server_error(header: str) -> None:
    for value in (header, f"Bearer {header}", f"Bearer mc_{header}", f"Bearer eyJ{header}"):
        assert authenticate_header(value) is None
