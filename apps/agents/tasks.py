"""The Celery task of this app. A message carries ids; the row decides whether anything happens."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from apps.agents import worker
from apps.agents.dispatch import TASK


@shared_task(name=TASK, ignore_result=True, acks_late=False)
def execute(command_run_id: str, dispatch_id: str, project_id: str | None = None) -> None:
    """Claim the command run and, if that succeeds, do its work."""
    project = UUID(project_id) if project_id else None
    worker.current().execute(UUID(command_run_id), UUID(dispatch_id), project)
