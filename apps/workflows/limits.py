"""How many runs are at work at once: of the project, of a workflow, of each key of a workflow.

Counted from live rows under the project's lock, never kept in a counter. A run that finds no place
is `queued` and says why; it is started by priority, then age, when a place frees. From its start to
its end a run holds its place, also while it waits or is paused. A run that a step started stands in
the project's place of the run it is nested in, which otherwise would wait for it for ever.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F, Max, Min, Q, QuerySet

from apps.accounts.models import Project
from apps.agents import dispatch, holds
from apps.agents.models import LIVE, CommandRun
from apps.agents.models import RunStatus as CommandRunStatus
from apps.errors import Conflict, InvalidInput
from apps.events import journal
from apps.events.clock import now
from apps.events.conditions import one_of
from apps.events.journal import Change, Recorded
from apps.workflows import expressions
from apps.workflows.advance import Advance, document_of
from apps.workflows.document import Document
from apps.workflows.document_parts import Concurrency
from apps.workflows.events import LimitsChanged
from apps.workflows.expressions import ExpressionError
from apps.workflows.models import (
    RUN_OPEN,
    RUNS,
    Origin,
    Run,
    RunStatus,
    Step,
    StepStatus,
    WorkflowVersion,
)
from apps.workflows.record import record_run, short
from apps.workflows.stopping import stop_command_runs

OPEN = Q(one_of("status", RUN_OPEN))
AT_WORK = OPEN & ~Q(status=RunStatus.QUEUED) & Q(started_at__isnull=False)
STARTS = 50  # runs started, and groups of runs looked at, in one transaction
EXPLAINED = 100
READY = "a place is free; it starts in a moment"

Group = tuple[UUID, str]  # a workflow and a key


def subscribe() -> None:
    """Have the next run started when one ends; called once, when the app is ready."""
    journal.subscribe_after("run.finished", on_run_finished)


def on_run_finished(event: Recorded) -> None:
    dispatch.poke(event.project_id, start_waiting)


def concern(version_id: int | None) -> bool:
    """Whether a run of the version may have to wait for a place. Those that may are started under
    the project's lock, which is taken before any row is locked."""
    found = WorkflowVersion.objects.only("checksum").annotate(max_runs=F("workflow__project__max_runs"))
    version = found.filter(pk=version_id).first() if version_id is not None else None
    return version is not None and (
        version.max_runs is not None or document_of(version).concurrency is not None
    )


def queue(run: Run) -> None:
    """Let a run that has not begun wait for a place. `admit` says what for."""
    run.status, run.status_reason = RunStatus.QUEUED, READY
    run.started_at = run.deadline_at = None


def key_of(document: Document, context: Mapping[str, Any]) -> str:
    """The key whose limit a run with this input counts for. Raises InvalidInput."""
    if document.concurrency is None or not document.concurrency.key:
        return ""
    try:
        key = expressions.as_text(expressions.render(document.concurrency.key, context))
    except ExpressionError as error:
        raise InvalidInput({"concurrency.key": str(error)}) from None
    if len(key) <= 200:
        return key
    return f"{key[:150]}…{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def admit(change: Change, run: Run) -> None:
    """Start a queued run if there is a place for it, or say on it what it waits for.

    The caller holds the project's lock. Raises Conflict, naming who holds the place, when its
    workflow takes no more, and when the run is nested in the one that it would wait for.
    """
    rule = document_of(run.version).concurrency
    group = Run.objects.filter(OPEN, workflow_id=run.workflow_id, concurrency_key=run.concurrency_key)
    others = group.exclude(pk=run.pk).order_by("started_at", "created_at")
    if rule is not None and rule.then == "reject" and others.count() >= rule.limit:
        raise _refused(run, rule, others)
    if rule is not None and run.origin == Origin.STEP:
        _refuse_circle(run, rule, others)
    fill(change)
    project_id = run.project_id
    transaction.on_commit(lambda: dispatch.poke(project_id, start_waiting))


def deadline(document: Document, begin: datetime) -> datetime | None:
    """When a run that starts at that moment has taken too long. Waiting for a place does not count."""
    return begin + timedelta(seconds=document.timeout_seconds) if document.timeout_seconds else None


def start_waiting(project_id: UUID) -> int:
    """Start the queued runs there is a place for, and make places where a definition says so.
    Returns how many were started."""
    if not _queued(project_id).exists():
        return 0
    with journal.changes(project_id) as change:
        holds.lock(project_id)
        started = fill(change)
    newest = _queued(project_id).select_related("version").order_by("-number")
    for run in newest.defer("version__document", "version__source")[:STARTS]:
        make_room(run)
    return started


