"""Hands work to an agent's own HTTP endpoint: one signed POST, answered at once or by a callback.

200 holds the result. 202 says that the agent reports later, with the token it was given; nobody here
waits for that. Signatures are Standard Webhooks', addresses go through the guard.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from apps.agents import credentials, outbound, signatures
from apps.agents.connectors.base import MOST_TOKENS, ConnectorError, HandedOver, Outcome, Report, Work
from apps.agents.outbound import Answer, OutboundError, Request
from apps.agents.storable import storable_text

logger = logging.getLogger(__name__)

ACCEPTED = 202
MARGIN_SECONDS = 5  # whoever runs the work stops it in time; this is for when nobody does
NOTICE_SECONDS = 10.0
LONGEST_EXCERPT = 300
MAY_PASS = frozenset({408, 425, 429})

_notices: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Called:
    """Who was given an attempt, and can be told that nobody wants its result any more."""

    command_run_id: UUID
    fence: int
    agent_id: UUID
    endpoint: str
    secret_version: int


class HttpAgentConnector:
    """One POST an attempt. Every attempt carries the same idempotency key and a callback token of its own."""

    async def run(self, work: Work, report: Report) -> Outcome | HandedOver:
        if not work.endpoint:
            raise ConnectorError("no_endpoint", f"{work.agent_name} has no endpoint.", retryable=False)
        try:
            request = _signed(work, f"{work.command_run_id}.{work.fence}", _order(work))
            host = outbound.checked(request).host
            await report.progress(1, f"Calling {host}")
            answer = await outbound.send(request, seconds=work.timeout_seconds + MARGIN_SECONDS)
        except OutboundError as error:
            raise ConnectorError(error.code, error.message, retryable=error.retryable) from None
        except asyncio.CancelledError:
            if report.why_stopped in ("", "cancel"):  # cancelled, or out of time
                _tell_beside(work)
            raise
        if answer.status == ACCEPTED:
            return HandedOver(f"{host} took it and will call back")
        return _outcome(host, answer)


async def try_out(agent_name: str, agent_id: UUID, endpoint: str, version: int) -> Answer:
    """Send a signed message that asks for nothing, and give what is answered. Raises OutboundError."""
    body = {"type": "test", "agent": agent_name}
    message_id = f"test.{agent_id}.{time.time_ns()}"
    secrets = credentials.signing_secrets(agent_id, version)
    return await outbound.send(_request(endpoint, secrets, message_id, body), seconds=NOTICE_SECONDS)


def _order(work: Work) -> dict[str, Any]:
    return {
        "type": "command",
        "id": str(work.command_run_id),
        "command": work.command,
        "title": work.title,
        "prompt": work.prompt,
        "input": work.input,
        "attempt": work.attempt,
        "fence": work.fence,
        "idempotency_key": work.idempotency_key,
        "timeout_seconds": work.timeout_seconds,
        "traceparent": work.traceparent,
        "callback_url": credentials.callback_url(work.command_run_id),
        "callback_token": credentials.callback_token(work.command_run_id, work.fence),
    }


def _signed(work: Work, message_id: str, body: Mapping[str, Any]) -> Request:
    assert work.agent_id is not None  # there is an endpoint
    secrets = credentials.signing_secrets(work.agent_id, work.secret_version)
    more = {"Idempotency-Key": work.idempotency_key, "traceparent": work.traceparent}
    return _request(work.endpoint, secrets, message_id, body, more)


def _request(
    url: str,
    secrets: list[str],
    message_id: str,
    body: Mapping[str, Any],
    more: Mapping[str, str] | None = None,
) -> Request:
    content, timestamp = orjson.dumps(body), int(time.time())
    signed = (signatures.sign(secret, message_id, timestamp, content) for secret in secrets)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"MissionControl/{settings.VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signed),
        **(more or {}),
    }
    return Request("POST", url, headers, content)


def _tell_beside(work: Work) -> None:
    """Tell it to stop, beside what goes on here."""
    assert work.agent_id is not None  # there is an endpoint
    called = Called(work.command_run_id, work.fence, work.agent_id, work.endpoint, work.secret_version)
    task = asyncio.get_running_loop().create_task(tell_to_stop(called))
    _notices.add(task)
    task.add_done_callback(_notices.discard)


async def tell_to_stop(called: Called) -> None:
    """Send the notice that nobody wants the result any more, once. It is no repetition of the order, so
    it has no idempotency key."""
    body = {"type": "cancel", "id": str(called.command_run_id), "fence": called.fence}
    secrets = credentials.signing_secrets(called.agent_id, called.secret_version)
    message_id = f"{called.command_run_id}.{called.fence}.cancel"
    try:
        await outbound.send(_request(called.endpoint, secrets, message_id, body), seconds=NOTICE_SECONDS)
    except OutboundError as error:
        logger.info(
            "an endpoint did not hear that its work is cancelled",
            extra={"command_run_id": str(called.command_run_id), "reason": error.message},
        )


def _outcome(host: str, answer: Answer) -> Outcome:
    """What a 200 holds: `output`, and if it was measured `usage` and `model`; or `error`."""
    if not 200 <= answer.status < 300:
        raise _refusal(host, answer)
    said = _object(answer.body)
    if said is not None and "error" in said:
        raise _error(said["error"])
    if said is None or "output" not in said:
        raise ConnectorError(
            "bad_answer",
            f"{host} answered {answer.status} without a result: send a JSON object with output or error, "
            "or 202 to report later.",
            retryable=False,
        )
    output, usage = said["output"], said.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    model = said.get("model")
    return Outcome(
        output if isinstance(output, dict) else {"text" if isinstance(output, str) else "value": output},
        _count(usage.get("input_tokens")),
        _count(usage.get("output_tokens")),
        storable_text(model) if isinstance(model, str) else "",
        demo=False,
    )


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _count(value: Any) -> int | None:
    """A number of tokens as it was measured; nothing for what is none."""
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
    return value if known else None


def _error(given: Any) -> ConnectorError:
    """An error the agent stated: a text, or {code, message, retryable}."""
    said = given if isinstance(given, dict) else {"message": given}
    code, message = said.get("code"), said.get("message")
    return ConnectorError(
        storable_text(code)[:50] if isinstance(code, str) and code else "agent_error",
        storable_text(message)[:4000]
        if isinstance(message, str) and message
        else "The agent gave no reason.",
        retryable=said.get("retryable") is True,
    )


def _refusal(host: str, answer: Answer) -> ConnectorError:
    """Why another status is no result, with the beginning of what it says."""
    text = storable_text(" ".join(answer.body[: 4 * LONGEST_EXCERPT].decode("utf-8", "replace").split()))
    message = f"{host} answered {answer.status}."
    if 300 <= answer.status < 400:
        message += " Redirects are not followed; give the address it leads to."
    elif text:
        message += f" It says: {text if len(text) <= LONGEST_EXCERPT else text[: LONGEST_EXCERPT - 1] + '…'}"
    retryable = answer.status in MAY_PASS or answer.status >= 500
    pause = outbound.retry_after(answer) if retryable else None
    return ConnectorError(f"http_{answer.status}", message, retryable=retryable, retry_after=pause)
