"""What a provider does wrong becomes one error that says whether to try again, and never a secret."""

from __future__ import annotations

import asyncio
import socket
import traceback
from typing import Any

import pytest

from apps.agents.connectors.base import ConnectorError
from apps.agents.connectors.llm import LLMConnector
from tests.agents.provider import Told, http, provider, stream, work

KEY = "sk-verysecret1234567890"


@pytest.fixture
def use(settings: Any) -> Any:
    """Points the configuration at a server."""

    def point(url: str, **more: Any) -> None:
        from pydantic import SecretStr

        given = {"llm_model": "openai:tiny", "llm_base_url": url, "llm_api_key": SecretStr(KEY), **more}
        settings.MC = settings.MC.model_copy(update=given)

    return point


async def failure(use: Any, body: bytes, **options: Any) -> ConnectorError:
    async with provider(body, **options) as server:
        use(server.url, llm_timeout_seconds=0.5)
        with pytest.raises(ConnectorError) as caught:
            await LLMConnector().run(work(), Told())
        assert len(server.requests) == 1, "retries are the engine's, not the client's"
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "rejected", False),
        (401, "unauthorised", False),
        (403, "unauthorised", False),
        (404, "model_not_found", False),
        (402, "quota_exceeded", False),
        (429, "rate_limited", True),
        (500, "provider_error", True),
        (502, "provider_error", True),
        (503, "provider_unavailable", True),
        (529, "provider_unavailable", True),
    ],
)
async def test_a_status_says_whether_trying_again_can_help(
    use: Any, status: int, code: str, retryable: bool
) -> None:
    error = await failure(use, http(status, {"error": {"message": "as it happens", "code": None}}))
    assert (error.code, error.retryable) == (code, retryable)


async def test_the_wait_that_the_provider_asks_for_is_passed_on(use: Any) -> None:
    error = await failure(use, http(429, {"error": {"message": "slow down"}}, retry_after="7"))
    assert error.retry_after == 7
    assert "slow down" in error.message


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_key_that_the_provider_repeats_is_not_shown(use: Any, status: int) -> None:
    error = await failure(use, http(status, {"error": {"message": f"bad key {KEY} or sk-other123456789"}}))
    assert KEY not in error.message
    assert "sk-other" not in error.message


async def test_an_answer_that_is_no_completion_can_be_tried_again(use: Any) -> None:
    page = http(200, "<html>the proxy is tired</html>", content_type="text/html")
    error = await failure(use, page)
    assert (error.code, error.retryable) == ("bad_answer", True)


async def test_a_stream_of_broken_json_can_be_tried_again(use: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    error = await failure(use, head + b'data: {"choices": [\n\n')
    assert error.retryable


async def test_a_stream_that_breaks_off_is_not_taken_for_an_answer(use: Any) -> None:
    error = await failure(use, stream("half an ans", done=False))
    assert error.retryable


async def test_silence_is_a_timeout(use: Any) -> None:
    error = await failure(use, b"", hang=True)
    assert (error.code, error.retryable) == ("timeout", True)


async def test_work_that_is_given_up_hangs_up_on_the_provider(use: Any) -> None:
    async with provider(stream("on and on", done=False), hang=True) as server:
        use(server.url)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(LLMConnector().run(work(), Told()), 1)
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_a_closed_door_can_be_tried_again(use: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    use(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(ConnectorError) as caught:
        await LLMConnector().run(work(), Told())
    assert (caught.value.code, caught.value.retryable) == ("unreachable", True)


async def test_an_answer_without_text_is_an_error(use: Any) -> None:
    error = await failure(use, stream(usage={"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}))
    assert (error.code, error.retryable) == ("empty_answer", True)
    error = await failure(use, stream(reason="length"))
    assert (error.code, error.retryable) == ("empty_answer", False)
    assert "MC_LLM_MAX_TOKENS" in error.message


async def test_cancelled_work_hangs_up_on_the_provider(use: Any) -> None:
    async with provider(stream("on and on", done=False), hang=True) as server:
        use(server.url)
        running = asyncio.create_task(LLMConnector().run(work(), Told()))
        await server.arrived.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(server.hung_up.wait(), 5)
