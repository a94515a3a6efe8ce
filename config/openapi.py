"""The OpenAPI 3.1 document: every endpoint, the problem document, and every socket message."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import orjson
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import sessions
from apps.accounts.api.auth import cookie_name
from apps.accounts.api.authentication import BearerAuthentication
from apps.accounts.models import User
from apps.agents.api.callbacks import CallbackAuthentication
from apps.events.kinds import all_event_classes, all_tick_classes
from config import problems
from config.api import ORJSONRenderer

EVENT_MODULES = ("apps.agents.events", "apps.workflows.events", "apps.monitoring.events")
COLUMN_LIMITS = (2**15 - 1, 2**31 - 1, 2**63 - 1)
REFERENCE = "#/components/schemas/{model}"

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "Messages by field name, when fields were wrong.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = ["accessToken", "apiKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token of `POST auth/token/`, good for five minutes.",
            },
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "mc_…",
                "description": "An API key of `POST keys/`; its scopes say what it may do.",
            },
        ]


class CallbackScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = CallbackAuthentication
    name = "callbackToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "mcb_…",
            "description": "The token that an agent's endpoint got with its work; good for that attempt.",
        }


def finish(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Adds what no view says: the error answer of every call, and the socket's messages."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    reference = {"$ref": REFERENCE.format(model="Problem")}
    failure = {"description": "An error.", "content": {problems.MEDIA_TYPE: {"schema": reference}}}
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", failure)
    _forget_the_database(schemas)
    schemas.update(socket_messages())
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _forget_the_database(schemas: dict[str, Any]) -> None:
    """An integer column's range differs between SQLite and PostgreSQL; no promise of the API."""
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            if field.get("maximum") in COLUMN_LIMITS:
                for name in ("maximum", "minimum", "format"):
                    field.pop(name, None)


def socket_messages() -> dict[str, Any]:
    """The JSON Schema of every event and tick class, and `SocketEvent` and `SocketTick`, which are
    any of them."""
    for module in EVENT_MODULES:
        importlib.import_module(module)
    events = [cls for cls in all_event_classes() if cls.__module__.startswith("apps.")]
    ticks = [cls for cls in all_tick_classes() if cls.__module__.startswith("apps.")]
    classes: list[type[BaseModel]] = [*events, *ticks]
    if not classes:
        return {}
    _, document = models_json_schema([(cls, "serialization") for cls in classes], ref_template=REFERENCE)
    found: dict[str, Any] = document.get("$defs", {})
    found["SocketEvent"] = _any_of(
        {cls.wire_type(): cls.__name__ for cls in events},
        "One message of the socket, told apart by `type`.",
    )
    found["SocketTick"] = _any_of(
        {cls.wire_type(): cls.__name__ for cls in ticks},
        "A message that has no position in the journal and may be lost, told apart by `type`.",
    )
    return found


def _any_of(names: dict[str, str], description: str) -> dict[str, Any]:
    references = {word: REFERENCE.format(model=name) for word, name in names.items()}
    return {
        "description": description,
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "type", "mapping": references},
    }


@cache
def document() -> bytes:
    """The whole document; it cannot change while the process runs."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    schema = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return orjson.dumps(schema, option=orjson.OPT_NON_STR_KEYS)


class CookieAuthentication(BaseAuthentication):
    """The browser of someone signed in, by the refresh cookie; for reading the docs only."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        token = request.COOKIES.get(cookie_name())
        user = sessions.owner_of(token) if token else None
        return (user, None) if user is not None else None


class IsSignedIn(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return getattr(request.user, "is_authenticated", False)


READERS: tuple[type[BaseAuthentication], ...] = (
    BearerAuthentication,
    CookieAuthentication,
    SessionAuthentication,
)


class _Bytes(ORJSONRenderer):
    """Hands on what is rendered already; errors are rendered as elsewhere."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        return data if isinstance(data, bytes) else super().render(data)


class SchemaView(APIView):
    authentication_classes = READERS
    permission_classes = (IsSignedIn,)
    renderer_classes = (_Bytes,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(document())


class _PageRenderer(TemplateHTMLRenderer):
    """The page; an error is answered as a problem document instead of by a template."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> Any:
        response = (renderer_context or {}).get("response")
        if response is not None and response.exception:
            return ORJSONRenderer().render(data)
        return super().render(data, accepted_media_type, renderer_context)


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own files, without inline scripts."""

    authentication_classes = READERS
    permission_classes = (IsSignedIn,)
    renderer_classes = [_PageRenderer]
    url_name = "schema"
