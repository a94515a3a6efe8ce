"""Endpoints: what admins do with them. Their secrets are derived from the server's SECRET_KEY and
stored nowhere; a new `secret_version` makes another, and the one before may be valid beside it for a
while.
"""

from __future__ import annotations

import ipaddress
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from apps.agents import outbound, signatures, signed_post
from apps.agents.outbound import OutboundError
from apps.agents.signed_post import Undelivered
from apps.errors import Conflict, InvalidInput, NotFound
from apps.events import journal
from apps.events.clock import now
from apps.events.journal import Change
from apps.monitoring import alerts
from apps.monitoring.alerts import Condition
from apps.monitoring.events import WebhookChanged
from apps.monitoring.models import AlertLevel, DeliveryState, WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import catalogue, outbox

EDITABLE = ("name", "url", "events", "enabled")
MOST_ENDPOINTS = 50

MOST_AT_ONCE = 1_000
TEST_SECONDS = 10.0
DISABLED = "webhook_disabled"
NAME_TAKEN = "another webhook of this project has this name; take another"
OVER = "The webhook was disabled."


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a test event. `status` is null when there was no answer."""

    ok: bool
    status: int | None
    ms: float
    answer: str
    error: str


def create_endpoint(project_id: UUID, given: Mapping[str, Any], *, by: str = "") -> WebhookEndpoint:
    """A new endpoint. `given` holds values of EDITABLE. Raises InvalidInput naming each wrong field,
    Conflict when there are too many."""
    endpoint = WebhookEndpoint(project_id=project_id, created_by=by[:150])
    try:
        with journal.changes(project_id) as change:
            _fill(endpoint, given)
            if WebhookEndpoint.objects.filter(project=project_id).count() >= MOST_ENDPOINTS:
                raise Conflict(f"A project has at most {MOST_ENDPOINTS} webhooks. Delete one first.")
            endpoint.save(force_insert=True)
            _changed(change, endpoint)
    except IntegrityError:
        raise InvalidInput({"name": NAME_TAKEN}) from None
    return endpoint


def change_endpoint(endpoint: WebhookEndpoint, given: Mapping[str, Any]) -> WebhookEndpoint:
    """Change some of EDITABLE. Enabled again, it is told of what still waits and counts as healthy.
    Raises InvalidInput naming each wrong field."""
    try:
        with journal.changes(endpoint.project_id) as change:
            current = locked(endpoint)
            before = {name: getattr(current, name) for name in EDITABLE}
            _fill(current, given)
            if all(getattr(current, name) == before[name] for name in EDITABLE):
                return current
            if current.enabled and not before["enabled"]:
                current.disabled_reason, current.failing_since = "", None
                alerts.resolve_alert(change, DISABLED, str(current.pk))
            current.save()
            _changed(change, current)
    except IntegrityError:
        raise InvalidInput({"name": NAME_TAKEN}) from None
    return current


def rotate_secret(endpoint: WebhookEndpoint, *, overlap: timedelta) -> WebhookEndpoint:
    """Give it another secret; until `overlap` has passed its events are signed with the old one, too."""
    with journal.changes(endpoint.project_id) as change:
        current = locked(endpoint)
        current.secret_version += 1
        current.old_secret_until = change.moment() + overlap if overlap else None
        current.save(update_fields=["secret_version", "old_secret_until"])
        _changed(change, current)
    return current


def delete_endpoint(endpoint: WebhookEndpoint) -> None:
    """Tell it nothing more, and forget what it was told."""
    with journal.changes(endpoint.project_id) as change:
        current = locked(endpoint)
        alerts.resolve_alert(change, DISABLED, str(current.pk))
        _record(change, "webhook.deleted", current)
        current.delete()
        _forget(current.project_id)


def disable(change: Change, endpoint: WebhookEndpoint, reason: str) -> None:
    """Give the endpoint up: nothing more is sent, what waits is dead, and an alert says so. Whoever
    calls holds its row."""
    endpoint.enabled, endpoint.disabled_reason = False, reason[:200]
    endpoint.save(update_fields=["enabled", "disabled_reason"])
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING)
    at_rest = waiting.filter(Q(held_until=None) | Q(held_until__lte=change.moment()))
    at_rest.update(state=DeliveryState.DEAD, next_at=None, held_until=None, error=OVER)
    message = f"The webhook {endpoint.name} was disabled: {reason}"
    found = Condition(DISABLED, str(endpoint.pk), AlertLevel.ERROR, message, "/webhooks")
    alerts.raise_alert(change, found)
    _forget(endpoint.project_id)


def resend(endpoint: WebhookEndpoint, delivery_id: UUID) -> WebhookDelivery:
    """Have one delivery sent again, soon and with the same id, however it ended.

    Raises Conflict while it is being sent or the endpoint is disabled, NotFound.
    """
    with journal.changes(endpoint.project_id) as change:
        current = _enabled(endpoint)
        delivery = WebhookDelivery.objects.filter(endpoint=current, pk=delivery_id).first()
        if delivery is None:
            raise NotFound("This webhook has no such delivery.")
        if delivery.held_until is not None and delivery.held_until > change.moment():
            raise Conflict("It is being sent at this moment.")
        _again(WebhookDelivery.objects.filter(pk=delivery.pk), change.moment())
        _changed(change, current)
        delivery.refresh_from_db()
    return delivery


def resend_dead(endpoint: WebhookEndpoint) -> int:
    """Have the oldest dead deliveries sent again, at most MOST_AT_ONCE; returns how many.
    Raises Conflict while the endpoint is disabled."""
    with journal.changes(endpoint.project_id) as change:
        current = _enabled(endpoint)
        dead = WebhookDelivery.objects.filter(endpoint=current, state=DeliveryState.DEAD)
        oldest = list(dead.order_by("created_at", "pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
        if oldest:
            _again(WebhookDelivery.objects.filter(pk__in=oldest), change.moment())
            _changed(change, current)
    return len(oldest)


def send_test(endpoint: WebhookEndpoint) -> Tried:
    """Send a test event now, also to a disabled endpoint, and wait for the answer. Stores nothing."""
    moment, event_id = now(), f"test-{uuid.uuid4()}"
    event = catalogue.event(
        catalogue.TEST,
        f"webhook/{endpoint.pk}",
        {"webhook_id": str(endpoint.pk), "name": endpoint.name},
        event_id=event_id,
        source=outbox.source_of(endpoint.project.slug),
        at=moment,
    )
    request = signed_post.request_of(endpoint.url, event, event_id, secrets_of(endpoint, moment))
    began = time.perf_counter()
    try:
        answer = signed_post.post(request, seconds=TEST_SECONDS)
    except Undelivered as error:
        said = signed_post.excerpt(error.answer) if error.answer else ""
        status = error.answer.status if error.answer else None
        return Tried(False, status, _ms(began), said, error.message)
    return Tried(True, answer.status, _ms(began), signed_post.excerpt(answer), "")


def secret_of(endpoint: WebhookEndpoint) -> str:
    """The secret its receiver verifies with: `whsec_…`."""
    return _secret(endpoint.pk, endpoint.secret_version)


def secrets_of(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """Every secret that events are signed with at the moment, the newest first."""
    found = [secret_of(endpoint)]
    if endpoint.secret_version > 1 and endpoint.old_secret_until and endpoint.old_secret_until > at:
        found.append(_secret(endpoint.pk, endpoint.secret_version - 1))
    return found


def record_changed(change: Change, endpoint: WebhookEndpoint) -> None:
    """Put the endpoint, as it now is, into the journal."""
    _record(change, "webhook.changed", endpoint)


def locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The endpoint's newest row. It is locked before its deliveries, and they before the journal."""
    found = WebhookEndpoint.objects.select_for_update(of=("self",), no_key=True).filter(pk=endpoint.pk)
    current = found.first()
    if current is None:
        raise NotFound("The webhook does not exist any more.")
    return current


