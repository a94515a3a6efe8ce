"""Alerts: the built-in rules, and the verbs that open, repeat, acknowledge and resolve.

A failed run is heard in its own transaction. The other rules are conditions that hold or do not;
`sweep` compares those that hold with the alerts that are open. One alert per rule and subject is
unresolved at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents.models import (
    LIVE,
    UNCLAIMED,
    Agent,
    AgentStatus,
    CommandRun,
    Connector,
    RunStatus,
    Worker,
    WorkKind,
)
from apps.agents.telemetry import reading
from apps.errors import Conflict, NotFound
from apps.events import journal
from apps.events.conditions import one_of
from apps.events.journal import Change, Recorded
from apps.monitoring.events import AlertRaised, Level, State
from apps.monitoring.models import Alert, AlertLevel, AlertState
from apps.workflows.events import RunChanged
from apps.workflows.models import Approval, ApprovalState, Notice, NoticeState, Schedule

RUN_FAILED = "run_failed"
AGENT_ERROR = "agent_error"
AGENT_OFFLINE = "agent_offline"
NO_WORKER = "no_worker"
COMMAND_RUN_LOST = "command_run_lost"
APPROVAL_ESCALATED = "approval_escalated"
NOTICE_UNDELIVERED = "notice_undelivered"
SCHEDULE_REFUSED = "schedule_refused"
TELEMETRY_LOST = "telemetry_lost"
CONDITIONS = (
    AGENT_ERROR,
    AGENT_OFFLINE,
    NO_WORKER,
    COMMAND_RUN_LOST,
    SCHEDULE_REFUSED,
    APPROVAL_ESCALATED,
    NOTICE_UNDELIVERED,
)

LOST_REPEATEDLY = 2
TELEMETRY_LOST_SHOWN = timedelta(days=1)
NO_WORKER_AFTER = timedelta(seconds=5)
MESSAGE_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong now. `subject` tells two of one rule apart."""

    rule: str
    subject: str
    level: AlertLevel
    message: str
    url: str


def subscribe() -> None:
    journal.subscribe("run.finished", hear_run_finished)
    reading.on_loss.append(hear_telemetry_lost)


def hear_telemetry_lost(project_id: UUID, key_id: UUID | None, what: str) -> None:
    """Telemetry was lost. The alert stands until a day has passed without another loss."""
    found = Condition(TELEMETRY_LOST, str(key_id or ""), AlertLevel.ERROR, what, "/agents")
    with journal.changes(project_id) as change:
        raise_alert(change, found)


def hear_run_finished(event: Recorded, change: Change) -> None:
    """A failed run opens its workflow's alert, the next completed one resolves it."""
    run = cast(RunChanged, event.body)
    if run.status == "failed":
        reason = f": {run.status_reason}" if run.status_reason else ""
        message = f"{run.name} #{run.number} failed{reason}"
        found = Condition(RUN_FAILED, run.workflow, AlertLevel.ERROR, message, f"/runs/{run.workflow_id}")
        raise_alert(change, found)
    elif run.status == "completed":
        resolve_alert(change, RUN_FAILED, run.workflow)


def sweep() -> None:
    """Open what holds and has no alert, resolve what no longer holds, in every project."""
    for project_id in Project.objects.order_by().values_list("pk", flat=True):
        holds = {(one.rule, one.subject): one for one in conditions(project_id)}
        unresolved = Alert.objects.filter(project=project_id, rule__in=CONDITIONS)
        known = set(unresolved.exclude(state=AlertState.RESOLVED).values_list("rule", "subject"))
        for key in holds.keys() - known:
            with journal.changes(project_id) as change:
                raise_alert(change, holds[key])
        for rule, subject in known - holds.keys():
            with journal.changes(project_id) as change:
                resolve_alert(change, rule, subject)
        old = Alert.objects.filter(
            project=project_id, rule=TELEMETRY_LOST, last_at__lt=timezone.now() - TELEMETRY_LOST_SHOWN
        ).exclude(state=AlertState.RESOLVED)
        for subject in list(old.values_list("subject", flat=True)):
            with journal.changes(project_id) as change:
                resolve_alert(change, TELEMETRY_LOST, subject)


def conditions(project_id: UUID) -> Iterator[Condition]:
    """Everything that is wrong in the project now."""
    yield from _agents_in_trouble(project_id)
    yield from _work_without_worker(project_id)
    yield from _lost_command_runs(project_id)
    yield from _approvals_in_trouble(project_id)
    yield from _refused_schedules(project_id)


def _agents_in_trouble(project_id: UUID) -> Iterator[Condition]:
    troubled = Q(status=AgentStatus.ERROR) | Q(status=AgentStatus.OFFLINE)
    for agent in Agent.objects.filter(troubled, project=project_id).only(
        "id", "name", "status", "last_error"
    ):
        url = f"/agents/{agent.pk}"
        if agent.status == AgentStatus.ERROR:
            reason = f": {agent.last_error}" if agent.last_error else ""
            message = f"{agent.name} reports an error{reason}"
            yield Condition(AGENT_ERROR, str(agent.pk), AlertLevel.ERROR, message, url)
        else:
            message = f"{agent.name} is offline"
            yield Condition(AGENT_OFFLINE, str(agent.pk), AlertLevel.WARNING, message, url)


