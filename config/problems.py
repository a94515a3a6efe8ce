"""Every error the server answers, as RFC 9457 problem documents under `/api/`, else as a page."""

from __future__ import annotations

import http
import logging
import math
from collections.abc import Mapping
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from rest_framework import exceptions
from rest_framework.response import Response

from apps.errors import DomainError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
API_PREFIX = "/api/"


class PayloadTooLarge(exceptions.APIException):
    status_code = 413
    default_detail = "The body is larger than this server accepts."
    default_code = "payload_too_large"


class DatabaseAway(exceptions.APIException):
    status_code = 503
    default_detail = "The database does not answer. Nothing was changed; try again in a moment."
    default_code = "database_away"
    wait = 5


def document(status: int, detail: str = "", errors: dict[str, list[str]] | None = None) -> dict[str, Any]:
    """`type, title, status, detail` and, for wrong fields, `errors` by field name."""
    known = http.HTTPStatus(status)
    title = known.phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    body["detail"] = detail or known.description or title
    if errors:
        body["errors"] = errors
    return body


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. What it does not know, Django logs and `server_error` answers."""
    if isinstance(error, DomainError):
        errors = {name: list(texts) for name, texts in error.errors.items()}
        detail = str(error) or (type(error).__doc__ or "").strip()
        return _response(error.problem_status, detail, errors, members=error.members)
    known = _as_api_error(error)
    if known is None:
        return None
    headers: dict[str, str] = {}
    if challenge := getattr(known, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(known, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if not isinstance(known, exceptions.ValidationError):
        return _response(known.status_code, str(known.detail), {}, headers)
    errors = field_errors(known.detail)
    general = errors.pop("", []) or [f"{name}: {' '.join(texts)}" for name, texts in errors.items()][:3]
    return _response(known.status_code, " ".join(general), errors, headers)


def _response(
    status: int,
    detail: str,
    errors: dict[str, list[str]],
    headers: dict[str, str] | None = None,
    *,
    members: Mapping[str, Any] | None = None,
) -> Response:
    _roll_back()
    body = {**(members or {}), **document(status, detail, errors)}
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def _roll_back() -> None:
    from rest_framework.views import set_rollback  # its module imports ours while being made

    set_rollback()


def _as_api_error(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound(str(error) if error.args and isinstance(error.args[0], str) else None)
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, DjangoValidationError):
        return exceptions.ValidationError(exceptions.ErrorDetail(" ".join(error.messages)))
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.warning("answered 503: %s", type(error).__name__, exc_info=error)
        return DatabaseAway()
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError("The request is malformed.")
    return None


def field_errors(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Nested messages as `{"steps.0.name": ["…"]}`; those of no field under the empty name."""
    found: dict[str, list[str]] = {}
    if isinstance(detail, dict):
        for name, inner in detail.items():
            here = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            _merge(found, field_errors(inner, here))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            if isinstance(inner, (dict, list)):
                _merge(found, field_errors(inner, f"{path}.{index}" if path else str(index)))
            else:
                found.setdefault(path, []).append(str(inner))
    else:
        found.setdefault(path, []).append(str(detail))
    return found


def _merge(into: dict[str, list[str]], more: dict[str, list[str]]) -> None:
    for name, texts in more.items():
        into.setdefault(name, []).extend(texts)


def answer(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    """An error that did not come from a DRF view."""
    body = document(status, detail)
    if request.path_info.startswith(API_PREFIX):
        return HttpResponse(orjson.dumps(body), status=status, content_type=MEDIA_TYPE)
    return HttpResponse(render_to_string("problem.html", body), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400, "The request is malformed.")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 404, "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    mark = getattr(request, "request_id", "")
    return answer(request, 500, f"The server failed. Its log has the reason under request {mark}.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, 403, "The form is too old or came from another site. Reload the page.")
