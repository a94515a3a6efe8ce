"""What a person should look at first, as counts with the place to look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.agents.models import Agent, AgentStatus
from apps.events.conditions import one_of
from apps.monitoring.models import Alert, AlertState
from apps.workflows.models import Approval, ApprovalState, Run, RunStatus

FAILED_WITHIN = timedelta(hours=24)


def attention(project_id: UUID) -> list[dict[str, Any]]:
    """The contract's list, worst first; only what there is at least one of."""
    runs = Run.objects.filter(project=project_id).order_by()
    agents = Agent.objects.filter(project=project_id).order_by()
    alerts = Alert.objects.filter(project=project_id, state=AlertState.OPEN).order_by()
    approvals = Approval.objects.filter(project=project_id).order_by()
    since = timezone.now() - FAILED_WITHIN
    failed = runs.filter(one_of("status", [RunStatus.FAILED]), completed_at__gte=since)
    rows = (
        ("alerts", "critical", alerts.count(), "open alert", "/alerts?state=open"),
        ("failed_runs", "error", failed.count(), "run failed within a day", "/runs?status=failed"),
        ("error_agents", "error", agents.filter(status=AgentStatus.ERROR).count(),
         "agent in error", "/agents?status=error"),
        ("offline_agents", "warning", agents.filter(status=AgentStatus.OFFLINE).count(),
         "agent offline", "/agents?status=offline"),
        ("waiting_approvals", "warning", approvals.filter(state=ApprovalState.OPEN).count(),
         "approval waiting", "/approvals"),
    )  # fmt: skip
    return [
        {"kind": kind, "level": level, "count": count, "title": _title(count, noun), "url": url}
        for kind, level, count, noun, url in rows
        if count
    ]


def _title(count: int, noun: str) -> str:
    first, _, rest = noun.partition(" ")
    words = [first if count == 1 else f"{first}s", *([rest] if rest else [])]
    if first == "open":
        words = ["open", "alert" if count == 1 else "alerts"]
    return f"{count} {' '.join(words)}"
