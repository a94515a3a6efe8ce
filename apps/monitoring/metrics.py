"""The charts' numbers: sampled every few seconds by the engine loop, thinned out with age."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psutil
from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents.models import OVER, Agent, CommandRun
from apps.agents.models import RunStatus as CommandRunStatus
from apps.events import layer
from apps.events.conditions import one_of
from apps.monitoring import measurements
from apps.monitoring.dashboard.reducer import INACTIVE
from apps.monitoring.models import MetricSample
from apps.workflows.models import RUN_OPEN, Run
from apps.workflows.models import RunStatus as WorkflowRunStatus

MINUTE = 60
RAW_KEPT_SECONDS = 2 * 3600
MINUTES_KEPT_SECONDS = 8 * 86_400
NAMES = (
    "throughput", "api_ms", "cpu", "memory", "queue_depth", "active_agents", "running_workflows",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Range:
    """How far a chart reaches back and how coarse it is, in seconds."""

    seconds: int
    step: int


RANGES = {
    "15m": Range(900, 5),
    "1h": Range(3600, 15),
    "6h": Range(6 * 3600, 60),
    "24h": Range(86_400, 300),
    "7d": Range(7 * 86_400, 1800),
}


def sample() -> int:
    """Measure every project for this bucket of time; returns how many were new.

    Any number of engines may call it: a bucket is stored once.
    """
    step = max(1, round(settings.MC.metrics_seconds))
    at = int(time.time()) // step * step
    done = MetricSample.objects.filter(step=step, at=at).values("project")
    projects = list(Project.objects.exclude(pk__in=done).order_by().values_list("pk", flat=True))
    if not projects:
        return 0
    host = {
        "cpu": psutil.cpu_percent(interval=None),
        "memory": psutil.virtual_memory().percent,
        "api_ms": measurements.api_median_ms(MINUTE),
    }
    samples = [MetricSample(project_id=one, step=step, at=at, **host, **_counted(one)) for one in projects]
    MetricSample.objects.bulk_create(samples, ignore_conflicts=True)
    for one in samples:
        values = {name: getattr(one, name) for name in NAMES}
        layer.push(one.project_id, {"type": "metrics_sample", "at": at, **values})
    return len(samples)


def _counted(project_id: UUID) -> dict[str, float]:
    command_runs = CommandRun.objects.filter(project=project_id).order_by()
    minute_ago = timezone.now() - timedelta(seconds=MINUTE)
    return {
        "throughput": command_runs.filter(finished_at__gte=minute_ago, status__in=OVER).count(),
        "queue_depth": command_runs.filter(status=CommandRunStatus.QUEUED).count(),
        "active_agents": Agent.objects.filter(project=project_id).exclude(status__in=INACTIVE).count(),
        "running_workflows": Run.objects.filter(
            one_of("status", RUN_OPEN), project=project_id, status=WorkflowRunStatus.RUNNING
        ).count(),
    }


def thin_out() -> None:
    """Keep whole minutes as their mean, and forget what is too old to be shown."""
    now = int(time.time())
    for project_id in Project.objects.order_by().values_list("pk", flat=True):
        _keep_minutes(project_id, now // MINUTE * MINUTE)
    MetricSample.objects.exclude(step=MINUTE).filter(at__lt=now - RAW_KEPT_SECONDS).delete()
    MetricSample.objects.filter(step=MINUTE, at__lt=now - MINUTES_KEPT_SECONDS).delete()


def _keep_minutes(project_id: UUID, before: int) -> None:
    kept = MetricSample.objects.filter(project=project_id, step=MINUTE).aggregate(at=Max("at"))["at"]
    since = before - RAW_KEPT_SECONDS if kept is None else kept + MINUTE
    points = _means(_rows(project_id, since, before, raw=True), MINUTE)
    MetricSample.objects.bulk_create(
        [MetricSample(project_id=project_id, step=MINUTE, at=at, **values) for at, values in points.items()],
        ignore_conflicts=True,
    )


def read(project_id: UUID, name: str, now: float | None = None) -> dict[str, Any]:
    """The chart of a range: a point every `step_seconds`, null where nothing was measured."""
    chosen = RANGES[name]
    step = max(chosen.step, round(settings.MC.metrics_seconds))
    end = int(now or time.time()) // step * step
    start = end - chosen.seconds // step * step
    rows: list[dict[str, Any]] = []
    raw_since = start
    if chosen.step >= MINUTE:
        rows = list(_rows(project_id, start, end + step, raw=False))
        raw_since = rows[-1]["at"] + MINUTE if rows else start
    points = _means([*rows, *_rows(project_id, raw_since, end + step, raw=True)], step)
    grid = range(start + step, end + 1, step)
    series = {value: [points.get(at, {}).get(value) for at in grid] for value in NAMES}
    return {"step_seconds": step, "at": list(grid), "series": series}


def _rows(project_id: UUID, since: int, before: int, *, raw: bool) -> Iterable[dict[str, Any]]:
    found = MetricSample.objects.filter(project=project_id, at__gte=since, at__lt=before)
    found = found.exclude(step=MINUTE) if raw else found.filter(step=MINUTE)
    rows: Iterable[dict[str, Any]] = found.order_by("at").values("at", *NAMES)
    return rows


def _means(rows: Iterable[dict[str, Any]], step: int) -> dict[int, dict[str, float | None]]:
    grouped: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["at"] // step * step].append(row)
    return {at: {name: _mean(group, name) for name in NAMES} for at, group in grouped.items()}


def _mean(rows: list[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row[name] is not None]
    return round(sum(values) / len(values), 3) if values else None
