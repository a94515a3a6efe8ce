"""Rows 9 and 17 for triggers: only a good signature starts anything, and a wrong one learns nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import pytest
from django.core import serializers
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.accounts.models import Project, Role
from apps.agents import signatures
from apps.workflows.models import Run, Trigger, Workflow
from tests.accounts.people import Caller, caller, make_user
from tests.workflows.acting import make_project, make_workflow
from tests.workflows.starting import deliver, patch, send, trigger_body

pytestmark = pytest.mark.django_db

BODY = b'{"text": "x"}'


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def workflow(project: Project) -> Workflow:
    return make_workflow(project, {"a": {}})


@pytest.fixture
def admin(project: Project) -> Caller:
    return caller(make_user(Role.ADMIN, project, "ada"))


@pytest.fixture
def trigger(admin: Caller, workflow: Workflow) -> dict[str, Any]:
    row: dict[str, Any] = admin.post("triggers/", trigger_body(workflow, {})).json()
    return row


def signed(secret: str, *, at: int | None = None, name: str = "msg_1", body: bytes = BODY) -> dict[str, str]:
    timestamp = int(time.time()) if at is None else at
    return {
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures.sign(secret, name, timestamp, body),
    }


def test_the_signature_is_the_one_of_standard_webhooks() -> None:
    # The example of the specification's reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    made = signatures.sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_signature_is_the_one_of_github() -> None:
    # The example of GitHub's documentation.
    made = signatures.sign_github("It's a Secret to Everybody", b"Hello, World!")
    assert made == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_anybody_can_sign_with_a_shell(trigger: dict[str, Any]) -> None:
    """As the screen says how: openssl with the key's bytes in hexadecimal."""
    key = base64.b64decode(trigger["secret"].removeprefix("whsec_"))
    assert len(key) == 32
    timestamp = str(int(time.time()))
    made = hmac.new(key, b"msg_1." + timestamp.encode() + b"." + BODY, hashlib.sha256).digest()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": timestamp}
    headers["webhook-signature"] = "v1," + base64.b64encode(made).decode()
    assert send(trigger["address"], BODY, headers).status_code == 201


WRONG: dict[str, dict[str, str]] = {
    "no id": {"webhook-id": ""},
    "another id": {"webhook-id": "msg_2"},
    "an id that is too long": {"webhook-id": "m" * 256},
    "no timestamp": {"webhook-timestamp": ""},
    "another timestamp": {"webhook-timestamp": str(int(time.time()) - 1)},
    "a timestamp that is no number": {"webhook-timestamp": "now"},
    "a timestamp of other digits": {"webhook-timestamp": "²"},
    "an endless timestamp": {"webhook-timestamp": "9" * 4000},
    "no signature": {"webhook-signature": ""},
    "another version": {"webhook-signature": "v2,AAAA"},
    "half a signature": {"webhook-signature": "v1,"},
    "letters of elsewhere": {"webhook-signature": "v1,ÿé"},
    "many signatures": {"webhook-signature": " ".join(["v1,AAAA"] * 500)},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_signature_is_told_nothing(trigger: dict[str, Any], case: str) -> None:
    refused(trigger["address"], BODY, {**signed(trigger["secret"]), **WRONG[case]})


def refused(address: str, body: bytes, headers: dict[str, str]) -> None:
    answer = send(address, body, headers)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The signature is missing or wrong."
    assert answer.headers["WWW-Authenticate"] == "Signature"
    assert not Run.objects.exists()
    assert Trigger.objects.get().last_at is None


def test_another_body_another_trigger_and_no_trigger_are_the_same_refusal(
    admin: Caller, workflow: Workflow, trigger: dict[str, Any]
) -> None:
    refused(trigger["address"], BODY + b" ", signed(trigger["secret"]))
    refused(f"/api/v1/hooks/{uuid.uuid4()}/", BODY, signed(trigger["secret"]))
    refused(trigger["address"], BODY, {})
    refused(trigger["address"], BODY, {"Authorization": f"Bearer {admin.token}"})
    refused(trigger["address"], BODY, {"X-Hub-Signature-256": "sha256=00", "X-GitHub-Delivery": "d"})
    refused(trigger["address"], BODY, {"X-Hub-Signature-256": "ÿ", "X-GitHub-Delivery": "d"})
    other = admin.post("triggers/", trigger_body(workflow, {})).json()
    answer = send(other["address"], BODY, signed(trigger["secret"]))
    assert answer.status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(-299, 201), (-302, 401), (290, 201), (310, 401)])
def test_a_signature_is_good_for_five_minutes(trigger: dict[str, Any], seconds: int, status: int) -> None:
    at = int(time.time()) + seconds
    assert send(trigger["address"], BODY, signed(trigger["secret"], at=at)).status_code == status


