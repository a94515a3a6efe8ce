"""Forgets spans that began too long ago, a portion at a time. Called by the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Project
from apps.agents.models.telemetry import Session, Span, SpanData
from apps.events.clock import now

PORTION = 500
ROUND_SECONDS = 10.0


def prune(is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove what is older than MC_SPANS_KEEP_DAYS, as far as one round gets; returns how many."""
    before = now() - timedelta(days=settings.MC.spans_keep_days)
    deadline = time.monotonic() + ROUND_SECONDS
    gone = 0
    for project_id in Project.objects.order_by().values_list("pk", flat=True):
        while not is_stopped() and time.monotonic() < deadline:
            portion = _remove_oldest(project_id, before)
            gone += portion
            if portion < PORTION:
                # None of the spans of these is left.
                Session.objects.filter(project=project_id, last_at__lt=before).delete()
                break
    return gone


def _remove_oldest(project_id: UUID, before: datetime) -> int:
    with transaction.atomic():
        old = Span.objects.filter(project=project_id, started_at__lt=before).order_by("started_at")
        ids = list(old.values_list("pk", flat=True)[:PORTION])
        if not ids:
            return 0
        # Nothing else refers to spans; Django's own delete would read every row first.
        data = SpanData.objects.filter(pk__in=ids)
        data._raw_delete(data.db)
        spans = Span.objects.filter(pk__in=ids).order_by()
        return spans._raw_delete(spans.db)