def change_limits(project_id: UUID, said: Mapping[str, int | None], *, by: str = "") -> Project:
    """Let the project have more or less at work: `max_runs`, `max_command_runs`, None for no limit.
    What is at work goes on, also when it is more than the new limit."""
    with journal.changes(project_id) as change:
        holds.lock(project_id)
        project = Project.objects.select_for_update(no_key=True).get(pk=project_id)
        before = (project.max_runs, project.max_command_runs)
        project.max_runs = said.get("max_runs", project.max_runs)
        project.max_command_runs = said.get("max_command_runs", project.max_command_runs)
        if before != (project.max_runs, project.max_command_runs):
            project.save(update_fields=["max_runs", "max_command_runs"])
            change.record(
                "project.limited",
                LimitsChanged(
                    project_id=project_id,
                    max_runs=project.max_runs,
                    max_command_runs=project.max_command_runs,
                    by=by,
                ),
            )
            transaction.on_commit(lambda: dispatch.poke(project_id, start_waiting))
        return project


def of_project(project_id: UUID) -> dict[str, Any]:
    """The project's limits, with what is at work and what waits now."""
    project = Project.objects.get(pk=project_id)
    runs = Run.objects.filter(OPEN, project=project_id).order_by()
    counted = runs.aggregate(
        at_work=Count("pk", filter=AT_WORK & ~Q(origin=Origin.STEP)),
        queued=Count("pk", filter=Q(status=RunStatus.QUEUED)),
    )
    work = CommandRun.objects.filter(project=project_id).order_by()
    return {
        "slug": project.slug,
        "name": project.name,
        "max_runs": project.max_runs,
        "max_command_runs": project.max_command_runs,
        "runs_at_work": counted["at_work"],
        "runs_queued": counted["queued"],
        "command_runs_at_work": work.filter(one_of("status", LIVE)).count(),
        "command_runs_queued": work.filter(status=CommandRunStatus.QUEUED).count(),
    }


def sweep() -> int:
    """What the engine does: start what nobody was told of. Returns how many were started."""
    waiting = Run.objects.filter(OPEN, status=RunStatus.QUEUED).order_by()
    return sum(start_waiting(pk) for pk in waiting.values_list("project_id", flat=True).distinct())


def fill(change: Change) -> int:
    """Start queued runs by priority, then age, while there are places, and say of the first of the
    others what they wait for. The caller holds the project's lock."""
    places = _Places.of(change.project_id)
    started = 0
    for run in _next(change.project_id, places):
        if places.take(run):
            _start(change, run)
            started += 1
    _explain(change, places)
    return started


def make_room(run: Run) -> int:
    """Cancel what is older than a queued run whose workflow says `cancel_running`, as much of it as
    its limit asks for, each in a transaction of its own. Returns how many were cancelled."""
    rule = document_of(run.version).concurrency
    if rule is None or rule.then != "cancel_running":
        return 0
    group = Run.objects.filter(OPEN, workflow_id=run.workflow_id, concurrency_key=run.concurrency_key)
    older = group.filter(number__lt=run.number).order_by("number")
    wrong = [one for one in older if not one.is_ending]
    surplus = wrong[: max(0, len(wrong) + 1 - rule.limit)]
    for one in surplus:
        with journal.changes(run.project_id) as change:
            advance = Advance.hold(change, one.pk)
            if advance is not None and not advance.run.is_over and not advance.run.is_ending:
                advance.cancel(f"Cancelled: {run} takes its place.")
                advance.settle()
        stop_command_runs(one.pk)
    return len(surplus)


# --- places --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Places:
    """What is at work in a project, and what may be."""

    limit: int | None
    at_work: int
    groups: Counter[Group] = field(default_factory=Counter)

    @classmethod
    def of(cls, project_id: UUID) -> _Places:
        limit = Project.objects.values_list("max_runs", flat=True).get(pk=project_id)
        working = Run.objects.filter(AT_WORK, project=project_id).order_by()
        places = cls(limit, working.exclude(origin=Origin.STEP).count() if limit is not None else 0)
        for workflow, key, count in working.values_list("workflow_id", "concurrency_key").annotate(
            n=Count("id")
        ):
            places.groups[workflow, key] = count
        return places

    @property
    def is_full(self) -> bool:
        """Whether the project has as many runs at work as it may."""
        return self.limit is not None and self.at_work >= self.limit

    def take(self, run: Run) -> bool:
        if self.why_not(run):
            return False
        self.groups[run.workflow_id, run.concurrency_key] += 1
        self.at_work += run.origin != Origin.STEP
        return True

    def why_not(self, run: Run) -> str:
        """What a run waits for; empty when there is a place."""
        rule = document_of(run.version).concurrency
        has = self.groups[run.workflow_id, run.concurrency_key]
        if rule is not None and has >= rule.limit:
            return f"waiting for a place: {_of_group(run, rule, has)}"
        if self.is_full and run.origin != Origin.STEP:
            assert self.limit is not None
            return (
                f"waiting for a place: {_count(self.at_work, self.limit)} of the project {_are(self.limit)}"
            )
        return ""