def _work_without_worker(project_id: UUID) -> Iterator[Condition]:
    if Worker.objects.live().exists():
        return
    for_a_worker = Q(wanted_agent=None) | Q(wanted_agent__connector=Connector.LLM)
    waiting = CommandRun.objects.filter(
        for_a_worker,
        one_of("status", UNCLAIMED),
        project=project_id,
        available_at__lt=timezone.now() - NO_WORKER_AFTER,
    ).count()
    by_workers = Agent.objects.filter(project=project_id, connector=Connector.LLM).exists()
    requests = CommandRun.objects.filter(project=project_id, status=RunStatus.QUEUED, kind=WorkKind.HTTP)
    if waiting and (by_workers or requests.exists()):
        noun = "command run waits" if waiting == 1 else "command runs wait"
        yield Condition(NO_WORKER, "", AlertLevel.CRITICAL, f"No worker is running; {waiting} {noun}", "/")


def _lost_command_runs(project_id: UUID) -> Iterator[Condition]:
    lost = CommandRun.objects.filter(project=project_id, lost_count__gte=LOST_REPEATEDLY)
    # Unordered: for the order SQLite would go through the whole history.
    lost = lost.only("id", "title", "lost_count").order_by()
    # Two questions, because each has an index of its own and both together have none.
    for run in [*lost.filter(status=RunStatus.QUEUED), *lost.filter(one_of("status", LIVE))]:
        message = f"“{run.title}” was lost {run.lost_count} times: its worker went silent"
        yield Condition(COMMAND_RUN_LOST, str(run.pk), AlertLevel.WARNING, message, f"/command-runs/{run.pk}")


def _refused_schedules(project_id: UUID) -> Iterator[Condition]:
    refused = Schedule.objects.filter(project=project_id, enabled=True).exclude(last_problem="")
    for schedule in refused.only("id", "name", "last_problem"):
        message = f"{schedule.name} could not start: {schedule.last_problem}"
        yield Condition(SCHEDULE_REFUSED, str(schedule.pk), AlertLevel.ERROR, message, "/schedules")


def _approvals_in_trouble(project_id: UUID) -> Iterator[Condition]:
    """Open questions that nobody decided in time, or that somebody could not be told of."""
    asked = Approval.objects.filter(project=project_id, state=ApprovalState.OPEN)
    for approval in asked.exclude(escalated_at=None).only("id", "title"):
        message = f"Nobody decided “{approval.title}” in time; others were asked"
        yield Condition(APPROVAL_ESCALATED, str(approval.pk), AlertLevel.WARNING, message, "/approvals")
    dead = Notice.objects.filter(state=NoticeState.DEAD)
    untold = asked.filter(notices__in=dead).annotate(dead=Count("notices", filter=Q(notices__in=dead)))
    for approval in untold.only("id", "title"):
        whom = "somebody" if approval.dead == 1 else f"{approval.dead} receivers"
        message = f"{whom.capitalize()} could not be told of “{approval.title}”"
        yield Condition(NOTICE_UNDELIVERED, str(approval.pk), AlertLevel.ERROR, message, "/approvals")


def raise_alert(change: Change, found: Condition) -> None:
    """Open an alert, or note that the unresolved one has fired again."""
    again = _unresolved(change.project_id, found.rule, found.subject)
    message = found.message[:MESSAGE_LENGTH]
    now = timezone.now()
    if again.update(message=message, url=found.url, count=F("count") + 1, last_at=now):
        _record(change, "alert.repeated", again.get())
        return
    alert = Alert(
        project_id=change.project_id,
        rule=found.rule,
        subject=found.subject,
        level=found.level,
        message=message,
        url=found.url,
        opened_at=now,
        last_at=now,
    )
    Alert.objects.bulk_create([alert], ignore_conflicts=True)
    if Alert.objects.filter(pk=alert.pk).exists():  # otherwise another process opened it just now
        _record(change, "alert.opened", alert)


def resolve_alert(change: Change, rule: str, subject: str) -> None:
    """End the unresolved alert of this rule and subject; nothing happens when there is none."""
    alert = _unresolved(change.project_id, rule, subject).first()
    if alert is None:
        return
    now = timezone.now()
    still = Alert.objects.filter(pk=alert.pk).exclude(state=AlertState.RESOLVED)
    if still.update(state=AlertState.RESOLVED, resolved_at=now):
        alert.refresh_from_db()
        _record(change, "alert.resolved", alert)


def acknowledge(project_id: UUID, alert_id: UUID, *, by: str) -> Alert:
    """Say that somebody looks after it. Twice is once; a resolved one cannot be acknowledged."""
    with journal.changes(project_id) as change:
        alert = Alert.objects.filter(project=project_id, pk=alert_id).first()
        if alert is None:
            raise NotFound("There is no such alert in this project.")
        now = timezone.now()
        opened = Alert.objects.filter(pk=alert_id, state=AlertState.OPEN)
        if opened.update(state=AlertState.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=by[:150]):
            alert.refresh_from_db()
            _record(change, "alert.acknowledged", alert)
        elif alert.state == AlertState.RESOLVED:
            raise Conflict("The alert is resolved already; there is nothing to acknowledge.")
        return alert


def _unresolved(project_id: UUID, rule: str, subject: str) -> QuerySet[Alert]:
    found = Alert.objects.filter(project=project_id, rule=rule, subject=subject)
    return found.exclude(state=AlertState.RESOLVED)


def _record(change: Change, kind: str, alert: Alert) -> None:
    body = AlertRaised(
        level=cast(Level, alert.level),
        message=alert.message,
        alert_id=alert.pk,
        rule=alert.rule,
        url=alert.url,
        state=cast(State, alert.state),
        opened_at=alert.opened_at,
    )
    change.record(kind, body)
