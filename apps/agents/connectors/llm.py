"""Gives work to a language model through pydantic-ai: one streamed request, its text, its measured tokens.

Retries are the caller's: every error says whether trying again can help. pydantic-ai is imported
when the first work arrives, not when the process starts.
"""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.agents.connectors.base import (
    MOST_COST,
    MOST_TOKENS,
    Connector,
    ConnectorError,
    Outcome,
    Report,
    Work,
)
from apps.agents.connectors.model import ModelNotUsable, ModelSpec, build_model, parse_model

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import StreamedResponse
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.usage import RequestUsage

REPORT_EVERY_SECONDS = 0.1
MICRODOLLAR = Decimal("0.000001")
CHARACTERS_PER_TOKEN = 4  # for the progress bar alone; token counts come from the provider


def connector_for(agent_model: str | None) -> Connector:
    """The connector for an agent driven by a model: its own, the configured one, else the offline one."""
    from apps.agents.connectors.offline import OfflineConnector

    return LLMConnector() if agent_model or settings.MC.llm_model else OfflineConnector()


class LLMConnector:
    """The agent's instructions are the system prompt, the command's rendered prompt is the question."""

    async def run(self, work: Work, report: Report) -> Outcome:
        from pydantic_ai.exceptions import AgentRunError, UserError

        from apps.agents.connectors.errors import translate, unreadable

        try:
            spec = parse_model(work.model or settings.MC.llm_model, settings.MC.llm_base_url)
            return await _ask(spec, work, report)
        except ModelNotUsable as error:
            message = f"{error.message} {error.hint}"
            raise ConnectorError("model_not_configured", message, retryable=False) from None
        except (AgentRunError, UserError) as error:
            # "from None": the provider's own exception may carry the request's headers.
            raise translate(error) from None
        except ValueError as error:
            raise unreadable(error) from None


async def _ask(spec: ModelSpec, work: Work, report: Report) -> Outcome:
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest, UserPromptPart

    # In a thread: the first call imports the provider's library, which takes seconds.
    model = await asyncio.to_thread(build_model, spec)
    question = ModelRequest(parts=[UserPromptPart(work.prompt)], instructions=work.instructions or None)
    await report.progress(1, f"Asking {spec.name}")
    # The client belongs to this event loop and is closed with it, also when the work is cancelled.
    async with model, model_request_stream(model, [question], model_settings=_limits()) as stream:
        text = await _read(stream, report)
        response = stream.get()
    if not text.strip():
        raise _empty(response)
    cut = f"Cut off at {settings.MC.llm_max_tokens} tokens" if response.finish_reason == "length" else ""
    await report.progress(99, cut, text)
    read, written = _tokens(response.usage)
    return Outcome(
        output={"text": text.strip()},
        input_tokens=read,
        output_tokens=written,
        model=response.model_name or spec.name,
        demo=False,
        cost_usd=cost_of(spec, response),
    )


def _limits() -> ModelSettings:
    """The timeout limits a silence; how long the whole may take is the caller's to say, by cancelling."""
    return {
        "max_tokens": settings.MC.llm_max_tokens,
        "timeout": settings.MC.llm_timeout_seconds,
        "max_retries": 0,
    }


async def _read(stream: StreamedResponse, report: Report) -> str:
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

    longest = settings.MC.llm_max_tokens * CHARACTERS_PER_TOKEN
    pieces: list[str] = []
    length, told_at = 0, time.monotonic()
    async for event in stream:
        match event:
            case PartStartEvent(part=TextPart(content=piece)):
                pass
            case PartDeltaEvent(delta=TextPartDelta(content_delta=piece)):
                pass
            case _:
                continue
        pieces.append(piece)
        length += len(piece)
        if time.monotonic() - told_at >= REPORT_EVERY_SECONDS:
            percent = min(95, 5 + 90 * length // longest)
            await report.progress(percent, "Writing", "".join(pieces))
            told_at = time.monotonic()
    return "".join(pieces)


def _empty(response: ModelResponse) -> ConnectorError:
    if response.finish_reason == "length":
        return ConnectorError(
            "empty_answer",
            f"The model used all of its {settings.MC.llm_max_tokens} tokens before it wrote an answer; "
            "raise MC_LLM_MAX_TOKENS.",
            retryable=False,
        )
    if response.finish_reason == "content_filter":
        return ConnectorError(
            "refused", "The provider's content filter held the answer back.", retryable=False
        )
    return ConnectorError("empty_answer", "The model answered with no text.", retryable=True)


def _tokens(usage: RequestUsage) -> tuple[int | None, int | None]:
    """What the provider counted, or nothing: a count is never guessed."""
    if usage.unmeasured_requests or not (usage.input_tokens or usage.output_tokens):
        return None, None
    if not (0 <= usage.input_tokens <= MOST_TOKENS and 0 <= usage.output_tokens <= MOST_TOKENS):
        return None, None
    return usage.input_tokens, usage.output_tokens


def cost_of(spec: ModelSpec, response: ModelResponse) -> Decimal | None:
    """What the provider charged, or its list price where known; nothing for a server of one's own."""
    if (reported := getattr(response.usage, "cost", None)) is not None:
        charged = Decimal(str(reported))
        is_credible = charged.is_finite() and 0 <= charged <= MOST_COST
        return charged.quantize(MICRODOLLAR) if is_credible else None
    if spec.base_url or spec.provider == "ollama" or _tokens(response.usage) == (None, None):
        return None
    try:
        price: Any = response.cost().total_price
    except (LookupError, ValueError, AssertionError):
        return None
    return Decimal(str(price)).quantize(MICRODOLLAR)
