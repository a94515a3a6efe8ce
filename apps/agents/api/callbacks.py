"""Who reports on an attempt with the token that was sent along with it: an agent with an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.accounts.api.authentication import CHALLENGE, BearerAuthentication, KeyUser
from apps.accounts.models import Scope
from apps.accounts.principal import Principal
from apps.agents import credentials
from apps.agents.models import CommandRun


@dataclass(frozen=True, slots=True)
class Callback(Principal):
    """An agent as far as one attempt goes: may do what a key of it may, for this command run only."""

    command_run_id: UUID | None = None
    fence: int = 0

    def may_report(self, command_run_id: UUID, fence: object) -> bool:
        return self.command_run_id == command_run_id and self.fence == fence


class CallbackAuthentication(BaseAuthentication):
    """Callback tokens, and nothing else. Only for views below one command run that call
    `held_command_run`."""

    def authenticate(self, request: Request) -> tuple[KeyUser, Principal] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token.startswith(credentials.TOKEN_MARK):
            return None
        caller = _caller(request.parser_context["kwargs"]["command_run_id"], token)
        if caller is None:
            raise AuthenticationFailed("The callback token is not one of this command run.")
        return KeyUser(caller.username), caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


REPORTERS = (CallbackAuthentication, BearerAuthentication)
"""Who may report on a command run: the holder of its callback token, or of a key."""


def _caller(command_run_id: UUID, token: str) -> Callback | None:
    fence = credentials.fence_of(command_run_id, token)
    if fence is None:
        return None
    run = CommandRun.objects.filter(pk=command_run_id).select_related("project", "agent").first()
    if run is None:
        return None
    name = run.agent.name if run.agent else "its agent"
    return Callback(
        user_id=None,
        key_id=run.pk,
        username=name,
        name=name,
        project_id=run.project_id,
        project_slug=run.project.slug,
        project_name=run.project.name,
        role="",
        scopes=frozenset({Scope.AGENT}),
        fingerprint="",
        agent_id=run.agent_id,
        command_run_id=run.pk,
        fence=fence,
    )