def _enabled(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    current = locked(endpoint)
    if not current.enabled:
        raise Conflict("The webhook is disabled: enable it first.")
    return current


def _again(deliveries: QuerySet[WebhookDelivery], moment: datetime) -> None:
    deliveries.update(
        state=DeliveryState.PENDING, attempts=0, next_at=moment, held_until=None, sent_at=None, error=""
    )


def _fill(endpoint: WebhookEndpoint, given: Mapping[str, Any]) -> None:
    """Take over what is given and check the whole. Raises InvalidInput."""
    for name in EDITABLE:
        if name in given:
            setattr(endpoint, name, given[name])
    endpoint.name, endpoint.url = endpoint.name.strip(), endpoint.url.strip()
    endpoint.events = list(dict.fromkeys(endpoint.events))
    problems: dict[str, str] = {}
    if not endpoint.name:
        problems["name"] = "this field is required"
    elif (
        WebhookEndpoint.objects.filter(project=endpoint.project_id, name=endpoint.name)
        .exclude(pk=endpoint.pk)
        .exists()
    ):
        problems["name"] = NAME_TAKEN
    if problem := _problem_of_url(endpoint.url):
        problems["url"] = problem
    if not endpoint.events:
        problems["events"] = "name at least one kind of event, for example run.finished or run.*"
    wrong = [said for said in map(catalogue.problem_of, endpoint.events) if said]
    if wrong:
        problems["events"] = "; ".join(wrong[:3])
    if problems:
        raise InvalidInput(problems)


def _problem_of_url(url: str) -> str | None:
    """What can be told without looking the host up; the rest is checked whenever something is sent."""
    try:
        parsed = outbound.checked(outbound.Request("POST", url))
    except OutboundError as error:
        return error.message
    try:
        ipaddress.ip_address(parsed.host)
    except ValueError:
        return None
    if outbound.policy().permits(parsed.host, parsed.host, outbound.port_of(parsed)):
        return None
    return (
        f"Requests to {parsed.host} are not allowed here: it is not on the public internet. "
        "An administrator can allow it with MC_OUTBOUND_ALLOW."
    )


def _changed(change: Change, endpoint: WebhookEndpoint) -> None:
    record_changed(change, endpoint)
    _forget(endpoint.project_id)


def _forget(project_id: UUID) -> None:
    """Now for this transaction, and again when others can see it."""
    outbox.forget(project_id)
    transaction.on_commit(lambda: outbox.forget(project_id))


def _record(change: Change, kind: str, endpoint: WebhookEndpoint) -> None:
    dead = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.DEAD).count()
    body = WebhookChanged(
        webhook_id=endpoint.pk,
        name=endpoint.name,
        enabled=endpoint.enabled,
        disabled_reason=endpoint.disabled_reason,
        failing_since=endpoint.failing_since,
        dead=dead,
    )
    change.record(kind, body)


def _secret(endpoint_id: UUID, version: int) -> str:
    key = salted_hmac("apps.monitoring.webhook", f"{endpoint_id}:{version}", algorithm="sha256").digest()
    return signatures.secret_text(key)


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)
