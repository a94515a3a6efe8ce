"""How the REST API writes and pages. What it reads: `config.bodies`; its errors: `config.problems`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.db.models import QuerySet
from django.utils.functional import Promise
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

if TYPE_CHECKING:  # DRF imports this module while its views are being made
    from rest_framework.views import APIView

JSON_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


def _plain(value: Any) -> Any:
    """What orjson does not know: lazy texts, decimals, DRF's string subclasses, views of dicts."""
    if isinstance(value, (Decimal, Promise)):
        return str(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


class ORJSONRenderer(BaseRenderer):
    """JSON only: the API has no HTML face, so nothing in it can be made to run."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        if data is None:
            return b""
        return orjson.dumps(data, default=_plain, option=JSON_OPTIONS)


class OpaqueCursorPagination(CursorPagination):
    """`{next, previous, results}`; the links are relative to the server and opaque.

    A view names its order in `ordering` (a tuple ending in something unique); `?limit=` takes 1
    to 100.
    """

    page_size = 50
    max_page_size = 100
    page_size_query_param = "limit"
    ordering: Any = ("-created_at", "-id")
    invalid_cursor_message = "The cursor is not one of this list. Start again without it."

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> tuple[str, ...]:
        ordering: str | Sequence[str] = getattr(view, "ordering", None) or self.ordering
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("limit")
        if given is None:
            return self.page_size
        if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= self.max_page_size:
            raise ValidationError({"limit": [f"Must be a number from 1 to {self.max_page_size}."]})
        return int(given)

    def paginate_queryset(
        self,
        queryset: QuerySet[Any] | Sequence[Any],
        request: Request,
        view: APIView | None = None,
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (DjangoValidationError, DataError, ValueError, TypeError):
            # A forged cursor reaches the column's own parser; it is the caller's mistake.
            if "cursor" not in request.query_params:
                raise
            raise ParseError(self.invalid_cursor_message) from None

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "next": _relative(self.get_next_link()),
                "previous": _relative(self.get_previous_link()),
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {
            "type": ["string", "null"],
            "format": "uri-reference",
            "example": "/api/v1/runs/?cursor=cD0yMDI2",
        }
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }


def _relative(link: str | None) -> str | None:
    if link is None:
        return None
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"
