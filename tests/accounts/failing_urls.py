"""Addresses whose views fail in every way, beside the real ones."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.errors import Conflict, InvalidInput, KeyReused
from config import problems
from config.urls import urlpatterns as real

ERRORS: dict[str, Exception] = {
    "conflict": Conflict("The run is over."),
    "silent-conflict": Conflict(),
    "reused": KeyReused("Another body."),
    "input": InvalidInput({"input.title": "Is required."}),
    "denied": PermissionDenied("Not you."),
    "suspicious": SuspiciousOperation("secret inside"),
    "crash": RuntimeError("secret inside"),
}


class Nested(serializers.Serializer[Any]):
    name = serializers.CharField()


class Outer(serializers.Serializer[Any]):
    steps = Nested(many=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        raise serializers.ValidationError("Both ends are the same.")


class Failing(APIView):
    permission_classes = ()
    authentication_classes = ()

    def get(self, request: Request, name: str) -> Response:
        raise ERRORS[name]

    def post(self, request: Request, name: str) -> Response:
        Outer(data=request.data).is_valid(raise_exception=True)
        return Response()


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret inside")


urlpatterns = [
    path("api/v1/failing/<str:name>/", Failing.as_view()),
    path("crash/", crash),
    *real,
]
handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.not_found
handler500 = problems.server_error
