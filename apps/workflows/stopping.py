"""Cancels command runs that nobody wants any more, each in a transaction of its own: their rows come
before the run's in the order of locks."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from apps.agents import lease
from apps.agents.models import LIVE, OVER, UNCLAIMED, CommandRun
from apps.errors import Conflict
from apps.events.conditions import one_of
from apps.workflows.models import STEP_OVER, Step

BATCH = 200


def stop_command_runs(run_id: UUID, *, limit: int = BATCH) -> int:
    """Cancel what a run that ends still has in hand. Returns how many were cancelled."""
    live = CommandRun.objects.filter(run_id=run_id, cancel_requested=False).exclude(status__in=OVER)
    return _cancel(live.values_list("id", flat=True)[:limit])


def stop_unwanted(project_id: UUID | None = None, *, limit: int = BATCH) -> int:
    """Cancel what no open step waits for any more: items of a map that another one stopped, and what
    a run was at when it went back. Returns how many were cancelled."""
    # One query for each partial index: no index holds all that is live.
    stopped = 0
    for statuses in (UNCLAIMED, LIVE):
        live = CommandRun.objects.filter(
            one_of("status", statuses), step_id__isnull=False, cancel_requested=False
        )
        live = live if project_id is None else live.filter(project=project_id)
        stopped += _cancel(_unwanted(live).values_list("id", flat=True)[:limit])
    return stopped


def _unwanted(live: QuerySet[CommandRun]) -> QuerySet[CommandRun]:
    waiting = Step.objects.filter(command_run_id=OuterRef("pk")).exclude(status__in=STEP_OVER)
    return live.exclude(Exists(waiting))


def _cancel(ids: Iterable[UUID]) -> int:
    stopped = 0
    for command_run_id in ids:
        try:
            lease.cancel(command_run_id)
            stopped += 1
        except Conflict:  # it ended by itself meanwhile, which is as good
            continue
    return stopped
