"""Sends what the outbox holds. Any number of engines may do it at once.

A delivery is won for a while, which is renewed as long as it is being sent, outside of any transaction,
and what came of it is written; one whose engine died meanwhile is due again. So an event may arrive
twice, with the same id, and in another order than it happened. What failed is tried again over three
days, then it is dead until somebody sends it again; a receiver that took nothing for five days is told
nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Literal, cast
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from apps.agents import outbound, signed_post
from apps.agents.outbound import Answer, OutboundError, Request
from apps.agents.signed_post import Undelivered
from apps.events import journal, layer
from apps.events.clock import now
from apps.events.failpoints import fail_point
from apps.events.journal import Change
from apps.events.prepared import prepared
from apps.monitoring.events import WebhookTried
from apps.monitoring.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from apps.monitoring.webhooks import endpoints

logger = logging.getLogger(__name__)

SECONDS = 20.0
LEASE = timedelta(seconds=15)
RENEW_SECONDS = 3.0
PAUSES = (5, 300, 1_800, *(hours * 3_600 for hours in (2, 5, 10, 14, 20, 24)))  # some three days
JITTER = 0.2
DISABLED_AFTER = timedelta(days=5)
AT_ONCE = 128
AT_ONCE_EACH = 4  # so that one slow receiver holds up only itself
LOOK_AGAIN_SECONDS = 0.25  # for what became due while slow receivers are waited for
SENT_KEPT = timedelta(days=7)
DEAD_KEPT = timedelta(days=30)
PRUNED_AT_ONCE = 5_000


@dataclass(eq=False, slots=True)
class Held:
    """A delivery that is this process's until the lease ends, as it is going to be sent. Only `until`
    changes: when the lease is renewed."""

    pk: UUID
    project_id: UUID
    endpoint_id: UUID
    attempt: int
    until: datetime
    request: Request


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a try: the answer, or why there is none."""

    held: Held
    answer: Answer | None
    failure: Undelivered | None
    ms: float


def is_due() -> bool:
    """Whether anything may be sent now; asked before a thread is begun for it."""
    return bool(_first_due(now()))


def send_due() -> int:
    """Send everything that is due, some at a time; returns how many tries were made. Waits for the
    network."""
    tries = 0
    flying: dict[Future[Result], Held] = {}
    renewed_at = time.monotonic()
    with _loop() as loop:
        while True:
            for held in claim(AT_ONCE - len(flying)):
                flying[asyncio.run_coroutine_threadsafe(_send(held), loop)] = held
                tries += 1
            if not flying:
                return tries
            done, _ = wait(flying, LOOK_AGAIN_SECONDS, FIRST_COMPLETED)
            for one in done:
                del flying[one]
            settle([one.result() for one in done])
            if time.monotonic() - renewed_at >= RENEW_SECONDS:
                renew(list(flying.values()))
                renewed_at = time.monotonic()


def claim(room: int) -> list[Held]:
    """Win what is due: of each receiver at most AT_ONCE_EACH in all engines, the healthy ones first."""
    if room <= 0 or not is_due():
        return []
    at = now()
    until = at + LEASE
    found: list[Held] = []
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        rows = _with_something_due(at).order_by(F("failing_since").asc(nulls_first=True), "pk")
        for endpoint in rows.select_for_update(of=("self",), no_key=True, skip_locked=skip):
            if len(found) >= room:
                break
            waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING)
            free = min(AT_ONCE_EACH - waiting.filter(held_until__gt=at).count(), room - len(found))
            if free > 0:
                found += _win(endpoint, waiting.filter(next_at__lte=at).order_by("next_at")[:free], until)
    return found


def renew(some: Sequence[Held]) -> None:
    """Keep what is still being sent. What was lost meanwhile stays with whoever has it: its lease ends
    at another moment, so nothing of it is written here any more."""
    until = now() + LEASE
    for (ends, attempt), held in groupby(
        sorted(some, key=lambda one: (one.until, one.attempt)), key=lambda one: (one.until, one.attempt)
    ):
        mine = list(held)
        WebhookDelivery.objects.filter(
            pk__in=[one.pk for one in mine], state=DeliveryState.PENDING, held_until=ends, attempts=attempt
        ).update(next_at=until, held_until=until)
        for one in mine:
            one.until = until


def _with_something_due(at: datetime) -> QuerySet[WebhookEndpoint]:
    """Asked endpoint by endpoint: there are few of them, and of deliveries there may be very many."""
    waiting = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.PENDING)
    return WebhookEndpoint.objects.filter(Exists(waiting.filter(next_at__lte=at)), enabled=True)


@prepared
def _first_due(at: datetime) -> QuerySet[WebhookEndpoint, UUID]:
    return _with_something_due(at).order_by().values_list("pk", flat=True)[:1]


def _win(endpoint: WebhookEndpoint, chosen: QuerySet[WebhookDelivery], until: datetime) -> list[Held]:
    secrets = endpoints.secrets_of(endpoint, until - LEASE)
    won = list(chosen)
    WebhookDelivery.objects.filter(pk__in=[one.pk for one in won]).update(
        next_at=until, held_until=until, attempts=F("attempts") + 1
    )
    return [
        Held(
            one.pk,
            endpoint.project_id,
            endpoint.pk,
            one.attempts + 1,
            until,
            signed_post.request_of(endpoint.url, one.body, one.event_id, secrets),
        )
        for one in won
    ]


