"""What is asked of a model, and what is taken from its answer."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from apps.agents.checks import model_is_usable
from apps.agents.connectors.llm import LLMConnector, connector_for, cost_of
from apps.agents.connectors.model import ModelInfo, ModelNotUsable, describe_model, parse_model
from apps.agents.connectors.offline import OfflineConnector
from tests.agents.provider import Told, provider, stream, work

USAGE = {"prompt_tokens": 21, "completion_tokens": 4, "total_tokens": 25}


@pytest.fixture
def configure(settings: Any) -> Any:
    def change(**given: Any) -> None:
        fresh = {"llm_model": "", "llm_base_url": "", "llm_api_key": None, **given}
        settings.MC = settings.MC.model_copy(update=fresh)

    return change


async def test_an_agent_s_instructions_and_the_prompt_reach_the_model(configure: Any) -> None:
    async with provider(stream("Hel", "lo", usage=USAGE)) as server:
        configure(llm_model="tiny", llm_base_url=server.url, llm_api_key=SecretStr("k1"), llm_max_tokens=77)
        told = Told()
        outcome = await LLMConnector().run(work("What is up?"), told)
    asked = server.requests[0]
    assert asked["messages"] == [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "What is up?"},
    ]
    assert asked["model"] == "tiny"
    assert asked["stream"] is True
    assert 77 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
    assert server.keys == ["bearer k1"]
    assert outcome.output == {"text": "Hello"}
    assert (outcome.input_tokens, outcome.output_tokens) == (21, 4)
    assert (outcome.model, outcome.demo, outcome.cost_usd) == ("tiny-1", False, None)
    assert [line[0] for line in told.lines] == sorted(line[0] for line in told.lines)


async def test_tokens_that_nobody_counted_stay_unknown(configure: Any) -> None:
    async with provider(stream("Hello")) as server:
        configure(llm_model="tiny", llm_base_url=server.url)
        outcome = await LLMConnector().run(work(), Told())
    assert (outcome.input_tokens, outcome.output_tokens) == (None, None)


async def test_a_count_beyond_belief_is_no_count(configure: Any) -> None:
    usage = {"prompt_tokens": 10**12, "completion_tokens": 4, "total_tokens": 10**12 + 4}
    async with provider(stream("Hello", usage=usage)) as server:
        configure(llm_model="tiny", llm_base_url=server.url)
        outcome = await LLMConnector().run(work(), Told())
    assert (outcome.input_tokens, outcome.output_tokens) == (None, None)


async def test_an_agent_may_have_a_model_of_its_own(configure: Any) -> None:
    async with provider(stream("Hello")) as server:
        configure(llm_model="tiny", llm_base_url=server.url)
        await LLMConnector().run(work(model="openai:other"), Told())
    assert server.requests[0]["model"] == "other"


async def test_an_answer_cut_off_at_the_limit_says_so(configure: Any) -> None:
    async with provider(stream("Once upon a", reason="length")) as server:
        configure(llm_model="tiny", llm_base_url=server.url, llm_max_tokens=3)
        told = Told()
        await LLMConnector().run(work(), told)
    assert told.lines[-1] == (99, "Cut off at 3 tokens", "Once upon a")


def test_without_a_model_work_goes_to_the_offline_one(configure: Any) -> None:
    configure()
    assert isinstance(connector_for(""), OfflineConnector)
    assert isinstance(connector_for("openai:gpt-5-mini"), LLMConnector)
    assert describe_model() == ModelInfo("demo model", demo=True)


@pytest.mark.parametrize(
    ("text", "url", "provider_name", "name"),
    [
        ("openai:gpt-5-mini", "", "openai", "gpt-5-mini"),
        ("google-gla:gemini-2.5-flash", "", "google", "gemini-2.5-flash"),
        ("anthropic:claude-haiku-4-5", "http://gateway/", "anthropic", "claude-haiku-4-5"),
        ("ollama:llama3.2:1b", "", "ollama", "llama3.2:1b"),
        ("llama3.2:1b", "http://127.0.0.1:1/v1", "openai", "llama3.2:1b"),
        ("tiny", "http://127.0.0.1:1/v1", "openai", "tiny"),
    ],
)
def test_a_model_string_is_taken_apart(text: str, url: str, provider_name: str, name: str) -> None:
    spec = parse_model(text, url)
    assert (spec.provider, spec.name) == (provider_name, name)


@pytest.mark.parametrize("text", ["gpt-5-mini", "opnai:gpt-5-mini", "openai:", ":x"])
def test_a_wrong_model_string_names_the_variable(configure: Any, text: str) -> None:
    with pytest.raises(ModelNotUsable, match="MC_LLM_MODEL"):
        parse_model(text, "")
    configure(llm_model=text)
    (found,) = model_is_usable(None)
    assert found.id == "agents.E001"
    assert "MC_LLM_MODEL" in found.msg


def test_a_provider_whose_package_is_missing_is_found_at_the_start(configure: Any) -> None:
    configure(llm_model="cohere:command-r")
    (found,) = model_is_usable(None)
    assert "'cohere'" in found.msg
    assert "not installed" in found.msg


def test_a_missing_key_is_a_warning_at_the_start(configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    configure(llm_model="openai:gpt-5-mini")
    (found,) = model_is_usable(None)
    assert found.id == "agents.W001"
    assert "MC_LLM_API_KEY" in str(found.hint)
    configure(llm_model="openai:gpt-5-mini", llm_api_key=SecretStr("k"))
    assert model_is_usable(None) == []


@pytest.mark.parametrize(
    ("text", "url", "usage", "known"),
    [
        ("openai:gpt-5-mini", "", {"input_tokens": 1000, "output_tokens": 100}, True),
        ("openai:no-such-model-9", "", {"input_tokens": 1000, "output_tokens": 100}, False),
        ("openai:gpt-5-mini", "http://127.0.0.1:1/v1", {"input_tokens": 1000, "output_tokens": 100}, False),
        ("openai:gpt-5-mini", "", {"unmeasured_requests": 1}, False),
    ],
)
def test_a_cost_is_known_or_left_out(text: str, url: str, usage: dict[str, Any], known: bool) -> None:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.usage import RequestUsage

    spec = parse_model(text, url)
    response = ModelResponse(
        parts=[], usage=RequestUsage(**usage), model_name=spec.name, provider_name=spec.provider
    )
    cost = cost_of(spec, response)
    assert cost is None or (known and 0 < cost < 1)
    assert (cost is not None) is known


@pytest.mark.parametrize(("said", "cost"), [("0.25", 0.25), ("1e30", None), ("-1", None), ("NaN", None)])
def test_a_charge_beyond_belief_is_no_cost(said: str, cost: float | None) -> None:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.usage import RequestUsage

    usage = RequestUsage(input_tokens=1, output_tokens=1)
    usage.cost = Decimal(said)
    response = ModelResponse(parts=[], usage=usage, model_name="tiny", provider_name="openai")
    assert cost_of(parse_model("tiny", "http://127.0.0.1:1/v1"), response) == cost


def test_an_idle_process_does_not_load_the_model_library() -> None:
    code = (
        "import django; django.setup()\n"
        "import apps.agents.connectors.llm, apps.agents.connectors.offline, apps.agents.checks, sys\n"
        "heavy = {'pydantic_ai', 'openai', 'anthropic', 'google.genai'} & set(sys.modules)\n"
        "raise SystemExit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
