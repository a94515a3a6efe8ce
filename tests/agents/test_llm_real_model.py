"""The connector with a real language model: examples/local-model, a server of packages alone."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.agents.connectors.base import ConnectorError
from apps.agents.connectors.llm import LLMConnector
from tests.agents.provider import Told, work

START = Path(__file__).parents[2] / "examples/local-model/start.sh"
READY = "local model ready: "
LOGS = "The night job failed at 02:10 because the disk was full. Ten invoices were not sent."

# The first start installs the model; the weights are 93 MB.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """The server's address; a test run that has one running already says so in MC_TEST_MODEL_URL."""
    if url := os.environ.get("MC_TEST_MODEL_URL"):
        yield url
        return
    with subprocess.Popen([START, "0"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = next((line for line in server.stdout if line.startswith(READY)), None)
        try:
            assert line, "the local model did not start"
            yield line.strip().rpartition(" at ")[2]
        finally:
            server.terminate()


@pytest.fixture
def model(model_url: str, settings: Any) -> str:
    fresh = {"llm_model": "openai:smollm2-135m-instruct", "llm_base_url": model_url, "llm_max_tokens": 40}
    settings.MC = settings.MC.model_copy(update=fresh)
    return model_url


def ask(url: str, **body: Any) -> dict[str, Any]:
    """The server's own words, without the connector."""
    request = urllib.request.Request(  # noqa: S310  (a loopback address)
        f"{url}/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
    return answer


async def test_the_answer_and_the_token_counts_are_the_model_s_own(model: str) -> None:
    told = Told()
    task = work(f"Summarise in one sentence: {LOGS}", instructions="You are an operations engineer.")
    outcome = await LLMConnector().run(task, told)
    direct = await asyncio.to_thread(
        ask,
        model,
        max_tokens=40,
        messages=[
            {"role": "system", "content": task.instructions},
            {"role": "user", "content": task.prompt},
        ],
    )
    assert outcome.output == {"text": direct["choices"][0]["message"]["content"].strip()}
    assert outcome.input_tokens == direct["usage"]["prompt_tokens"]
    assert outcome.output_tokens == direct["usage"]["completion_tokens"]
    assert (outcome.model, outcome.demo) == ("smollm2-135m-instruct", False)
    assert any(text for _, _, text in told.lines)


async def test_two_questions_get_two_answers(model: str) -> None:
    first = await LLMConnector().run(work("Name a colour."), Told())
    second = await LLMConnector().run(work("What is a database?"), Told())
    assert first.output != second.output


async def test_a_cancelled_question_frees_the_model(model: str, settings: Any) -> None:
    settings.MC = settings.MC.model_copy(update={"llm_max_tokens": 4000})
    told = Told()
    running = asyncio.create_task(LLMConnector().run(work("Write a very long story."), told))
    await told.begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    settings.MC = settings.MC.model_copy(update={"llm_max_tokens": 5})
    outcome = await asyncio.wait_for(LLMConnector().run(work("Say hi."), Told()), 30)
    assert outcome.output["text"]


async def test_an_input_longer_than_the_context_is_refused_for_good(model: str) -> None:
    with pytest.raises(ConnectorError) as caught:
        await LLMConnector().run(work("fox " * 9000), Told())
    assert (caught.value.code, caught.value.retryable) == ("input_too_long", False)
    assert "8192" in caught.value.message


async def test_an_unknown_model_is_named(model: str, settings: Any) -> None:
    settings.MC = settings.MC.model_copy(update={"llm_model": "openai:something-else"})
    with pytest.raises(ConnectorError) as caught:
        await LLMConnector().run(work("hi"), Told())
    assert (caught.value.code, caught.value.retryable) == ("model_not_found", False)
    assert "something-else" in caught.value.message
