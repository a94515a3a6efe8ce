"""How a REST request names its caller: `Authorization: Bearer` with an access token or an API key."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound, PermissionDenied
from rest_framework.request import Request

from apps.accounts.models import Project, User
from apps.accounts.principal import (
    NoProjectError,
    Principal,
    UnknownProjectError,
    authenticate_header,
)

CHALLENGE = 'Bearer realm="mission-control"'


class KeyUser:
    """Stands for a key where Django expects a user: signed in, and nobody."""

    pk = None
    id = None
    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False

    def __init__(self, name: str) -> None:
        self.username = name

    def get_username(self) -> str:
        return self.username

    def __str__(self) -> str:
        return self.username


class BearerAuthentication(BaseAuthentication):
    """`request.user`, `request.auth` (the Principal) and, through `access`, the project."""

    def authenticate(self, request: Request) -> tuple[User | KeyUser, Principal] | None:
        header = request.META.get("HTTP_AUTHORIZATION")
        if not header:
            return None
        try:
            principal = authenticate_header(header, request.META.get("HTTP_X_PROJECT") or None)
        except UnknownProjectError as error:
            raise NotFound(str(error.__doc__)) from None
        except NoProjectError as error:
            raise PermissionDenied(str(error.__doc__)) from None
        if principal is None:
            raise AuthenticationFailed(
                "The token or key is not valid, or no longer. Sign in again or use another key."
            )
        return user_of(principal), principal

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def user_of(principal: Principal) -> User | KeyUser:
    """The caller as Django's user, without a query: further fields are read when asked for."""
    if principal.key_id is not None:
        return KeyUser(principal.username)
    known = ("id", "username", "is_active")
    return User.from_db("default", known, (principal.user_id, principal.username, True))


def principal_of(request: Request) -> Principal:
    """The caller of an authenticated request."""
    principal = request.auth
    assert isinstance(principal, Principal)
    return principal


def project_of(request: Request) -> Project:
    """The project the request is about, without a query (`created_at` is read when asked for)."""
    principal = principal_of(request)
    known = ("id", "slug", "name")
    values = (principal.project_id, principal.project_slug, principal.project_name)
    return Project.from_db("default", known, values)
