"""Says on queued command runs why they still wait.

A reason is written on the rows that leave next, and only when it changed: what stands far behind
keeps the reason it has until its turn comes near.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import holds, lanes
from apps.agents.models import LIVE, Agent, CommandRun, Connector, Hold, HoldScope, RunStatus, Worker
from apps.agents.record import record_run
from apps.events import journal

AT_ONCE = 100  # rows that get another reason in one transaction
NEXT = 500  # rows of a lane that are looked at


def explain_waiting(project_id: UUID) -> int:
    """Write down why each queued row still waits; returns how many reasons changed."""
    queued = CommandRun.objects.filter(project_id=project_id, status=RunStatus.QUEUED)
    changed = 0
    for hold in sorted(Hold.objects.filter(project_id=project_id), key=_widest_first):
        covered = holds.COMMAND_RUNS.covered_by(hold)
        changed += _say(project_id, queued.filter(covered), str(hold))
        queued = queued.exclude(covered)
    waiting = lanes.waiting(project_id)
    if not waiting:
        return changed
    queued = queued.filter(available_at__lte=timezone.now()).order_by("-priority", "turn", "queued_at")
    full = _full(project_id)
    agents = [] if full else list(Agent.objects.filter(project_id=project_id).defer("instructions"))
    workers = Worker.objects.live().exists()
    for lane in waiting:
        reason = full or _reason(lane, agents, workers)
        changed += _say(project_id, queued.filter(lane=lane), reason)
    return changed


def explain_resumed(project_id: UUID) -> int:
    """What said that it is paused, and is not any more, waits to be dispatched."""
    paused = [f"{scope} is paused" for scope in HoldScope.values]
    rows = CommandRun.objects.filter(project_id=project_id, status=RunStatus.QUEUED, wait_reason__in=paused)
    return _say(project_id, rows.exclude(holds.COMMAND_RUNS.held()), "waiting to be dispatched")


def _widest_first(hold: Hold) -> int:
    return HoldScope.values.index(hold.scope)


def _full(project_id: UUID) -> str:
    """What to say when the project has as much at work as it may; else nothing."""
    limit = Project.objects.values_list("max_command_runs", flat=True).get(pk=project_id)
    if limit is None:
        return ""
    at_work = CommandRun.objects.filter(project_id=project_id, status__in=LIVE).count()
    said = f"waiting for a place: {limit} of {limit} command runs of the project are at work"
    return said if at_work >= limit else ""


def _say(project_id: UUID, rows: QuerySet[CommandRun], reason: str) -> int:
    """Give the rows their reason. A row that somebody else has in hand is explained next time."""
    next_up = rows.values_list("pk", "wait_reason")[:NEXT]
    wrong = [pk for pk, said in next_up if said != reason][:AT_ONCE]
    if not wrong:
        return 0
    with journal.changes(project_id) as change:
        runs = CommandRun.objects.filter(pk__in=wrong, status=RunStatus.QUEUED).select_related("command")
        skip = connection.features.has_select_for_update_skip_locked
        changed = list(runs.select_for_update(of=("self",), skip_locked=skip))
        for run in changed:
            run.wait_reason = reason
            record_run(change, "command_run.waiting", run, previous=run.status)
        CommandRun.objects.filter(pk__in=[run.pk for run in changed]).update(wait_reason=reason)
    return len(changed)


def _reason(lane: str, agents: list[Agent], workers: bool) -> str:
    if lane == lanes.WORKERS:
        return "waiting for a free worker" if workers else "no live worker"
    candidates = [a for a in agents if lanes.of_agent(a.pk) == lane or lane in a.capabilities]
    if not candidates:
        return f"no agent has the capability {lane}"[:200]
    names = candidates[0].name if len(candidates) == 1 else f"all {len(candidates)} agents that can do it"
    verb = "is" if len(candidates) == 1 else "are"
    states: Counter[str] = Counter(
        "paused" if a.paused else "offline" if a.status == "offline" else "busy" for a in candidates
    )
    usable = [a for a in candidates if not a.paused and a.status != "offline"]
    if usable and not workers and all(a.connector != Connector.PULL for a in usable):
        return "no live worker"
    if len(states) == 1:
        return f"{names} {verb} {next(iter(states))}"[:200]
    said = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"no agent is free ({said})"
