"""Telling somebody else's server of an event: one signed POST, what its answer means, and when to
try again.

The envelope is CloudEvents', the signature Standard Webhooks'. Knows no row and no transaction;
whoever calls keeps the outbox.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.conf import settings

from apps.agents import outbound, signatures
from apps.agents.outbound import Answer, OutboundError, Request
from apps.agents.storable import storable_text

GONE = 410
LONGEST_PAUSE_SECONDS = 86_400
LONGEST_EXCERPT = 500
# What cannot be sent at all; everything else, an expired certificate too, may be mended meanwhile.
HOPELESS = frozenset({"address_refused", "invalid_request"})


class Undelivered(Exception):
    """It did not arrive. `permanent`: trying again would change nothing."""

    def __init__(self, message: str, *, permanent: bool = False, answer: Answer | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.answer = answer

    @property
    def retry_after(self) -> float | None:
        """The seconds that the receiver asked to wait."""
        return outbound.retry_after(self.answer) if self.answer else None

    @property
    def is_gone(self) -> bool:
        """The receiver wants to hear nothing more at this address."""
        return self.answer is not None and self.answer.status == GONE


def request_of(url: str, event: Mapping[str, Any], message_id: str, secrets: Sequence[str]) -> Request:
    """The POST of an event, signed now with each of the secrets (`whsec_…`)."""
    body, timestamp = orjson.dumps(event), int(time.time())
    headers = {
        "Content-Type": "application/cloudevents+json",
        "User-Agent": f"MissionControl/{settings.VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            signatures.sign(secret, message_id, timestamp, body) for secret in secrets
        ),
    }
    return Request("POST", url, headers, body)


def post(request: Request, *, seconds: float) -> Answer:
    """Send it and wait for the answer; a 2xx one is returned. Raises Undelivered."""
    try:
        answer = asyncio.run(outbound.send(request, seconds=seconds))
    except OutboundError as error:
        raise unsent(error) from None
    check(answer)
    return answer


def unsent(error: OutboundError) -> Undelivered:
    """What it means that there was no answer."""
    return Undelivered(error.message, permanent=error.code in HOPELESS)


def check(answer: Answer) -> None:
    """Raises Undelivered unless the receiver took it."""
    if 200 <= answer.status < 300:
        return
    gone = answer.status == GONE
    said = "wants no more of these (410)" if gone else f"answered {answer.status}"
    raise Undelivered(f"The receiver {said}.", permanent=gone, answer=answer)


def excerpt(answer: Answer) -> str:
    """The beginning of what was answered, fit to be stored."""
    text = storable_text(answer.body[: LONGEST_EXCERPT * 4].decode("utf-8", "replace"))
    return text if len(text) <= LONGEST_EXCERPT else text[: LONGEST_EXCERPT - 1] + "…"


def pause_seconds(
    pauses: Sequence[float], attempt: int, retry_after: float | None = None, *, jitter: float = 0.0
) -> float | None:
    """How long to wait after the failed try number `attempt`, from 1: at least what the receiver asked
    for, at most a day longer than planned. None when that was the last try."""
    if attempt > len(pauses):
        return None
    planned = pauses[attempt - 1] * (1 + random.uniform(0, jitter))  # noqa: S311  (no secret)
    return max(planned, min(retry_after or 0.0, LONGEST_PAUSE_SECONDS))
