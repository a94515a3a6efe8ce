"""Row 21, as far as logs and error answers go."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.models import Role
from config.logging import REDACTED, configure, redact
from tests.accounts.people import PASSWORD, caller, make_key, make_user, post, sign_in

KEY = "mc_AbCd1234_" + "s3cr3t" * 8 + "x"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNlY3JldA"
TICKET = "Tick3t-secret_value-0123456789abcdefghijklm"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        (f"authorization=Bearer {KEY}", "s3cr3t"),
        (f"GET /ws/dashboard/?token={TOKEN}", "c2lnbmF0dXJl"),
        (f"Sec-WebSocket-Protocol: dashboard, ticket.{TICKET}", TICKET),
        (f'{{"type":"authenticate","ticket":"{TICKET}"}}', TICKET),
        ("Cookie: mc_refresh=abcdefgh; sessionid=qwertyuiop", "qwertyuiop"),
        ("Set-Cookie: __Host-mc_refresh=abcdefgh; Path=/", "abcdefgh"),
        ('{"username": "ada", "password": "hunter2!"}', "hunter2"),
        ("postgres://mc:hunter2@db:5432/mc", "hunter2"),
        ("redis://:hunter2@cache:6379/0", "hunter2"),
        ("key sk-proj-abcdef0123456789 is wrong", "abcdef0123456789"),
        (f"{KEY} was refused", "s3cr3t"),
    ],
)
def test_sec_21_a_secret_in_a_text_is_taken_out(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert REDACTED in redact(text)


def test_a_keys_public_part_stays_so_that_its_owner_can_be_found() -> None:
    assert "mc_AbCd1234_" in redact(KEY)


@pytest.mark.parametrize(
    "text", ["step.started run 7", "12 input tokens", "access to /runs/7 took 12 ms", "https://a.b/c?x=1"]
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=500))
def test_redacting_never_fails_and_never_runs_away(text: str) -> None:
    redact(text * 20)


@pytest.fixture(params=["console", "json"])
def log(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    """The real formatter on a stream, for every logger."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    settings = configure("INFO", request.param)["formatters"]["structured"]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=settings["processors"], foreign_pre_chain=settings["foreign_pre_chain"]
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def test_sec_21_secrets_are_taken_out_of_values_nested_ones_and_exceptions(log: StringIO) -> None:
    ours = structlog.stdlib.get_logger("apps.sample")
    ours.info(
        "called", authorization=f"Bearer {TOKEN}", body={"password": PASSWORD, "deep": [{"ticket": TICKET}]}
    )
    ours.info("called", url=f"/x?key={KEY}", raw=KEY.encode(), headers=[("cookie", f"a={TOKEN}")])
    logging.getLogger("some.library").warning("refused %s", KEY, extra={"status_code": 401})
    try:
        raise ValueError(f"cannot use {KEY}")
    except ValueError:
        ours.exception("failed")
        logging.getLogger("some.library").exception("failed for %s", TOKEN)
    text = log.getvalue()
    assert "ValueError" in text
    for secret in ("s3cr3t", PASSWORD, TICKET, "c2lnbmF0dXJl"):
        assert secret not in text, text


def test_a_line_break_in_a_value_does_not_begin_a_line(log: StringIO) -> None:
    forged = "ada\r\n2026-01-01 [info] all is well\x1b[2J"
    structlog.stdlib.get_logger("apps.sample").info("refused", username=forged)
    logging.getLogger("some.library").warning("refused %s", forged)
    assert len(log.getvalue().strip().splitlines()) == 2
    assert "\x1b[2J" not in log.getvalue()


def test_json_lines_are_json(log: StringIO) -> None:
    structlog.stdlib.get_logger("apps.sample").info("step.started", run=7)
    line = log.getvalue().strip()
    if line.startswith("{"):
        body = json.loads(line)
        assert body["event"] == "step.started"
        assert body["run"] == 7
        assert body["level"] == "info"
        assert body["timestamp"].endswith("Z")


@pytest.mark.django_db
def test_sec_21_canaries_pushed_through_the_doors_are_not_in_the_log(log: StringIO) -> None:
    admin = make_user(Role.ADMIN)
    pair = sign_in(admin)
    issued = make_key("read")
    who = caller(admin)
    canaries = ["canary-password-77", pair["access"], pair["refresh"], issued.text, who.token]
    ticket = who.post("auth/socket-ticket/").json()["ticket"]
    canaries.append(ticket)
    answers: list[Any] = [
        post("auth/token/", {"username": admin.username, "password": "canary-password-77"}),
        post("auth/token/refresh/", {"refresh": pair["refresh"] + "x"}),
        post("auth/logout/", {"refresh": pair["refresh"]}),
        Client().get(f"/api/v1/{pair['access']}/", headers={"Authorization": f"Bearer {issued.text}x"}),
        Client().get(f"/api/v1/me/?token={pair['access']}&ticket={ticket}"),
        Client(raise_request_exception=False).get(f"/api/v1/keys/?cursor={issued.text}"),
        who.post("keys/", {"name": "x", "scopes": [issued.text]}),
    ]
    for answer in answers[:6]:
        assert all(canary not in answer.content.decode() for canary in canaries)
    assert all(canary not in log.getvalue() for canary in canaries)
