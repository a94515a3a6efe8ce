"""One verb on many runs: what fits a filter, each run in a transaction of its own.

The work of one request is bounded by a number of runs and by time; what is left over is said, so
that whoever asked goes on until nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from uuid import UUID

from django.db.models import Q

from apps.agents.priorities import BULK, BULK_SECONDS, COUNTED, REFUSALS, Bulk
from apps.errors import DomainError
from apps.events.conditions import one_of
from apps.workflows import control, services
from apps.workflows.models import RUN_OPEN, Run, RunStatus

ENDING = Q(cancel_requested=True) | ~Q(error_code="")
OPEN = Q(one_of("status", RUN_OPEN))


class Verb(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    PRIORITISE = "prioritise"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done: the verb, who asks, and the priority that runs are to have."""

    verb: Verb
    by: str = ""
    priority: int = 0

    @property
    def possible(self) -> Q:
        """The runs on which the verb can be done, as far as their rows tell."""
        match self.verb:
            case Verb.CANCEL:
                return OPEN & Q(cancel_requested=False)
            case Verb.PAUSE:
                return OPEN & ~Q(status=RunStatus.PAUSED) & ~ENDING
            case Verb.RESUME:
                return Q(status=RunStatus.PAUSED)
            case Verb.RETRY:
                return Q(status__in=[RunStatus.FAILED, RunStatus.CANCELLED])
            case Verb.PRIORITISE:
                return OPEN & ~Q(priority=self.priority)

    def why_not(self, run: Run) -> str:
        """Why the verb cannot be done on a run that is not among the possible ones."""
        if self.verb == Verb.RETRY:
            if run.is_over:
                return "It completed; retry it from a step on its own page."
            return f"It is not over ({run.status})."
        if run.is_over:
            return f"It is over ({run.status})."
        if self.verb == Verb.RESUME:
            return f"It is not paused ({run.status})."
        if self.verb == Verb.PRIORITISE:
            return f"It has priority {run.priority} already."
        return "It is paused already." if run.status == RunStatus.PAUSED else "It is ending."

    def do(self, run: Run) -> object:
        verbs: dict[Verb, Callable[[], object]] = {
            Verb.CANCEL: lambda: services.cancel_run(run, by=self.by),
            Verb.PAUSE: lambda: control.pause_run(run, by=self.by),
            Verb.RESUME: lambda: control.resume_run(run, by=self.by),
            Verb.RETRY: lambda: control.retry_run(run, by=self.by),
            Verb.PRIORITISE: lambda: control.prioritise_run(run, self.priority, by=self.by),
        }
        return verbs[self.verb]()


def act(
    project_id: UUID,
    wanted: Wanted,
    where: Q,
    *,
    ids: Sequence[UUID] | None = None,
    limit: int = BULK,
    dry_run: bool = False,
) -> Bulk:
    """Do the verb on the runs that fit, the oldest first; with `dry_run` only say on how many."""
    if ids is not None:
        where &= Q(pk__in=ids)
    matching = Run.objects.filter(where, project=project_id).select_related("workflow")
    possible = matching.filter(wanted.possible).order_by("created_at", "id")
    bulk = Bulk(matched=matching.order_by()[:COUNTED].count())
    if ids is not None:
        known = set(matching.order_by().values_list("pk", flat=True))
        for pk in ids:
            if pk not in known:
                bulk.refuse(pk, "There is no such run in this project.")
    for run in matching.exclude(wanted.possible).order_by("-created_at", "-id")[:REFUSALS]:
        bulk.refuse(run.pk, wanted.why_not(run))
    count = possible.order_by()[:COUNTED].count()
    if dry_run:
        bulk.done, bulk.left = min(count, limit), max(0, count - limit)
        return bulk
    tried = 0
    began = monotonic()
    for run in possible[:limit]:
        tried += 1
        try:
            wanted.do(run)
            bulk.done += 1
        except DomainError as error:  # it moved meanwhile, or its workflow takes no more
            bulk.refuse(run.pk, str(error))
        if monotonic() - began > BULK_SECONDS:
            break
    bulk.left = max(0, count - tried)
    return bulk
