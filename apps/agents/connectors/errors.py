"""Turns what a model provider can answer badly into one ConnectorError: code, sentence, retry or not.

Imports pydantic-ai, so it is itself imported only when work for a model arrives.
"""

from __future__ import annotations

import re

from pydantic_ai import exceptions as failures

from apps.agents.connectors.base import ConnectorError
from apps.agents.connectors.model import api_key

LONGEST_DETAIL = 300
LOOKS_SECRET = re.compile(r"\b(?:sk|pk|rk|key|gsk|AIza|Bearer)[-_ ]?[A-Za-z0-9_*.\-]{8,}", re.IGNORECASE)

# From the particular to the general: a subclass stands before its base.
CATEGORIES: tuple[tuple[type[Exception], str, str, bool], ...] = (
    (failures.ModelAuthenticationError, "unauthorised", "The key was refused; check MC_LLM_API_KEY.", False),
    (failures.ModelNotFoundError, "model_not_found", "The provider has no such model or address.", False),
    (failures.ModelContextWindowExceededError, "input_too_long", "The input is too long to read.", False),
    (failures.ModelRequestRejectedError, "rejected", "The provider rejected the request.", False),
    (failures.ModelQuotaExceededError, "quota_exceeded", "The provider account is used up.", False),
    (failures.ModelRateLimitError, "rate_limited", "The provider asks to slow down.", True),
    (failures.ModelUnavailableError, "provider_unavailable", "The provider is unavailable for now.", True),
    (failures.ModelServerError, "provider_error", "The provider failed.", True),
    (failures.ModelRequestTimeout, "timeout", "The model did not finish in time.", True),
    (failures.ModelTimeoutError, "timeout", "The model did not answer in time.", True),
    (failures.ModelConnectionError, "unreachable", "The model's server could not be reached.", True),
    (failures.ContentFilterError, "refused", "The provider's content filter held it back.", False),
    (failures.UnexpectedModelBehavior, "bad_answer", "The model's answer was not understood.", True),
    (failures.UserError, "model_not_configured", "The model is not configured correctly.", False),
)


def translate(error: Exception) -> ConnectorError:
    """One sentence for people, with the provider's own words where they are harmless."""
    known = ((code, text, again) for kind, code, text, again in CATEGORIES if isinstance(error, kind))
    code, sentence, retryable = next(known, None) or _by_status(error)
    # What a provider says of a refused key often repeats a part of it.
    detail = "" if code == "unauthorised" else _detail(error)
    message = f"{sentence} {detail}".strip()
    return ConnectorError(code, message, retryable=retryable, retry_after=getattr(error, "retry_after", None))


def unreadable(error: ValueError) -> ConnectorError:
    """The server answered, but not in its protocol (a proxy's HTML page, half a JSON object)."""
    return ConnectorError(
        "bad_answer", f"The model's answer was not understood ({type(error).__name__}).", retryable=True
    )


def _by_status(error: Exception) -> tuple[str, str, bool]:
    status = getattr(error, "status_code", None)
    if not isinstance(status, int):
        return "provider_error", "The model provider failed.", True
    retryable = status in (408, 409, 425, 429) or status >= 500
    return f"http_{status}", f"The provider answered with status {status}.", retryable


def _detail(error: Exception) -> str:
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error", body)
        text = inner.get("message", "") if isinstance(inner, dict) else inner
        return _harmless(str(text))
    status = getattr(error, "status_code", None)
    return f"(status {status})" if status else ""


def _harmless(text: str) -> str:
    if key := api_key():
        text = text.replace(key, "[key]")
    text = " ".join(LOOKS_SECRET.sub("[key]", text).split())
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"
