"""Signing in and out over HTTP, and tickets for sockets.

A browser's refresh token lives in a cookie scripts cannot read; calls that use it must come from
our own pages.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import sessions, tickets
from apps.accounts.api.authentication import CHALLENGE, principal_of
from apps.accounts.api.permissions import IsViewer
from apps.accounts.api.serializers import (
    CredentialsSerializer,
    RefreshSerializer,
    TicketSerializer,
    TokenSerializer,
)
from apps.accounts.api.throttles import (
    RefreshThrottle,
    SignInThrottle,
    TicketThrottle,
    locked_for,
)
from apps.accounts.models import User
from apps.accounts.origins import origin_allowed
from apps.accounts.tokens import REFRESH_LIFETIME


def cookie_name() -> str:
    """`__Host-` makes a browser insist on Secure, this host and path `/`; http cannot have it."""
    return "__Host-mc_refresh" if settings.SECURE_COOKIES else "mc_refresh"


class PublicView(APIView):
    """Needs no credential in the header."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class TokenView(PublicView):
    throttle_classes = (SignInThrottle,)

    @extend_schema(
        operation_id="sign_in",
        tags=["auth"],
        request=CredentialsSerializer,
        responses={200: TokenSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Exchange a user name and password for an access token and a refresh token."""
        origin = request.headers.get("Origin")
        if origin is not None and not _own_page(request, origin):
            raise exceptions.PermissionDenied("Sign in from this server's own page.")
        given = CredentialsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = _checked_user(
            request._request, given.validated_data["username"], given.validated_data["password"]
        )
        pair = sessions.sign_in(user, request.headers.get("User-Agent", ""))
        return _handed_out(pair, in_cookie=given.validated_data["cookie"])


class RefreshView(PublicView):
    throttle_classes = (RefreshThrottle,)

    @extend_schema(
        operation_id="refresh",
        tags=["auth"],
        request=RefreshSerializer,
        responses={200: TokenSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Exchange the refresh token (cookie, or body for programs) for the next pair."""
        token, in_cookie = _refresh_token(request)
        try:
            return _handed_out(sessions.rotate(token), in_cookie=in_cookie)
        except sessions.SignInOverError as error:
            raise exceptions.AuthenticationFailed(str(error.__doc__)) from None


class LogoutView(PublicView):
    throttle_classes = (RefreshThrottle,)

    @extend_schema(
        operation_id="sign_out",
        tags=["auth"],
        request=RefreshSerializer,
        responses={204: OpenApiResponse(description="Signed out.")},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """End the sign-in; its access tokens stop working within a second."""
        token, in_cookie = _refresh_token(request)
        sessions.sign_out(token)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        if in_cookie:
            response.set_cookie(cookie_name(), "", **_cookie_attributes(max_age=0))
        return response


class SocketTicketView(APIView):
    permission_classes = (IsViewer,)
    throttle_classes = (TicketThrottle,)

    @extend_schema(
        operation_id="socket_ticket",
        tags=["auth"],
        request=None,
        responses={200: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        """A ticket that opens one socket within thirty seconds, as this caller."""
        ticket = tickets.issue_ticket(principal_of(request))
        seconds = int(tickets.LIFETIME.total_seconds())
        return Response({"ticket": ticket, "expires_in": seconds})


def _checked_user(request: HttpRequest, username: str, password: str) -> User:
    """Asks the lock-out before the password: during a lock even the right one is refused, and
    refused tries do not prolong it.
    """
    wait = locked_for(request, username)
    if wait is not None:
        raise exceptions.Throttled(wait, "Too many wrong passwords.")
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        raise exceptions.AuthenticationFailed("The user name or the password is wrong.")
    # Notes the time of the last sign-in, and the lock-out forgets earlier mistakes.
    user_logged_in.send(sender=User, request=request, user=user)
    return user


def _refresh_token(request: Request) -> tuple[str, bool]:
    """The refresh token, and whether it came by cookie (then only from our own pages, as JSON)."""
    if (request.content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise exceptions.PermissionDenied("Send application/json.")
    given = RefreshSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    if "refresh" in given.validated_data:
        return given.validated_data["refresh"], False
    if not _own_page(request, request.headers.get("Origin")):
        raise exceptions.PermissionDenied("The cookie is only accepted from this server's own pages.")
    token = request.COOKIES.get(cookie_name())
    if not token:
        raise exceptions.NotAuthenticated("You are not signed in.")
    return token, True


def _own_page(request: Request, origin: str | None) -> bool:
    return origin_allowed(origin, request._request.get_host())


def _handed_out(pair: sessions.Pair, *, in_cookie: bool) -> Response:
    body: dict[str, Any] = {"access": pair.access, "expires_in": pair.expires_in}
    if not in_cookie:
        return Response(body | {"refresh": pair.refresh})
    response = Response(body)
    lifetime = int(REFRESH_LIFETIME.total_seconds())
    response.set_cookie(cookie_name(), pair.refresh, **_cookie_attributes(max_age=lifetime))
    return response


def _cookie_attributes(*, max_age: int) -> dict[str, Any]:
    return {
        "max_age": max_age,
        "path": "/",
        "secure": settings.SECURE_COOKIES,
        "httponly": True,
        "samesite": "Strict",
    }
