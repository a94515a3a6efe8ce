"""Who am I, what may I see, and what server is this: the first call of every client."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import principal_of
from apps.accounts.api.permissions import IsCaller
from apps.accounts.api.serializers import MeSerializer
from apps.accounts.principal import Principal
from apps.accounts.roster import Seat, roster

DEMO_MODEL = "demo"


class MeView(APIView):
    permission_classes = (IsCaller,)

    @extend_schema(operation_id="me", tags=["auth"], responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        """The caller, the project in use, every project of the caller, and the server."""
        principal = principal_of(request)
        current = Seat(principal.project_id, principal.project_slug, principal.project_name, principal.role)
        body = {
            "id": principal.user_id,
            "username": principal.username,
            "name": principal.name,
            "project": current,
            "projects": _seats(principal) or (current,),
            "server": server(),
        }
        return Response(MeSerializer(body).data)


def server() -> dict[str, Any]:
    env = settings.MC
    return {
        "version": settings.VERSION,
        "mode": "embedded" if settings.EMBEDDED else "server",
        "time_zone": settings.TIME_ZONE,
        "model": {"name": env.llm_model or DEMO_MODEL, "demo": not env.llm_model},
    }


def _seats(principal: Principal) -> tuple[Seat, ...]:
    if principal.user_id is None:
        return ()
    user = roster.user(principal.user_id)
    return user.seats if user is not None else ()
