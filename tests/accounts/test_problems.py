"""Every error is a problem document under /api/, and a readable page elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.accounts.people import caller, make_user, post

pytestmark = pytest.mark.django_db


@pytest.fixture
def failing(settings: Settings) -> Client:
    settings.ROOT_URLCONF = "tests.accounts.failing_urls"
    return Client(raise_request_exception=False)


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    assert body["detail"]
    return body


@pytest.mark.parametrize(
    ("name", "status", "detail"),
    [
        ("conflict", 409, "The run is over."),
        ("silent-conflict", 409, "somebody else was first"),
        ("reused", 422, "Another body."),
        ("input", 400, "input.title: Is required."),
        ("denied", 403, "Not you."),
        ("suspicious", 400, "malformed"),
        ("crash", 500, "request"),
    ],
)
def test_an_error_of_a_view_says_what_happened(failing: Client, name: str, status: int, detail: str) -> None:
    answer = failing.get(f"/api/v1/failing/{name}/")
    body = problem(answer, status)
    assert detail in body["detail"]
    assert "secret inside" not in answer.content.decode()


def test_a_failure_names_the_request_that_the_log_describes(failing: Client) -> None:
    answer = failing.get("/api/v1/failing/crash/")
    assert answer["X-Request-Id"] in answer.json()["detail"]


def test_wrong_fields_are_named_by_their_path(failing: Client) -> None:
    def send(body: object) -> dict[str, Any]:
        answer = failing.post("/api/v1/failing/x/", body, content_type="application/json")
        return problem(answer, 400)

    assert "steps" in send({})["errors"]
    assert "steps.1.name" in send({"steps": [{"name": "a"}, {}]})["errors"]
    whole = send({"steps": []})
    assert whole["detail"] == "Both ends are the same."
    assert "errors" not in whole


def test_what_is_not_there_or_not_allowed_is_a_problem_too() -> None:
    problem(Client().get("/api/v1/nothing/"), 404)
    problem(Client().get("/api/"), 404)
    problem(caller(make_user()).get("keys/00000000-0000-4000-8000-000000000000/"), 403)
    problem(Client().get("/api/v1/auth/token/"), 405)
    problem(Client().trace("/api/v1/auth/token/"), 405)
    problem(Client().post("/api/v1/auth/token/", b"{", content_type="application/json"), 400)
    problem(Client().post("/api/v1/auth/token/", b"a", content_type="text/plain"), 415)
    problem(caller(make_user()).get("me/", headers={"Accept": "text/html"}), 406)
    problem(post("auth/token/", {"username": "x", "password": "y"}), 401)


def test_a_host_that_is_not_ours_is_refused() -> None:
    problem(Client().get("/api/v1/me/", headers={"Host": "evil.example"}), 400)


def test_outside_the_api_errors_are_pages(failing: Client) -> None:
    for path, status in (("/crash/", 500), ("/assets/x.js", 404), ("/admin/login/", 200)):
        answer = failing.get(path)
        assert answer.status_code == status
        assert answer["Content-Type"].startswith("text/html")
        assert "secret inside" not in answer.content.decode()


def test_an_old_form_is_refused_with_a_page() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"})
    assert answer.status_code == 403
    assert "Reload the page" in answer.content.decode()
