"""Users, keys and signed-in clients for tests."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.test import Client

from apps.accounts import services
from apps.accounts.models import Membership, Project, Role, User

PASSWORD = "correct horse battery staple"
ORIGIN = "http://testserver"
API = "/api/v1/"


def make_project(slug: str = "") -> Project:
    slug = slug or f"p-{uuid.uuid4().hex[:8]}"
    return Project.objects.create(slug=slug, name=slug.title())


def make_user(
    role: str | None = Role.OPERATOR,
    project: Project | None = None,
    username: str = "",
    **fields: Any,
) -> User:
    user = User.objects.create_user(username or f"u-{uuid.uuid4().hex[:8]}", password=PASSWORD, **fields)
    if role is not None:
        Membership.objects.create(user=user, project=project or services.default_project(), role=role)
    return user


def make_key(*scopes: str, project: Project | None = None, **fields: Any) -> services.IssuedKey:
    return services.issue_key(
        project_id=(project or services.default_project()).pk,
        name=fields.pop("name", "robot"),
        scopes=list(scopes),
        **fields,
    )


@dataclass
class Caller:
    """A client with an Authorization header, and optionally a project."""

    token: str
    project: str = ""
    ip: str = "127.0.0.1"

    def _headers(self, more: dict[str, str] | None) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.project:
            headers["X-Project"] = self.project
        return headers | (more or {})

    def get(self, path: str, **kwargs: Any) -> Any:
        headers = self._headers(kwargs.pop("headers", None))
        return Client().get(API + path, headers=headers, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Any:
        headers = self._headers(kwargs.pop("headers", None))
        return Client().post(
            API + path, body or {}, content_type="application/json", headers=headers, **kwargs
        )

    def put(self, path: str, body: Any) -> Any:
        return Client().put(API + path, body, content_type="application/json", headers=self._headers(None))

    def patch(self, path: str, body: Any) -> Any:
        return Client().patch(API + path, body, content_type="application/json", headers=self._headers(None))

    def delete(self, path: str) -> Any:
        return Client().delete(API + path, headers=self._headers(None))


def post(path: str, body: Any, *, client: Client | None = None, ip: str = "127.0.0.1", **headers: str) -> Any:
    """POST JSON without a credential."""
    return (client or Client()).post(
        API + path,
        body,
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        REMOTE_ADDR=ip,
    )


def sign_in(user: User, *, cookie: bool = False, **kwargs: Any) -> Any:
    body = {"username": user.username, "password": PASSWORD, "cookie": cookie}
    answer = post("auth/token/", body, **kwargs)
    assert answer.status_code == 200, answer.content
    return answer.json()


def caller(user: User, project: str = "") -> Caller:
    return Caller(sign_in(user)["access"], project)
