"""A result that comes again: its reply was lost, so whoever sends it does not know that it was taken."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.agents.models import CommandRun, CommandRunAttempt, CommandRunData, RunStatus
from apps.agents.storable import storable, storable_text


def finished_so(command_run_id: UUID, fence: int, output: dict[str, Any]) -> CommandRun | None:
    """The command run if the attempt under this fence completed it with this very output."""
    if _outcome(command_run_id, fence) != (RunStatus.COMPLETED, ""):
        return None
    kept = CommandRunData.objects.filter(pk=command_run_id).values_list("output", flat=True).first()
    return _run(command_run_id) if kept == storable(output) else None


def failed_so(command_run_id: UUID, fence: int, message: str) -> CommandRun | None:
    """The command run if the attempt under this fence ended with this very error. It may be at another
    attempt meanwhile."""
    ended = _outcome(command_run_id, fence)
    return _run(command_run_id) if ended == ("failed", storable_text(message)) else None


def _outcome(command_run_id: UUID, fence: int) -> tuple[str, str] | None:
    ended = CommandRunAttempt.objects.filter(command_run=command_run_id, fence=fence, ended_at__isnull=False)
    return ended.values_list("outcome", "error").first()


def _run(command_run_id: UUID) -> CommandRun | None:
    return CommandRun.objects.filter(pk=command_run_id).first()
