"""The Celery task of this app. A message carries ids; the row decides whether anything happens."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.db import close_old_connections

from apps.agents import handed_over, worker
from apps.agents.connectors.http_agent import Called
from apps.agents.dispatch import TASK
from apps.agents.models import Agent


@shared_task(name=TASK, ignore_result=True, acks_late=False)
def execute(command_run_id: str, dispatch_id: str, project_id: str | None = None) -> None:
    """Claim the command run and, if that succeeds, do its work."""
    project = UUID(project_id) if project_id else None
    worker.current().execute(UUID(command_run_id), UUID(dispatch_id), project)


@shared_task(name=handed_over.TASK, ignore_result=True, acks_late=False)
def tell_to_stop(command_run_id: str, fence: int, agent_id: str) -> None:
    """Tell the endpoint that has an attempt that nobody wants its result any more."""
    try:
        agent = Agent.objects.filter(pk=UUID(agent_id)).only("endpoint", "secret_version").first()
    finally:
        close_old_connections()
    if agent is not None and agent.endpoint:
        called = Called(UUID(command_run_id), fence, agent.pk, agent.endpoint, agent.secret_version)
        worker.current().tell_to_stop(called)
