"""HTTP requests as work: accepted like any command run, done by a worker and by no agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from apps.agents import named_secrets, outbound
from apps.agents.models import CommandRun, WorkKind
from apps.agents.outbound import OutboundError
from apps.agents.services import Accepted, Effort, queue
from apps.errors import InvalidInput
from apps.events.journal import Change

USUAL_ATTEMPTS = 3
USUAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class HttpOrder(Effort):
    """One request: the input of `accept_http_run`.

    `body` is sent as JSON, a text as it is. `accept` lists the statuses that are a result; empty:
    every 2xx. `secrets` names those that the definition's own headers hold, before anything was
    put into them: what comes from data names none.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    accept: tuple[int, ...] = ()
    secrets: frozenset[str] = frozenset()


def secrets_in(headers: dict[str, Any]) -> frozenset[str]:
    """The secrets that the headers of a definition name, as they are written there."""
    return frozenset(named_secrets.names(str(value) for value in headers.values()))


def checked_http(order: HttpOrder) -> Accepted:
    """A request as a row that is not written yet.

    Raises InvalidInput when it can be told now that the request could not be sent.
    """
    try:
        outbound.check_line(order.method, order.url, order.headers)
    except OutboundError as error:
        raise InvalidInput({"http": error.message}) from None
    run = CommandRun(
        kind=WorkKind.HTTP,
        title=(order.title or f"{order.method} {order.url}")[:200],
        max_attempts=order.max_attempts or USUAL_ATTEMPTS,
        timeout_seconds=order.timeout_seconds or USUAL_SECONDS,
    )
    value = {
        "method": order.method,
        "url": order.url,
        "headers": order.headers,
        "body": order.body,
        "accept": list(order.accept),
        "secrets": sorted(order.secrets),
    }
    return Accepted(run, order, {name: given for name, given in value.items() if given not in ({}, [], None)})


def accept_http_run(change: Change, order: HttpOrder) -> CommandRun:
    """T1: write the request down, queued. It is dispatched to a worker after commit. Raises as
    `checked_http`."""
    return queue(change, checked_http(order))
