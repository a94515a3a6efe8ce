"""Forgets what is no longer promised: old journal lines, fine samples. Called by the engine loop."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from apps.events import journal
from apps.events.models import Stream
from apps.monitoring import metrics


def prune() -> int:
    """Shorten every project's journal to what MC_JOURNAL_KEEP_* promises; returns lines gone."""
    before = timezone.now() - timedelta(minutes=settings.MC.journal_keep_minutes)
    gone = sum(
        journal.prune(project_id, before=before, keep=settings.MC.journal_keep_events)
        for project_id in Stream.objects.values_list("project_id", flat=True)
    )
    metrics.thin_out()
    return gone
