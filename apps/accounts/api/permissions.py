"""Who may call a view: by a user's role in the project or a key's scope."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.accounts.principal import Action, Principal


class _Can(BasePermission):
    action: Action
    message = "Your role in this project, or your key's scope, does not allow this."

    def has_permission(self, request: Request, view: Any) -> bool:
        principal = request.auth
        return isinstance(principal, Principal) and principal.can(self.action)


class IsViewer(_Can):
    """Every member; keys with scope `read`."""

    action = "read"


class IsOperator(_Can):
    """Operators and admins; keys with scope `run`."""

    action = "operate"


class IsAdmin(_Can):
    """Admins of the project; no key."""

    action = "admin"


class IsAgentKey(_Can):
    """Keys with scope `agent`; no user."""

    action = "agent"


class IsViewerOrAgentKey(BasePermission):
    """Whoever may read, and keys with scope `agent`."""

    message = _Can.message

    def has_permission(self, request: Request, view: Any) -> bool:
        principal = request.auth
        return isinstance(principal, Principal) and (principal.can("read") or principal.can("agent"))


class IsIngestKey(_Can):
    """Keys with scope `ingest`; no user."""

    action = "ingest"


class IsCaller(BasePermission):
    """Anyone with a good credential, whatever the role or scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, Principal)


class RolePermission(BasePermission):
    """The default: reading as IsViewer, everything else as IsOperator."""

    message = _Can.message

    def has_permission(self, request: Request, view: Any) -> bool:
        action: Action = "read" if request.method in SAFE_METHODS else "operate"
        return isinstance(request.auth, Principal) and request.auth.can(action)
