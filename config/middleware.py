"""What every Django response carries, and what no request may."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from config import problems, security

ADMIN_PREFIX = "/admin/"
DOCS_PATH = "/api/v1/docs/"
LINK_PREFIX = "/approve/"
NUL = re.compile(r"%00|\x00")

# For answers that do not pass through Django, such as the dashboard's ready bytes.
API_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", security.PERMISSIONS_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class EnvelopeMiddleware:
    """Outermost: names the request for the log, refuses impossible ones, sets the fixed headers."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = uuid.uuid4().hex[:16]
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = _refusal(request) or self.get_response(request)
        response.headers["X-Request-Id"] = request_id
        _set_headers(request, response)
        return response


class PolicyMiddleware(CSPMiddleware):
    """The nonce policy everywhere, except on pages that are not ours to change."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if parts.replace is None:
            parts.replace = _policy_of(request.path_info)
        return parts


def _policy_of(path: str) -> dict[str, Any] | None:
    if path.startswith(ADMIN_PREFIX):
        return security.ADMIN_POLICY
    if path.startswith(LINK_PREFIX):
        return security.LINK_POLICY
    if path == DOCS_PATH:
        return security.DOCS_POLICY
    return None


def _refusal(request: HttpRequest) -> HttpResponse | None:
    # PostgreSQL has no NUL in text: without this, `?q=%00` is a 500 of the database driver.
    if NUL.search(request.META.get("QUERY_STRING", "")) or "\0" in request.path_info:
        return problems.answer(request, 400, "The address contains the NUL character.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    limit = settings.MC.max_body_bytes
    if not length.isdigit() or int(length) > limit:
        return problems.answer(request, 413, f"The body is larger than {limit} bytes.")
    return None


def _set_headers(request: HttpRequest, response: HttpResponseBase) -> None:
    headers = response.headers
    headers["Permissions-Policy"] = security.PERMISSIONS_POLICY
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    # With no-referrer a browser posts forms with `Origin: null`, which Django's CSRF check must
    # refuse: the admin's forms would never arrive.
    forms = request.path_info.startswith(ADMIN_PREFIX)
    headers["Referrer-Policy"] = "same-origin" if forms else "no-referrer"
    if request.path_info.startswith(problems.API_PREFIX):
        headers.setdefault("Cache-Control", "no-store")
    if "Content-Security-Policy" not in headers:  # refused before the policy was reached
        headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