async def _send(held: Held) -> Result:
    """One try, outside of any transaction and of any thread that has a connection."""
    began = time.perf_counter()
    answer: Answer | None = None
    failure: Undelivered | None = None
    try:
        fail_point("monitoring.webhooks.send:before")
        answer = await outbound.send(held.request, seconds=SECONDS)
        fail_point("monitoring.webhooks.send:after")
        signed_post.check(answer)
    except OutboundError as error:
        failure = signed_post.unsent(error)
    except Undelivered as error:
        failure = error
    except Exception as error:  # nothing a stranger's server does may hold up the others
        logger.exception("a webhook's delivery broke", extra={"delivery": str(held.pk)})
        failure = Undelivered(f"It could not be sent ({type(error).__name__}).")
    return Result(held, answer, failure, round((time.perf_counter() - began) * 1000, 1))


def settle(results: Sequence[Result]) -> None:
    """Write what came of tries, in one transaction for each endpoint that was tried."""
    ordered = sorted(results, key=lambda one: (one.held.project_id, one.held.endpoint_id))
    for (project_id, endpoint_id), some in groupby(
        ordered, key=lambda one: (one.held.project_id, one.held.endpoint_id)
    ):
        with journal.changes(project_id) as change:
            rows = WebhookEndpoint.objects.select_for_update(of=("self",), no_key=True)
            endpoint = rows.filter(pk=endpoint_id).first()
            if endpoint is not None:  # deleted meanwhile, with its deliveries
                _settle(change, endpoint, list(some))


def _settle(change: Change, endpoint: WebhookEndpoint, results: list[Result]) -> None:
    was_failing, died = endpoint.failing_since, False
    for one in results:
        state = _write(change, endpoint, one)
        if state is None:  # the lease ended while it was sent: whoever has it now says how it went
            continue
        died = died or state == DeliveryState.DEAD
        tick = WebhookTried(
            webhook_id=endpoint.pk,
            delivery_id=one.held.pk,
            state=cast(Literal["pending", "sent", "dead"], str(state)),
        )
        transaction.on_commit(partial(layer.push, endpoint.project_id, tick.payload()))
        if one.failure is None:
            endpoint.failing_since, endpoint.last_success_at = None, change.moment()
        elif endpoint.failing_since is None:
            endpoint.failing_since = change.moment()
    endpoint.save(update_fields=["failing_since", "last_success_at"])
    if reason := _reason_to_disable(change, endpoint, results):
        endpoints.disable(change, endpoint, reason)
        died = True
    if died or endpoint.failing_since != was_failing:
        endpoints.record_changed(change, endpoint)


def _reason_to_disable(change: Change, endpoint: WebhookEndpoint, results: list[Result]) -> str:
    if not endpoint.enabled:
        return ""
    if any(one.failure and one.failure.is_gone for one in results):
        return "The receiver answered 410: it wants no more of these."
    since = endpoint.failing_since
    if since is not None and change.moment() - since >= DISABLED_AFTER:
        return f"It took nothing for {DISABLED_AFTER.days} days."
    return ""


def _write(change: Change, endpoint: WebhookEndpoint, result: Result) -> DeliveryState | None:
    """Write what came of one try, unless its lease has ended; returns what the delivery is now."""
    held, failure, moment = result.held, result.failure, change.moment()
    said = {
        "held_until": None,
        "last_status": result.answer.status if result.answer else None,
        "last_answer": signed_post.excerpt(result.answer) if result.answer else "",
        "last_ms": result.ms,
        "error": failure.message[:300] if failure else "",
    }
    if failure is None:
        state, next_at = DeliveryState.SENT, None
    else:
        state, next_at = _after(failure, held.attempt, moment, given_up=bool(endpoint.disabled_reason))
    mine = WebhookDelivery.objects.filter(
        pk=held.pk, state=DeliveryState.PENDING, held_until=held.until, attempts=held.attempt
    )
    sent_at = moment if state == DeliveryState.SENT else None
    return state if mine.update(state=state, next_at=next_at, sent_at=sent_at, **said) else None


def _after(
    failure: Undelivered, attempt: int, moment: datetime, *, given_up: bool
) -> tuple[DeliveryState, datetime | None]:
    """What becomes of a delivery whose try failed. One of an endpoint that a person disabled waits."""
    pause = signed_post.pause_seconds(PAUSES, attempt, failure.retry_after, jitter=JITTER)
    if failure.permanent or given_up or pause is None:
        return DeliveryState.DEAD, None
    return DeliveryState.PENDING, moment + timedelta(seconds=pause)


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop on a thread that holds up nobody's end: what is on its way then is due again."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="webhooks", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def prune() -> int:
    """Forget what arrived, and dead deliveries that nobody sent again; returns how many went."""
    at, gone = now(), 0
    sent = WebhookDelivery.objects.filter(state=DeliveryState.SENT, created_at__lt=at - SENT_KEPT)
    old = WebhookDelivery.objects.filter(created_at__lt=at - DEAD_KEPT)
    known = WebhookEndpoint.objects.filter(pk=OuterRef("endpoint_id"))
    orphans = WebhookDelivery.objects.filter(~Exists(known), created_at__lt=at - timedelta(minutes=5))
    for rows in (sent, old, orphans):
        while some := list(rows.values_list("pk", flat=True)[:PRUNED_AT_ONCE]):
            gone += WebhookDelivery.objects.filter(pk__in=some).delete()[0]
    return gone
