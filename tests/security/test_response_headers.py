"""Row 15: every answer carries the policy, whatever it is an answer to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from tests.accounts.people import make_user, sign_in

pytestmark = pytest.mark.django_db

UUID = "00000000-0000-4000-8000-000000000000"
SAMPLES = {"uuid": UUID, "int": "1", "slug": "some-slug", "str": "some", "path": "a/b.js"}


def every_route() -> list[str]:
    found: list[str] = []

    def walk(patterns: list[Any], prefix: str) -> None:
        for one in patterns:
            if isinstance(one, URLResolver):
                walk(one.url_patterns, prefix + _sample(str(one.pattern)))
            elif isinstance(one, URLPattern):
                found.append(prefix + _sample(str(one.pattern)))

    walk(get_resolver().url_patterns, "/")
    return sorted(set(found))


def _sample(pattern: str) -> str:
    if "(?P" in pattern or pattern.startswith("^"):
        return "some-page"
    return re.sub(r"<(?:(\w+):)?\w+>", lambda m: SAMPLES.get(m[1] or "str", "some"), pattern)


OTHERS = [
    "/",
    "/runs/7",
    "/login",
    "/assets/missing-abc.js",
    "/static/missing.css",
    "/static/config/page.css",
    "/static/admin/css/base.css",
    "/api/v1/nothing-here/",
    "/api/v1/me/?q=%00",
    "/api/nothing",
    "/admin/nothing/",
    "/healthz",
]


def check(answer: Any, path: str) -> None:
    headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy, path
    assert "frame-ancestors 'none'" in policy, path
    assert "unsafe-eval" not in policy, path
    if path != "/api/v1/docs/":
        assert "unsafe-inline" not in policy, path
    assert headers["X-Content-Type-Options"] == "nosniff", path
    assert headers["Referrer-Policy"] in ("no-referrer", "same-origin"), path
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", path
    assert headers["X-Frame-Options"] == "DENY", path
    assert "camera=()" in headers["Permissions-Policy"], path
    assert "Access-Control-Allow-Origin" not in headers, path
    assert not {"Server", "X-Powered-By"} & set(headers), path
    if path.startswith("/api/"):
        assert re.search(r"no-store|no-cache", headers["Cache-Control"]), path


def test_sec_15_every_route_and_every_miss_carries_the_headers() -> None:
    client = Client(raise_request_exception=False)
    routes = [*every_route(), *OTHERS]
    assert len(routes) > 20
    for path in routes:
        check(client.get(path), path)


def test_sec_15_every_api_route_carries_the_headers_for_a_signed_in_caller() -> None:
    token = sign_in(make_user("admin", is_staff=True))["access"]
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})
    for path in every_route():
        if path.startswith("/api/") and "claims" not in path:
            for method in ("get", "post", "delete", "trace"):
                check(getattr(client, method)(path), path)


def test_sec_15_a_server_error_carries_the_headers(settings: Settings) -> None:
    settings.FRONTEND_DIST = None  # makes the page's view fail
    answer = Client(raise_request_exception=False).get("/")
    assert answer.status_code == 500
    check(answer, "/")
    assert "Traceback" not in answer.content.decode()


def test_sec_15_strict_transport_is_demanded_over_https() -> None:
    assert "Strict-Transport-Security" not in Client().get("/").headers
    answer = Client().get("/", secure=True)
    assert answer["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")


class TestThePage:
    @pytest.fixture(autouse=True)
    def built(self, settings: Settings, tmp_path: Path) -> Path:
        (tmp_path / "assets").mkdir()
        (tmp_path / "index.html").write_text(
            '<script type="module" nonce="__CSP_NONCE__" src="/assets/a-1.js">'
        )
        (tmp_path / "assets" / "a-1.js").write_text("export {}")
        (tmp_path / "favicon.svg").write_text("<svg/>")
        settings.FRONTEND_DIST = settings.WHITENOISE_ROOT = tmp_path
        return tmp_path

    def test_sec_15_its_scripts_carry_the_nonce_of_the_policy_and_a_new_one_each_time(self) -> None:
        nonces = set()
        for path in ("/", "/runs/7?tab=steps", "/index.html"):
            answer = Client().get(path)
            nonce = re.search(r'nonce="([^"]+)"', answer.content.decode())
            assert nonce is not None
            assert "__CSP_NONCE__" not in answer.content.decode()
            policy = answer["Content-Security-Policy"]
            assert f"script-src 'nonce-{nonce[1]}' 'strict-dynamic'" in policy
            assert f"style-src 'self' 'nonce-{nonce[1]}'" in policy
            assert "require-trusted-types-for 'script'" in policy
            assert "base-uri 'none'" in policy
            assert "object-src 'none'" in policy
            assert "connect-src 'self'" in policy
            assert "form-action 'self'" in policy
            assert answer["Cache-Control"] == "no-cache"
            nonces.add(nonce[1])
        assert len(nonces) == 3

    def test_a_new_build_is_served_without_a_restart(self, built: Path) -> None:
        client = Client()
        assert b"a-1.js" in client.get("/").content
        (built / "index.html").write_text("new <b>__CSP_NONCE__</b> a-2.js")
        os.utime(built / "index.html", (1, 1))
        (built / "assets" / "a-2.js").write_text("2")
        assert b"a-2.js" in client.get("/").content
        assert client.get("/assets/a-2.js").content == b"2"

    def test_hashed_files_are_kept_for_ever_and_missing_ones_are_404(self) -> None:
        client = Client()
        found = client.get("/assets/a-1.js")
        assert found.status_code == 200
        assert "immutable" in found["Cache-Control"]
        assert found["Content-Type"].startswith("text/javascript")
        check(found, "/assets/a-1.js")
        for path in ("/assets/old-9.js", "/assets/", "/assets/../index.html", "/assets/%2e%2e/x.js"):
            assert client.get(path).status_code == 404, path
        assert client.get("/favicon.svg")["Content-Type"] == "image/svg+xml"

    def test_the_page_cannot_be_posted_to(self) -> None:
        assert Client().post("/").status_code == 405


def test_without_a_build_the_page_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    settings.FRONTEND_DIST = settings.WHITENOISE_ROOT = tmp_path / "dist"
    answer = Client().get("/")
    assert answer.status_code == 503
    assert b"npm --prefix frontend run build" in answer.content


def test_sec_15_the_deployment_check_has_nothing_to_say(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgres://u:p@127.0.0.1:1/x",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "Zk3-xY7_" * 8,
        "JWT_SIGNING_KEY": "q8V+mP2w" * 8,
        "HOST": "0.0.0.0",  # noqa: S104
        "ALLOWED_HOSTS": "control.example.org",
        "TRUSTED_PROXIES": "1",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=django_settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
