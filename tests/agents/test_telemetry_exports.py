"""Exports of real programs are understood."""

from __future__ import annotations

import pytest

from apps.agents.telemetry.mapping import spans_of
from tests.agents import exported
from tests.agents.otel import (
    CHAT,
    read,
)

# --- Claude Code's spans ---------------------------------------------------------------------------------


def test_claude_codes_spans_show_its_turns_and_count_nothing() -> None:
    usage = {"input_tokens": 10, "output_tokens": 3, "gen_ai.request.model": "claude-sonnet-4-5"}
    request = read(CHAT | usage, name="claude_code.llm_request")
    assert (request.kind, request.input_tokens, request.cost_usd) == ("other", None, None)
    turn = read({"user_prompt": "Fix it", "session.id": "s"}, name="claude_code.interaction")
    assert (turn.kind, turn.title, turn.session) == ("agent", "Fix it", "s")
    hidden = read({"user_prompt": "<REDACTED>"}, name="claude_code.interaction")
    assert hidden.title == "claude_code.interaction"


# --- real exports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("recording", ["pydantic_ai_nested", "pydantic_ai_old_names"])
def test_pydantic_ai_is_understood_in_its_new_and_old_format(recording: str) -> None:
    found = spans_of(exported.traces(recording))
    agents = {span.agent.name: span for span in found if span.kind == "agent" and span.agent}
    planner, weather = agents["planner"], agents["weather"]
    assert planner.agent is not None
    assert (planner.agent.external_id, planner.agent.framework) == ("examples/travel:planner", "pydantic-ai")
    assert (planner.agent.version, planner.agent.host, planner.agent.environment) == (
        "1.4.0",
        "recorder",
        "recording",
    )
    assert (planner.title, weather.title) == ("What shall I wear in Oslo?", "How is it in Oslo?")
    assert (planner.parent_span_id, planner.session) == ("", "conversation-7")
    tools = {span.tool: span for span in found if span.kind == "tool"}
    assert tools.keys() == {"ask_weather", "temperature"}
    assert (tools["temperature"].input, tools["temperature"].output) == ('{"city":"Oslo"}', "-3")
    assert tools["temperature"].call_id.startswith("pyd_ai_")
    assert weather.parent_span_id == tools["ask_weather"].span_id
    calls = [span for span in found if span.kind == "llm"]
    assert sorted(
        (call.input_tokens, call.output_tokens, call.cache_read_tokens)
        for call in calls
        if call.session != "conversation-7"
    ) == [(100, 20, 40), (160, 20, 40)]
    assert {(call.model, call.cost_source) for call in calls} == {("gpt-5-mini", "reported")}


def test_an_error_of_pydantic_ai_is_understood() -> None:
    found = exported.spans("pydantic_ai_error")
    tool, run = found["execute_tool read_file"], found["invoke_agent reader"]
    assert (tool.status, tool.error_type, tool.error) == ("error", "FileNotFoundError", "no such file")
    assert (run.status, run.error_type) == ("error", "FileNotFoundError")


def test_langchain_is_understood_through_openinference() -> None:
    found = exported.spans("langchain")
    chain, call, tool = found["weather_chain"], found["Model"], found["temperature"]
    assert {span.session for span in found.values()} == {"session-9"}
    assert (chain.kind, chain.title, chain.parent_span_id) == ("workflow", "Where is it cold?", "")
    assert chain.agent is not None
    assert (chain.agent.external_id, chain.agent.framework, chain.agent.named) == (
        "examples/chains",
        "langchain",
        False,
    )
    assert (call.provider, call.model) == ("anthropic", "claude-sonnet-4-5")
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens, call.reasoning_tokens) == (
        57,
        9,
        16,
        4,
    )
    assert call.cost_source == "computed"
    assert (tool.tool, tool.input, tool.output) == ("temperature", "Oslo", "-3")
