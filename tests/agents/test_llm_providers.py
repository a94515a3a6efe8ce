"""The providers that come with the product, each spoken to in its own protocol on the loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from apps.agents.connectors.base import ConnectorError
from apps.agents.connectors.llm import LLMConnector
from tests.agents.provider import Told, http, provider, stream, work

KEY = "verysecretkey1234567890"
MODELS = ["openai:tiny", "anthropic:claude-haiku-4-5", "google:gemini-2.5-flash", "ollama:llama3.2"]


@pytest.fixture
def use(settings: Any) -> Any:
    def point(model: str, url: str) -> None:
        given = {"llm_model": model, "llm_base_url": url, "llm_api_key": SecretStr(KEY)}
        settings.MC = settings.MC.model_copy(update=given)

    return point


def events(*payloads: dict[str, Any]) -> bytes:
    """A stream of server-sent events, each with the name of its type."""
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    body = "".join(
        (f"event: {payload['type']}\n" if "type" in payload else "") + f"data: {json.dumps(payload)}\n\n"
        for payload in payloads
    )
    return (head + body).encode()


ANTHROPIC = events(
    {
        "type": "message_start",
        "message": {
            "id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 21, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 4},
    },
    {"type": "message_stop"},
)  # fmt: skip
GOOGLE = events(
    {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}}],
        "modelVersion": "gemini-2.5-flash",
    },
    {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "lo"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 21, "candidatesTokenCount": 4, "totalTokenCount": 25},
        "modelVersion": "gemini-2.5-flash",
    },
)  # fmt: skip
CHAT = stream("Hel", "lo", usage={"prompt_tokens": 21, "completion_tokens": 4, "total_tokens": 25})


@pytest.mark.parametrize(("model", "answer"), list(zip(MODELS, [CHAT, ANTHROPIC, GOOGLE, CHAT], strict=True)))
async def test_text_and_tokens_come_out_of_every_protocol(use: Any, model: str, answer: bytes) -> None:
    async with provider(answer) as server:
        use(model, server.url)
        outcome = await LLMConnector().run(work(), Told())
    assert outcome.output == {"text": "Hello"}
    assert (outcome.input_tokens, outcome.output_tokens) == (21, 4)
    assert outcome.cost_usd is None, "a server of one's own has no list price"
    assert "You are brief." in json.dumps(server.requests[0])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("status", "retryable"), [(401, False), (400, False), (429, True), (503, True)])
async def test_every_provider_s_errors_say_whether_to_try_again(
    use: Any, model: str, status: int, retryable: bool
) -> None:
    error = {"code": status, "message": f"no {KEY}", "status": "X", "type": "some_error"}
    async with provider(http(status, {"type": "error", "error": error}, retry_after="3")) as server:
        use(model, server.url)
        with pytest.raises(ConnectorError) as caught:
            await LLMConnector().run(work(), Told())
    assert caught.value.retryable is retryable
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1
