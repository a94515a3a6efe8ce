"""Writes what webhooks will be told, inside the transaction of what happened: a delivery exists
exactly when its event does.

Every change of every project comes through here, so it costs nothing where nobody wants to be told:
who wants what is remembered, and asked of the database again after a second.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from django.conf import settings

from apps.accounts.models import Project
from apps.events import journal, late
from apps.events.journal import Change, Recorded
from apps.monitoring.models import WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import catalogue

MEMORY_SECONDS = 1.0  # so soon every process knows of a new, changed or disabled endpoint


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which endpoints of a project want which kinds."""

    until: float
    source: str
    endpoints: Mapping[str, tuple[UUID, ...]]


_memory: dict[UUID, Wanted] = {}
_generation = 0
_lock = threading.Lock()


def subscribe() -> None:
    for name in catalogue.NAMES:
        journal.subscribe(name, hear)
        late.subscribe(name, hear)


def hear(event: Recorded, change: Change) -> None:
    """Write a delivery for every endpoint that wants the event."""
    wanted = _memory.get(event.project_id)
    if wanted is None or monotonic() >= wanted.until:
        wanted = _load(event.project_id)
    endpoints = wanted.endpoints.get(event.kind)
    if endpoints:
        write(event, change, wanted.source, endpoints)


def write(event: Recorded, change: Change, source: str, endpoints: tuple[UUID, ...]) -> None:
    moment, event_id = change.moment(), str(uuid.uuid4())
    told = catalogue.envelope(
        event.kind, event.body, event_id=event_id, source=source, at=moment, own_url=settings.MC.own_url
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            project_id=event.project_id,
            endpoint_id=endpoint,
            event_id=event_id,
            type=told["type"],
            subject=told["subject"],
            body=told,
            next_at=moment,
            created_at=moment,
        )
        for endpoint in endpoints
    )


def forget(project_id: UUID) -> None:
    """Ask the database again: an endpoint of the project has changed."""
    global _generation  # noqa: PLW0603  (one memory per process)
    with _lock:
        _generation += 1
        _memory.pop(project_id, None)


def source_of(slug: str) -> str:
    return f"/mission-control/{slug}"


def _load(project_id: UUID) -> Wanted:
    generation = _generation
    asked = WebhookEndpoint.objects.filter(project=project_id, enabled=True).order_by("pk")
    endpoints: dict[str, list[UUID]] = {}
    for pk, patterns in asked.values_list("pk", "events"):
        for name in catalogue.names_in(patterns):
            endpoints.setdefault(name, []).append(pk)
    slug = Project.objects.values_list("slug", flat=True).get(pk=project_id) if endpoints else ""
    found = Wanted(
        monotonic() + MEMORY_SECONDS,
        source_of(slug),
        {name: tuple(pks) for name, pks in endpoints.items()},
    )
    with _lock:
        if generation == _generation:  # else what was read may be older than what was forgotten
            _memory[project_id] = found
    return found
