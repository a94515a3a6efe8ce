"""What is read of a call: tools, models, tokens, cost and errors."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from apps.agents.telemetry import mapping
from apps.agents.telemetry.values import MAX_TEXT
from tests.agents.otel import (
    CHAT,
    INVOKE,
    SPAN,
    TOOL,
    exception,
    read,
)

# --- tools ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "keys"),
    [
        ("tool", ["gen_ai.tool.name", "tool.name", "traceloop.entity.name"]),
        ("call_id", ["gen_ai.tool.call.id", "tool_call.id"]),
        ("input", ["gen_ai.tool.call.arguments", "tool_arguments", "input.value"]),
        ("output", ["gen_ai.tool.call.result", "tool_response", "output.value"]),
    ],
)
def test_a_tool_call_is_read_from_the_first_that_tells_it(field: str, keys: list[str]) -> None:
    for index, key in enumerate(keys):
        values = {later: f"of {later}" for later in keys[index:]}
        assert getattr(read(TOOL | values), field) == f"of {key}"


def test_a_tool_that_nothing_names_is_called_as_its_span() -> None:
    facts = read(TOOL, name="execute_tool search")
    assert (facts.tool, facts.call_id) == ("search", SPAN.hex())


def test_what_a_tool_was_given_as_a_structure_is_kept_as_json() -> None:
    facts = read(TOOL | {"gen_ai.tool.call.arguments": {"city": "Oslo", "days": [1, 2]}})
    assert json.loads(facts.input) == {"city": "Oslo", "days": [1, 2]}


def test_what_a_tool_gave_is_cut_and_without_secrets_and_not_kept_twice() -> None:
    secrets = "Authorization: Bearer abcdefghijkl password=hunter2222 eyJhbGciOiJIUzI1NiJ9.eyJz.c2ln "
    facts = read(TOOL | {"gen_ai.tool.call.result": secrets + "x" * 40_000})
    assert len(facts.output) == MAX_TEXT
    for secret in ("abcdefghijkl", "hunter2222", "eyJhbGci"):
        assert secret not in facts.output
    assert "gen_ai.tool.call.result" not in facts.attributes


# --- models, tokens, cost --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "keys"),
    [
        ("provider", ["gen_ai.provider.name", "gen_ai.system", "llm.provider"]),
        ("model", ["gen_ai.response.model", "gen_ai.request.model", "llm.model_name"]),
    ],
)
def test_provider_and_model_are_the_first_that_are_named(field: str, keys: list[str]) -> None:
    for index, key in enumerate(keys):
        assert getattr(read(CHAT | {later: f"of {later}" for later in keys[index:]}), field) == f"of {key}"


@pytest.mark.parametrize(
    ("field", "keys"),
    [
        ("input_tokens", mapping.INPUT),
        ("output_tokens", mapping.OUTPUT),
        ("cache_read_tokens", mapping.CACHE_READ),
        ("cache_write_tokens", mapping.CACHE_WRITE),
        ("reasoning_tokens", mapping.REASONING),
    ],
)
def test_tokens_are_read_under_old_and_new_names(field: str, keys: tuple[str, ...]) -> None:
    for index in range(len(keys)):
        values = {key: 100 + place for place, key in enumerate(keys) if place >= index}
        assert getattr(read(CHAT | values), field) == 100 + index


def test_the_names_of_tokens_are_those_of_the_guide() -> None:
    assert mapping.INPUT == (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "input_tokens",
    )  # fmt: skip
    assert mapping.CACHE_WRITE == (
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [-1, 1.5, float("nan"), float("inf"), "many", "", True, [3], "²", 2**63 - 1 + 0.0]
)
def test_what_is_no_number_of_tokens_is_not_known(wrong: Any) -> None:
    assert read(CHAT | {"gen_ai.usage.input_tokens": wrong}).input_tokens is None


@pytest.mark.parametrize("right", [7, 7.0, "7"])
def test_a_number_of_tokens_may_be_written_in_three_ways(right: Any) -> None:
    assert read(CHAT | {"gen_ai.usage.input_tokens": right}).input_tokens == 7


@pytest.mark.parametrize("key", ["operation.cost", "llm.cost.total", "gen_ai.usage.cost"])
def test_a_reported_cost_is_kept(key: str) -> None:
    facts = read(CHAT | {key: 0.00125})
    assert (facts.cost_usd, facts.cost_source) == (Decimal("0.00125"), "reported")


def test_the_conventions_own_cost_comes_first_if_it_is_in_dollars() -> None:
    values = CHAT | {"gen_ai.usage.cost.amount": 2.5, "operation.cost": 1.0}
    assert read(values).cost_usd == Decimal("2.5")
    assert read(values | {"gen_ai.usage.cost.currency": "usd"}).cost_usd == Decimal("2.5")
    assert read(values | {"gen_ai.usage.cost.currency": "EUR"}).cost_usd == Decimal(1)


def test_a_cost_is_computed_where_the_model_has_a_price() -> None:
    values = CHAT | {
        "gen_ai.request.model": "gpt-5-mini", "gen_ai.usage.input_tokens": 1_000_000,
        "gen_ai.usage.output_tokens": 1_000_000,
    }  # fmt: skip
    facts = read(values)
    assert (facts.cost_usd, facts.cost_source) == (Decimal("2.25"), "computed")


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf"), "free", "", "1e99", [1]])
def test_a_cost_that_is_none_is_unknown_and_never_zero(wrong: Any) -> None:
    facts = read(
        CHAT | {"operation.cost": wrong, "gen_ai.usage.input_tokens": 5, "gen_ai.request.model": "mine"}
    )
    assert (facts.cost_usd, facts.cost_source) == (None, "unknown")


def test_only_models_and_agents_use_tokens() -> None:
    usage = {"gen_ai.usage.input_tokens": 5, "operation.cost": 1.0}
    for kind in (CHAT, INVOKE):
        assert read(kind | usage).input_tokens == 5
    for other in (TOOL, {"openinference.span.kind": "CHAIN"}, {}):
        facts = read(other | usage)
        assert (facts.input_tokens, facts.cost_usd) == (None, None)


def test_totals_that_frameworks_write_on_agents_are_not_use() -> None:
    facts = read(INVOKE | {"gen_ai.aggregated_usage.input_tokens": 500})
    assert facts.input_tokens is None


def test_the_time_to_the_first_token_stays_among_the_attributes() -> None:
    key = "gen_ai.response.time_to_first_chunk"
    assert read(CHAT | {key: 0.4}).attributes[key] == 0.4


# --- errors --------------------------------------------------------------------------------------------


def test_an_error_is_told_by_the_status() -> None:
    failed = Status(code=Status.STATUS_CODE_ERROR, message="no such file")
    facts = read({"error.type": "NotFound"}, status=failed, events=[exception(type="OSError", message="x")])
    assert (facts.status, facts.error_type, facts.error) == ("error", "NotFound", "no such file")


def test_or_else_by_the_exception() -> None:
    failed = Status(code=Status.STATUS_CODE_ERROR)
    facts = read(status=failed, events=[exception(type="OSError", message="token abcdefghijkl is wrong")])
    assert (facts.status, facts.error_type, facts.error) == ("error", "OSError", "token [redacted] is wrong")


def test_an_exception_that_was_dealt_with_is_no_error() -> None:
    facts = read({"error.type": "x"}, events=[exception(type="OSError")])
    assert (facts.status, facts.error_type, facts.error) == ("ok", "", "")
