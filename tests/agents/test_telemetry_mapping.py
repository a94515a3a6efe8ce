"""What is read of a span: what it is of, whose it is, what it belongs to."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.agents.telemetry.mapping import spans_of
from apps.agents.telemetry.values import Cleaned, clean
from tests.agents import exported
from tests.agents.otel import (
    BEGAN,
    CHAT,
    INVOKE,
    NANOSECONDS,
    PARENT,
    SERVICE,
    SPAN,
    TRACE,
    exported_span,
    read,
)

RUN = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
STEP = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
COMMAND_RUN = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")

# --- the span itself ---------------------------------------------------------------------------------


def test_a_span_is_read_with_its_ids_and_times() -> None:
    facts = read()
    assert facts.trace_id == TRACE.hex()
    assert facts.span_id == SPAN.hex()
    assert facts.parent_span_id == PARENT.hex()
    assert facts.started_at == BEGAN
    assert facts.ended_at is not None
    assert (facts.ended_at - facts.started_at).total_seconds() == 1.5
    assert (facts.kind, facts.source, facts.status, facts.name) == ("other", "span", "ok", "a span")


@pytest.mark.parametrize("wrong", [{"trace_id": b""}, {"span_id": bytes(8)}, {"trace_id": bytes(15)}])
def test_a_span_without_ids_is_left_out(wrong: dict[str, Any]) -> None:
    assert spans_of(exported_span(**wrong)) == []


def test_a_parent_of_zeros_is_none() -> None:
    assert read(parent_span_id=bytes(8)).parent_span_id == ""


def test_a_span_that_ends_before_it_began_lasted_no_time() -> None:
    facts = read(end_time_unix_nano=NANOSECONDS - 5)
    assert facts.ended_at == facts.started_at


def test_a_span_without_an_end_is_a_start() -> None:
    facts = read(end_time_unix_nano=0)
    assert (facts.source, facts.status, facts.ended_at, facts.is_start) == ("start", "open", None, True)


def test_a_pending_span_is_the_start_of_the_span_that_it_names_as_parent() -> None:
    attributes = {
        "logfire.span_type": "pending_span",
        "logfire.pending_parent_id": "00f067aa0ba902b7",
        **INVOKE,
    }
    facts = read(attributes, name="invoke_agent planner")
    assert facts.span_id == PARENT.hex()
    assert facts.parent_span_id == "00f067aa0ba902b7"
    assert (facts.kind, facts.source, facts.status, facts.ended_at) == ("agent", "start", "open", None)


@pytest.mark.parametrize("above", ["0000000000000000", "", "nonsense-nonsens", "00f067aa0ba902b"])
def test_a_pending_span_at_the_top_has_no_parent(above: str) -> None:
    facts = read({"logfire.span_type": "pending_span", "logfire.pending_parent_id": above})
    assert facts.parent_span_id == ""


def test_what_is_said_of_a_span_does_not_depend_on_what_it_is_sent_with() -> None:
    whole = exported.traces("pydantic_ai_nested")
    together = spans_of(whole)
    alone = []
    for resource_spans in whole.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                request = ExportTraceServiceRequest()
                one = request.resource_spans.add()
                one.resource.CopyFrom(resource_spans.resource)
                of_scope = one.scope_spans.add()
                of_scope.scope.CopyFrom(scope_spans.scope)
                of_scope.spans.append(span)
                alone += spans_of(request)
    assert alone == together


# --- kind ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"openinference.span.kind": "AGENT"}, "agent"),
        ({"openinference.span.kind": "CHAIN"}, "workflow"),
        ({"openinference.span.kind": "LLM"}, "llm"),
        ({"openinference.span.kind": "EMBEDDING"}, "llm"),
        ({"openinference.span.kind": "TOOL"}, "tool"),
        ({"openinference.span.kind": "RETRIEVER"}, "other"),
        ({"openinference.span.kind": "TOOL", "gen_ai.operation.name": "chat"}, "tool"),
        ({"gen_ai.operation.name": "chat"}, "llm"),
        ({"gen_ai.operation.name": "generate_content"}, "llm"),
        ({"gen_ai.operation.name": "text_completion"}, "llm"),
        ({"gen_ai.operation.name": "embeddings"}, "llm"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ({"gen_ai.operation.name": "invoke_workflow"}, "workflow"),
        ({"gen_ai.operation.name": "create_agent"}, "other"),
        ({"gen_ai.operation.name": "chat", "traceloop.span.kind": "tool"}, "llm"),
        ({"traceloop.span.kind": "workflow"}, "workflow"),
        ({"traceloop.span.kind": "agent"}, "agent"),
        ({"traceloop.span.kind": "task"}, "other"),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"llm.request.type": "chat"}, "llm"),
        ({"gen_ai.operation.name": ["chat"]}, "other"),
        ({"gen_ai.operation.name": "something new"}, "other"),
    ],
)
def test_the_kind_follows_from_the_first_attribute_that_tells_it(
    attributes: dict[str, Any], kind: str
) -> None:
    assert read(attributes).kind == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("invoke_agent planner", "agent"),
        ("agent run", "agent"),
        ("execute_tool search", "tool"),
        ("running tool", "tool"),
        ("running tool: search", "tool"),
        ("running tools", "other"),
        ("chat gpt-5-mini", "llm"),
        ("chatter", "other"),
        ("call_llm", "llm"),
        ("GET /orders", "other"),
    ],
)
def test_without_such_an_attribute_the_name_tells_the_kind(name: str, kind: str) -> None:
    assert read(name=name).kind == kind


# --- agent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "external_id", "name"),
    [
        ({"gen_ai.agent.id": "asst_1", "gen_ai.agent.name": "planner"}, "asst_1", "planner"),
        ({"gen_ai.agent.name": "planner", "agent.name": "other"}, "team/shop:planner", "planner"),
        ({"agent.name": "planner"}, "team/shop:planner", "planner"),
        ({"traceloop.span.kind": "agent", "traceloop.entity.name": "crew"}, "team/shop:crew", "crew"),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "search"}, "team/shop", "shop"),
        ({}, "team/shop", "shop"),
    ],
)
def test_the_agent_is_recognised_by_the_first_that_names_it(
    attributes: dict[str, Any], external_id: str, name: str
) -> None:
    agent = read(attributes).agent
    assert agent is not None
    assert (agent.external_id, agent.name) == (external_id, name)
    assert agent.named == (external_id != "team/shop")


def test_without_a_namespace_the_service_alone_is_in_front_of_the_agents_name() -> None:
    agent = read({"gen_ai.agent.name": "planner"}, {"service.name": "shop"}).agent
    assert agent is not None
    assert agent.external_id == "shop:planner"


def test_nobody_is_named_where_neither_agent_nor_service_is() -> None:
    assert read({}, {}).agent is None


def test_an_agent_is_described_by_its_span_and_its_resource() -> None:
    resource = SERVICE | {
        "service.version": "1.4", "host.name": "web-1", "process.pid": 42, "deployment.environment": "old",
        "deployment.environment.name": "production",
    }  # fmt: skip
    attributes = INVOKE | {"gen_ai.agent.name": "planner", "gen_ai.agent.description": "Plans trips"}
    agent = read(attributes, resource, scope="openinference.instrumentation.langchain").agent
    assert agent is not None
    assert (agent.description, agent.version, agent.host) == ("Plans trips", "1.4", "web-1")
    assert (agent.environment, agent.framework) == ("production", "langchain")
    versioned = read(attributes | {"gen_ai.agent.version": "7"}, resource).agent
    assert versioned is not None
    assert versioned.version == "7"


def test_older_words_for_host_and_environment_are_known() -> None:
    agent = read(INVOKE, SERVICE | {"process.pid": 42, "deployment.environment": "staging"}).agent
    assert agent is not None
    assert (agent.host, agent.environment) == ("process 42", "staging")


def test_the_instance_of_a_service_is_no_agent() -> None:
    one = read(INVOKE, SERVICE | {"service.instance.id": "a"}).agent
    assert one == read(INVOKE, SERVICE | {"service.instance.id": "b"}).agent


# --- activity, session, links ----------------------------------------------------------------------------


def test_a_title_is_what_the_agent_says_it_is_at() -> None:
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}])
    facts = read(INVOKE | {"mc.task.title": "Refund 17", "gen_ai.input.messages": messages})
    assert facts.title == "Refund 17"


@pytest.mark.parametrize(
    "messages",
    [
        [
            {
                "role": "user",
                "parts": [{"type": "text", "content": "first"}, {"type": "text", "content": "Buy  a\ncoat"}],
            }
        ],
        [
            {"role": "user", "content": "first"},
            {"role": "user", "content": "Buy a coat"},
            {"role": "assistant"},
        ],
        [
            {"role": "user", "parts": [{"type": "text", "content": "Buy a coat"}]},
            {"role": "user", "parts": [{"type": "tool_call_response", "result": "3"}]},
        ],
        [
            {
                "role": "user",
                "content": [{"type": "text", "text": "Buy a coat"}, {"type": "image", "text": "x"}],
            }
        ],
    ],
)
def test_or_else_what_it_was_last_asked_by_a_user(messages: list[Any]) -> None:
    assert read(INVOKE | {"gen_ai.input.messages": json.dumps(messages)}).title == "Buy a coat"
    assert read(INVOKE | {"gen_ai.input.messages": messages}).title == "Buy a coat"


def test_a_long_title_is_cut_and_holds_no_secret() -> None:
    asked = "Use mc_abcdefgh_" + "s" * 32 + " for " + "x" * 20_000
    messages = json.dumps([{"role": "user", "content": asked}])
    title = read(INVOKE | {"gen_ai.input.messages": messages}).title
    assert len(title) == 120
    assert title.startswith("Use mc_abcdefgh_[redacted] for xxx")


@pytest.mark.parametrize(
    "messages", ["no json", "[1, 2]", "{}", "null", '[{"role": "user", "parts": [null]}]', 7]
)
def test_or_else_the_spans_name(messages: Any) -> None:
    assert read(INVOKE | {"gen_ai.input.messages": messages}, name="invoke_agent x").title == "invoke_agent x"


def test_only_activities_have_titles() -> None:
    assert read(CHAT | {"mc.task.title": "Refund"}).title == ""


def test_a_chain_is_called_by_the_plain_text_it_was_given() -> None:
    assert read({"openinference.span.kind": "CHAIN", "input.value": "Where is it?"}).title == "Where is it?"
    assert read({"openinference.span.kind": "CHAIN", "input.value": '{"a": 1}'}).title == "a span"


def test_an_activity_is_known_by_its_call_or_else_by_its_span() -> None:
    assert read(INVOKE | {"gen_ai.agent.call.id": "run-1"}).call_id == "run-1"
    assert read(INVOKE).call_id == SPAN.hex()
    assert read(CHAT | {"gen_ai.agent.call.id": "run-1"}).call_id == ""


@pytest.mark.parametrize(
    "keys",
    [
        ["gen_ai.conversation.id", "session.id", "langfuse.session.id", "gcp.vertex.agent.session_id"],
        ["session.id", "langfuse.session.id", "gcp.vertex.agent.session_id"],
        ["langfuse.session.id", "gcp.vertex.agent.session_id"],
        ["gcp.vertex.agent.session_id"],
    ],
)
def test_the_session_is_the_first_that_is_named(keys: list[str]) -> None:
    assert read({key: f"session of {key}" for key in keys}).session == f"session of {keys[0]}"


def test_work_is_linked_to_our_run_step_and_command_run() -> None:
    links = {"mc.run_id": str(RUN), "mc.step_id": str(STEP), "mc.command_run_id": str(COMMAND_RUN)}
    for facts in (read(links), read({}, SERVICE | links)):
        assert (facts.run_id, facts.step_id, facts.command_run_id) == (RUN, STEP, COMMAND_RUN)
    assert read({"mc.run_id": "run 7"}).run_id is None


def test_a_text_that_an_export_repeats_is_cleaned_as_if_it_stood_there_once() -> None:
    texts = ["gpt-5-mini", "Bearer " + "a" * 40, "sk-" + "b" * 30, "c" * 63, "d" * 64, "e" * 300, "nul \0"]
    cleaned = Cleaned()
    for limit in (200, 64, 63, 20, 200):
        for text in texts:
            assert cleaned.text(text, limit) == clean(text, limit)
