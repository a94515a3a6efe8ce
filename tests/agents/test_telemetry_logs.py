"""What is read of the log records of Claude Code and Codex."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from apps.agents.telemetry import log_mapping
from apps.agents.telemetry.counting import totals
from apps.agents.telemetry.facts import SpanFacts
from apps.agents.telemetry.log_mapping import spans_of_logs
from tests.agents import exported
from tests.agents.otel import NANOSECONDS, SPAN, TRACE, pairs

CLAUDE_PROMPT = {
    "event.name": "user_prompt", "session.id": "session-1", "prompt.id": "prompt-1", "event.sequence": 1,
}  # fmt: skip
CODEX_ID = "01a1fdfa-440c-7c11-9b1d-3a5e8f6c2d10"


def logs(
    *records: dict[str, Any], service: str = "claude-code", scope: str = "", **given: Any
) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.extend(pairs({"service.name": service}))
    scope_logs = resource_logs.scope_logs.add()
    scope_logs.scope.name = scope
    for place, attributes in enumerate(records):
        record = LogRecord(**{"time_unix_nano": NANOSECONDS + place * 1_000_000_000} | given)
        record.attributes.extend(pairs(attributes))
        scope_logs.log_records.append(record)
    return request


def read(*records: dict[str, Any], **given: Any) -> list[SpanFacts]:
    return spans_of_logs(logs(*records, **given))


def claude(name: str, **more: Any) -> dict[str, Any]:
    return CLAUDE_PROMPT | {"event.name": name} | {key.replace("__", "."): more[key] for key in more}


def codex(name: str, **more: Any) -> dict[str, Any]:
    given = {"event.name": f"codex.{name}", "conversation.id": CODEX_ID, "model": "gpt-5.1"}
    return given | {key.replace("__", "."): more[key] for key in more}


# --- Claude Code -----------------------------------------------------------------------------------------


def test_a_prompt_of_claude_code_begins_an_activity() -> None:
    (facts,) = [span for span in exported.told("claude_code") if span.kind == "agent"]
    assert facts.title == "Fix the failing test of the parser, then run it again"
    assert (facts.source, facts.status, facts.ended_at, facts.is_start) == ("log", "open", None, True)
    assert facts.session == "5f0c2a3e-9d7f-4a61-8f4e-0d9c6a1b2c3d"
    assert facts.call_id == "0b6f5f0e-1111-4c3e-9a52-7f2d8c9e0a11"
    assert facts.agent is not None
    assert (facts.agent.external_id, facts.agent.framework) == ("claude-code", "claude-code")
    assert (facts.agent.version, facts.agent.named) == ("2.1.220", True)


def test_all_that_a_prompt_led_to_is_below_its_activity() -> None:
    root, *others = exported.told("claude_code")
    assert {span.trace_id for span in others} == {root.trace_id}
    assert {span.parent_span_id for span in others} == {root.span_id}
    assert root.parent_span_id == ""


def test_a_request_of_claude_code_is_a_call_of_a_model_with_its_tokens_and_cost() -> None:
    first, second = (
        span for span in exported.told("claude_code") if span.kind == "llm" and span.status == "ok"
    )
    assert (first.provider, first.model) == ("anthropic", "claude-sonnet-4-5-20250929")
    assert (first.input_tokens, first.output_tokens) == (12, 180)
    assert (first.cache_read_tokens, first.cache_write_tokens) == (14000, 820)
    assert (first.cost_usd, first.cost_source) == (Decimal("0.010011"), "reported")
    assert first.ended_at is not None
    assert (first.ended_at - first.started_at).total_seconds() == 4.15
    assert (second.input_tokens, second.cost_usd) == (300, Decimal("0.000425"))  # numbers instead of texts


def test_a_cost_in_millionths_is_understood() -> None:
    (facts,) = read(claude("api_request", cost_usd_micros=10_011))
    assert (facts.cost_usd, facts.cost_source) == (Decimal("0.010011"), "reported")


def test_a_decision_opens_the_call_of_a_tool_that_its_result_ends() -> None:
    decided, done = (span for span in exported.told("claude_code") if span.call_id == "toolu_01A")
    assert (decided.kind, decided.tool, decided.status) == ("tool", "Bash", "open")
    assert (done.kind, done.tool, done.status) == ("tool", "Bash", "ok")
    assert (decided.trace_id, decided.span_id) == (done.trace_id, done.span_id)
    assert done.input == '{"bash_command":"pytest","full_command":"API_KEY=[redacted] pytest -q"}'


def test_a_tool_that_was_not_let_run_says_so() -> None:
    (facts,) = (span for span in exported.told("claude_code") if span.tool == "Write")
    assert (facts.status, facts.error_type, facts.error) == ("error", "rejected", "rejected (user_reject)")


def test_a_tool_that_failed_says_how() -> None:
    (facts,) = (span for span in exported.told("claude_code") if span.tool == "Read")
    assert (facts.status, facts.error_type, facts.error) == ("error", "Error:ENOENT", "no such file")


def test_a_request_that_failed_says_how_and_uses_nothing() -> None:
    (facts,) = (
        span for span in exported.told("claude_code") if span.kind == "llm" and span.status == "error"
    )
    assert (facts.error_type, facts.error, facts.model) == ("529", "Overloaded", "claude-sonnet-4-5-20250929")
    assert (facts.input_tokens, facts.cost_usd, facts.cost_source) == (None, None, "unknown")


def test_only_its_requests_count_for_tokens_and_cost() -> None:
    sums = totals(exported.told("claude_code"))
    assert (sums.calls, sums.input_tokens, sums.output_tokens) == (2, 312, 205)
    assert (sums.cost_usd, sums.cost_source, sums.unpriced) == (Decimal("0.010436"), "reported", 0)


def test_what_else_claude_code_logs_is_passed_over() -> None:
    assert read(claude("assistant_response"), claude("api_request_body"), claude("something_new")) == []


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ({"prompt": "<REDACTED>", "prompt_length": "17"}, "Prompt of 17 characters"),
        ({"prompt": "<REDACTED>", "command_name": "compact"}, "/compact"),
        ({}, "Prompt"),
        ({"prompt": "line one\nline two"}, "line one line two"),
    ],
)
def test_a_prompt_that_is_not_told_still_has_a_title(said: dict[str, str], title: str) -> None:
    assert read(CLAUDE_PROMPT | said)[0].title == title


def test_the_name_of_an_event_is_found_wherever_it_is_written() -> None:
    plain = {"session.id": "s", "prompt.id": "p"}
    named = LogRecord(event_name="claude_code.user_prompt")
    bodied = LogRecord()
    bodied.body.string_value = "claude_code.user_prompt"
    for record in (named, bodied):
        request = logs(plain, service="my-claude")
        request.resource_logs[0].scope_logs[0].log_records[0].MergeFrom(record)
        assert [span.kind for span in spans_of_logs(request)] == ["agent"]
    assert [
        span.kind for span in read(CLAUDE_PROMPT, service="x", scope="com.anthropic.claude_code.events")
    ] == ["agent"]


def test_records_of_other_programs_are_passed_over() -> None:
    assert read(CLAUDE_PROMPT, {"event.name": "gen_ai.user.message"}, service="shop") == []


def test_records_within_claude_codes_own_spans_are_put_below_them() -> None:
    prompt, request = read(CLAUDE_PROMPT, claude("api_request"), trace_id=TRACE, span_id=SPAN)
    assert {prompt.trace_id, request.trace_id} == {TRACE.hex()}
    assert prompt.parent_span_id == SPAN.hex()
    assert request.parent_span_id == prompt.span_id


# --- Codex -----------------------------------------------------------------------------------------------


def test_a_prompt_of_codex_begins_the_activity_of_its_conversation() -> None:
    (facts,) = [span for span in exported.told("codex") if span.kind == "agent"]
    assert (facts.title, facts.status) == ("List the endpoints of the server", "open")
    assert (facts.session, facts.call_id) == (CODEX_ID, CODEX_ID)
    assert facts.agent is not None
    assert (facts.agent.external_id, facts.agent.framework) == ("codex_cli_rs", "codex")
    assert (facts.agent.version, facts.agent.host) == ("0.137.0", "build-7")


def test_the_activity_of_a_conversation_began_when_its_id_says_in_whichever_order_prompts_come() -> None:
    first, second = read(codex("user_prompt", prompt="a"), codex("user_prompt", prompt="b"), service="codex")
    assert (first.span_id, first.trace_id) == (second.span_id, second.trace_id)
    assert first.started_at.isoformat() == "2026-11-20T12:00:00.250000+00:00"  # the id is of a later day
    (one,) = (span for span in exported.told("codex") if span.kind == "agent")
    assert one.started_at.isoformat() == "2026-11-21T11:59:59.500000+00:00"


def test_the_end_of_a_stream_of_codex_is_a_call_of_a_model_with_its_tokens() -> None:
    first, second = (span for span in exported.told("codex") if span.kind == "llm" and span.status == "ok")
    assert (first.provider, first.model) == ("openai", "gpt-5.1")
    assert (first.input_tokens, first.output_tokens) == (5200, 210)
    assert (first.cache_read_tokens, first.reasoning_tokens) == (4096, 128)
    # (5200 - 4096) x 1.25 + 4096 x 0.125 + 210 x 10 millionths
    assert (first.cost_usd, first.cost_source) == (Decimal("0.003992"), "computed")
    assert (second.input_tokens, second.output_tokens) == (5600, 90)


def test_the_other_events_of_a_stream_are_no_calls() -> None:
    assert totals(exported.told("codex")).calls == 2


def test_tools_of_codex_are_decided_run_and_refused() -> None:
    tools = [span for span in exported.told("codex") if span.kind == "tool"]
    told = [(span.call_id, span.tool, span.status, span.error_type) for span in tools]
    assert told == [
        ("call_A", "shell", "open", ""),
        ("call_A", "shell", "ok", ""),
        ("call_B", "apply_patch", "error", "rejected"),
        ("call_C", "shell", "error", "tool_failed"),
    ]
    assert tools[0].span_id == tools[1].span_id
    assert (tools[1].input, tools[1].output) == ('{"command":["rg","-n","route"]}', "api.py:12: @route")
    assert tools[3].error == "exit status 1"


def test_a_request_of_codex_that_failed_is_told() -> None:
    (facts,) = (span for span in exported.told("codex") if span.kind == "llm" and span.status == "error")
    assert (facts.error_type, facts.error) == ("429", "rate limited")
    (stream,) = read(codex("sse_event", error__message="stream closed"), service="codex")
    assert (stream.status, stream.error) == ("error", "stream closed")


def test_the_copy_that_codex_makes_for_traces_is_passed_over() -> None:
    request = exported.logs("codex")
    scopes = request.resource_logs[0].scope_logs
    assert [scope.scope.name for scope in scopes] == ["codex_otel.log_only", "codex_otel.trace_safe"]
    whole = spans_of_logs(request)
    del scopes[1]
    assert spans_of_logs(request) == whole
    assert read(codex("tool_result", call_id="c", target="codex_otel.trace_safe"), service="codex") == []


def test_spans_of_codexs_inner_parts_are_not_joined() -> None:
    (facts,) = read(codex("user_prompt"), service="codex", trace_id=TRACE, span_id=SPAN)
    assert facts.trace_id != TRACE.hex()
    assert facts.parent_span_id == ""


# --- both ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["claude_code", "codex"])
def test_the_same_records_are_the_same_spans_in_whatever_batches_they_come(program: str) -> None:
    whole = exported.logs(program)
    alone = []
    for scope_logs in whole.resource_logs[0].scope_logs:
        for record in scope_logs.log_records:
            request = ExportLogsServiceRequest()
            resource_logs = request.resource_logs.add()
            resource_logs.resource.CopyFrom(whole.resource_logs[0].resource)
            one = resource_logs.scope_logs.add()
            one.scope.CopyFrom(scope_logs.scope)
            one.log_records.append(record)
            alone += spans_of_logs(request)
    assert alone == exported.told(program)


def test_records_that_differ_in_one_thing_are_different_spans() -> None:
    others = ({"event__sequence": 2}, {"prompt__id": "p2"}, {"session__id": "s2"}, {"request_id": "r"})
    requests = [claude("api_request"), *(claude("api_request", **other) for other in others)]
    found = read(*requests, time_unix_nano=NANOSECONDS)
    assert len({span.span_id for span in found}) == len(requests)
    twice = read(claude("api_request"), claude("api_request"))  # a second apart
    assert twice[0].span_id != twice[1].span_id


def test_work_that_we_ordered_is_linked_by_the_resource_or_the_record() -> None:
    run = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    (facts,) = read(CLAUDE_PROMPT | {"mc.run_id": run})
    assert str(facts.run_id) == run


anything = st.one_of(st.text(st.characters(codec="utf-8")), st.integers(-(2**63), 2**63 - 1), st.floats())


@given(
    name=st.sampled_from(sorted(log_mapping.EVENTS)),
    attributes=st.dictionaries(st.sampled_from(sorted(log_mapping.WANTED)), anything, max_size=12),
    at=st.integers(0, 2**64 - 1),
)
def test_no_attribute_of_any_type_is_an_error(name: str, attributes: dict[str, Any], at: int) -> None:
    for facts in read(attributes | {"event.name": name}, time_unix_nano=at, trace_id=TRACE, span_id=SPAN):
        assert len(facts.span_id) == 16
        assert facts.ended_at is None or facts.started_at <= facts.ended_at
