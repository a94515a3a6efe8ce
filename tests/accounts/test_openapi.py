"""The API's description: true, complete, up to date, and for those signed in only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from openapi_spec_validator import OpenAPIV31SpecValidator

from apps.accounts.models import Role
from apps.events.kinds import all_event_classes
from config import openapi
from tests.accounts.people import PASSWORD, caller, make_key, make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi.document())
    return found


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_the_committed_document_is_not_stale(document: dict[str, Any]) -> None:
    committed = json.loads((settings.BASE_DIR / "frontend" / "openapi.json").read_text())
    assert committed == document, "run `make schema`"


def test_every_call_describes_its_errors(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            problem = operation["responses"]["default"]["content"]["application/problem+json"]
            assert problem["schema"]["$ref"].endswith("/Problem"), (path, method)


def test_every_call_has_a_name_of_its_own_and_says_what_it_does(document: dict[str, Any]) -> None:
    calls = [one for operations in document["paths"].values() for one in operations.values()]
    names = [one["operationId"] for one in calls]
    assert len(names) == len(set(names))
    assert [one["operationId"] for one in calls if not one.get("description")] == []


def test_every_socket_message_is_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    words = set(schemas["SocketEvent"]["discriminator"]["mapping"])
    assert words == {cls.wire_type() for cls in all_event_classes() if cls.__module__.startswith("apps.")}
    assert {"agent_status_change", "workflow_update", "system_alert"} <= words
    for reference in schemas["SocketEvent"]["discriminator"]["mapping"].values():
        assert "type" in schemas[reference.rpartition("/")[2]]["properties"]


def test_only_callers_may_read_it() -> None:
    for path in ("/api/v1/schema/", "/api/v1/docs/"):
        assert Client().get(path).status_code == 401


def test_a_token_a_key_a_refresh_cookie_or_an_admin_session_opens_it() -> None:
    user = make_user(Role.VIEWER)
    assert caller(user).get("schema/").json()["openapi"].startswith("3.1")
    assert caller(user).get("docs/").status_code == 200

    browser = Client()
    browser.cookies["mc_refresh"] = sign_in(user)["refresh"]
    assert browser.get("/api/v1/docs/").status_code == 200
    assert browser.get("/api/v1/schema/").status_code == 200
    # The cookie opens the documents and nothing else.
    assert browser.get("/api/v1/me/").status_code == 401

    staff = make_user(None, is_staff=True)
    admin = Client()
    admin.post("/admin/login/", {"username": staff.username, "password": PASSWORD})
    assert admin.get("/api/v1/docs/").status_code == 200
    assert admin.get("/api/v1/me/").status_code == 401

    key = make_key("read").text
    answer = Client().get("/api/v1/schema/", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def test_swagger_comes_from_this_server_without_inline_scripts() -> None:
    client = Client()
    client.cookies["mc_refresh"] = sign_in(make_user())["refresh"]
    page = client.get("/api/v1/docs/").content.decode()
    assert "//" not in page.replace("<!--", "").replace("http://www.w3.org", "")
    assert "<script>" not in page
    script = client.get("/api/v1/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert (
        client.get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js").status_code == 200
    )