def _count(has: int, limit: int) -> str:
    return f"{has} of {limit} run{'' if limit == 1 else 's'}"


def _are(limit: int) -> str:
    return "is at work" if limit == 1 else "are at work"


def _of_group(run: Run, rule: Concurrency, has: int) -> str:
    whose = f"with key “{run.concurrency_key}”" if run.concurrency_key else "of the workflow"
    return f"{_count(has, rule.limit)} {whose} {_are(rule.limit)}"


def _queued(project_id: UUID) -> QuerySet[Run]:
    """Runs that wait for a place and are not paused by somebody."""
    return Run.objects.filter(OPEN, project=project_id, status=RunStatus.QUEUED).exclude(RUNS.held())


def _next(project_id: UUID, places: _Places) -> list[Run]:
    """The queued runs that could be started, by priority then age, locked. A group that is full
    hides no other, however many of its runs wait."""
    queued = _queued(project_id).order_by()
    if places.is_full:
        queued = queued.filter(origin=Origin.STEP)
    found = list(
        queued.values_list("workflow_id", "version_id", "concurrency_key")
        .annotate(priority=Max("priority"), oldest=Min("created_at"))
        .order_by("-priority", "oldest")
    )
    versions = WorkflowVersion.objects.only("checksum").in_bulk({version for _, version, *_ in found})
    open_groups = []
    for workflow, version, key, *_ in found:
        rule = document_of(versions[version]).concurrency
        if rule is None or places.groups[workflow, key] < rule.limit:
            open_groups.append(Q(workflow=workflow, version=version, concurrency_key=key))
    if not open_groups:
        return []
    rows = queued.filter(reduce(or_, open_groups[:STARTS])).order_by("-priority", "created_at", "number")
    return list(_locked(rows)[:STARTS])


def _locked(rows: QuerySet[Run]) -> QuerySet[Run]:
    skip = connection.features.has_select_for_update_skip_locked
    return (
        rows.select_for_update(of=("self",), no_key=True, skip_locked=skip)
        .select_related("workflow", "version")
        .defer("version__document", "version__source")
    )


def _start(change: Change, run: Run) -> None:
    document = document_of(run.version)
    advance = Advance(change, run, document)
    moment = now()
    run.status, run.status_reason = RunStatus.RUNNING, ""
    allowed = deadline(document, moment)  # a run that a step started may have to end sooner
    run.deadline_at = min(filter(None, (run.deadline_at, allowed)), default=None)
    run.started_at = moment
    ready = Step.objects.filter(run=run, status=StepStatus.PENDING, waits_for=0, parent=None)
    advance.begin(ready.order_by("index"))
    advance.settle()


def _explain(change: Change, places: _Places) -> None:
    """Say on the runs that are next what they wait for, where that is not what they say."""
    queued = (
        _queued(change.project_id).select_related("version").order_by("-priority", "created_at", "number")
    )
    rows = list(queued.defer("version__document", "version__source")[:EXPLAINED])
    said = {run.pk: places.why_not(run) or READY for run in rows}
    wrong = [run.pk for run in rows if said[run.pk] != run.status_reason]
    for run in _locked(Run.objects.filter(pk__in=wrong, status=RunStatus.QUEUED)):
        run.status_reason = short(said[run.pk], 300)
        run.revision += 1
        run.save(update_fields=["status_reason", "revision"])
        record_run(change, "run.changed", run, previous=run.status)


# --- refusals ------------------------------------------------------------------------------------


def _refused(run: Run, rule: Concurrency, others: QuerySet[Run]) -> Conflict:
    held = list(others[:3])
    names = ", ".join(f"“{one}”" for one in held)
    more = f" and {rule.limit - len(held)} more" if rule.limit > len(held) else ""
    said = f"{_of_group(run, rule, rule.limit)}: {names}{more}. The workflow takes no other meanwhile."
    return Conflict(said, runs=[str(one.pk) for one in held])


def _refuse_circle(run: Run, rule: Concurrency, others: QuerySet[Run]) -> None:
    """A run that is nested in the one whose place it needs would wait for ever."""
    if others.filter(AT_WORK).count() < rule.limit:
        return
    holders = set(others.filter(AT_WORK).values_list("pk", flat=True))
    step_id = run.origin_id
    for _ in range(10):
        above = Run.objects.filter(steps=step_id).only("name", "number", "origin", "origin_id").first()
        if above is None:
            return
        if above.pk in holders:
            said = _of_group(run, rule, rule.limit)
            raise Conflict(f"It would wait for “{above}”, in which it is nested: {said}.")
        step_id = above.origin_id if above.origin == Origin.STEP else None