def test_a_sender_may_sign_with_the_old_and_the_new_secret(trigger: dict[str, Any]) -> None:
    headers = signed(trigger["secret"])
    headers["webhook-signature"] = f"v1,AAAA v1a,BBBB {headers['webhook-signature']}"
    assert send(trigger["address"], BODY, headers).status_code == 201


def test_a_new_secret_makes_the_old_one_worthless_at_once(admin: Caller, trigger: dict[str, Any]) -> None:
    renewed = admin.post(f"triggers/{trigger['id']}/secret/").json()
    assert renewed["secret"] != trigger["secret"]
    assert (trigger["secret_version"], renewed["secret_version"]) == (1, 2)
    assert deliver(trigger, {"text": "x"}).status_code == 401
    assert deliver(renewed, {"text": "x"}).status_code == 201


def test_the_secret_is_stored_nowhere_and_shown_once(admin: Caller, trigger: dict[str, Any]) -> None:
    stored = serializers.serialize("json", Trigger.objects.all())
    for part in (trigger["secret"], trigger["secret"][10:30]):
        assert part not in stored
        assert part not in admin.get("triggers/").content.decode()
        assert part not in admin.get(f"triggers/{trigger['id']}/").content.decode()
        assert part not in patch(admin, f"triggers/{trigger['id']}/", {"priority": 1}).content.decode()
        assert part not in admin.get("events/").content.decode()


def test_secrets_differ_by_trigger_and_by_server(
    admin: Caller, workflow: Workflow, trigger: dict[str, Any], settings: Any
) -> None:
    other = admin.post("triggers/", trigger_body(workflow, {})).json()
    assert other["secret"] != trigger["secret"]
    settings.SECRET_KEY = "the key of another server, which knows none of these"
    assert deliver(trigger, {"text": "x"}).status_code == 401


def test_only_so_many_requests_come_from_one_address_and_none_of_them_is_looked_at(
    trigger: dict[str, Any], django_assert_num_queries: Any
) -> None:
    codes = {send(trigger["address"], BODY, {}).status_code for _ in range(600)}
    assert codes == {401}
    headers = signed(trigger["secret"])
    with django_assert_num_queries(0):
        held = send(trigger["address"], BODY, headers)
    assert held.status_code == 429
    assert int(held.headers["Retry-After"]) <= 60
    elsewhere = send(trigger["address"], BODY, headers, REMOTE_ADDR="10.1.2.3")
    assert elsewhere.status_code == 201


def test_a_request_without_a_signature_costs_no_query_and_one_with_a_wrong_one_costs_one(
    trigger: dict[str, Any], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert send(trigger["address"], BODY, {}).status_code == 401
    with django_assert_num_queries(1):
        assert send(trigger["address"], BODY, signed("whsec_" + "A" * 44)).status_code == 401


HOSTILE: dict[str, tuple[bytes, int]] = {
    "deep": (b'{"a":' * 40 + b"1" + b"}" * 40, 400),
    "no JSON": (b"{", 400),
    "NUL": (b'{"text": "a\\u0000b"}', 400),
    "half a pair": (b'{"text": "\\ud800"}', 400),
    "a huge number": (b'{"text": 9223372036854775808}', 400),
    "many keys": (json.dumps({str(n): n for n in range(20_000)}).encode(), 400),
    "too long": (b'{"text": "' + b"x" * 6_000_000 + b'"}', 413),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_body_is_refused_also_when_signed(trigger: dict[str, Any], case: str) -> None:
    body, status = HOSTILE[case]
    assert send(trigger["address"], body, signed(trigger["secret"], body=body)).status_code == status
    assert not Run.objects.exists()


def test_another_content_type_is_refused(trigger: dict[str, Any]) -> None:
    body = b"payload=%7B%7D"
    headers = signed(trigger["secret"], body=body)
    form = "application/x-www-form-urlencoded"
    answer = Client().post(trigger["address"], body, content_type=form, headers=headers)
    assert answer.status_code == 415


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.text(st.characters(codec="latin-1"), max_size=40),
    timestamp=st.text(st.characters(codec="latin-1"), max_size=14),
    signature=st.text(st.characters(codec="latin-1"), max_size=80),
    body=st.binary(max_size=60),
)
def test_whatever_is_sent_is_answered_and_never_believed(
    trigger: dict[str, Any], name: str, timestamp: str, signature: str, body: bytes
) -> None:
    headers = {"webhook-id": name, "webhook-timestamp": timestamp, "webhook-signature": signature}
    assert not signatures.is_signed(trigger["secret"], headers, body, time.time())
    headers = {"x-hub-signature-256": signature, "x-github-delivery": name}
    assert not signatures.is_signed(trigger["secret"], headers, body, time.time())
