"""A longer lease for holders that cannot keep a clock, such as a model that thinks between its calls."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings

from apps.agents.models import CommandRun, RunStatus
from apps.events.clock import now

# A model's longest thought or tool call between two words to us. A program renews every few seconds.
LEAST_SECONDS = 300.0


def lease_seconds() -> float:
    """How long a holder of this kind may be silent."""
    return max(LEAST_SECONDS, settings.MC.lease_seconds)


def lengthen(command_run_id: UUID, fence: int) -> bool:
    """Let the lease that was just taken or renewed run for `lease_seconds`. False when it is lost."""
    held = CommandRun.objects.filter(pk=command_run_id, fence=fence, status=RunStatus.RUNNING)
    return bool(held.update(lease_expires_at=now() + timedelta(seconds=lease_seconds())))
