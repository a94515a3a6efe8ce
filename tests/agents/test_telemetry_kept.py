"""What is kept of a span beside the table: bounded, storable, without secrets, whatever it carries."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from apps.agents.telemetry import mapping
from apps.agents.telemetry.mapping import spans_of
from apps.agents.telemetry.values import MAX_ATTRIBUTES, MAX_DEPTH, MAX_TEXT
from tests.agents.otel import (
    CHAT,
    INVOKE,
    SERVICE,
    TOOL,
    exception,
    exported_span,
    pairs,
    read,
    value_of,
)

# --- what is kept -----------------------------------------------------------------------------------------


def test_attributes_resource_and_events_are_kept_as_json() -> None:
    attributes = {
        "a": "text",
        "b": 3,
        "c": 0.5,
        "d": True,
        "e": [1, "x"],
        "f": {"g": "h"},
        "i": b"\x00\xff",
    }
    facts = read(attributes, events=[exception(type="OSError")])
    assert facts.attributes == attributes | {"i": "AP8="}
    assert facts.resource == SERVICE
    at = "2026-11-20T12:00:00.250000+00:00"
    assert facts.events == [{"name": "exception", "at": at, "attributes": {"exception.type": "OSError"}}]


def test_secrets_do_not_get_into_what_is_kept() -> None:
    key = "mc_abcdefgh_" + "s" * 32
    values = {
        "http.request.header.authorization": "Basic Zm9vOmJhcg==", "password": "swordfish",
        "note": f"with {key}", "body": json.dumps(json.dumps({"password": "swordfish"})),
        "nested": {"token": "swordfish", "args": [key]}, "api_key": ["swordfish"],
        "url.full": "https://me:swordfish@example.org/",
    }  # fmt: skip
    facts = read(values, SERVICE | {"env": key}, events=[exception(message=f"bad {key}")])
    kept = json.dumps([facts.attributes, facts.resource, facts.events])
    for secret in ("swordfish", "Zm9v", "ssss"):
        assert secret not in kept


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_" + "a1" * 18,
        "github_pat_" + "a1" * 20,
        "xoxb-1234567890-abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-ant-api03-abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_keys_of_well_known_services_are_taken_out_wherever_they_are(secret: str) -> None:
    for text in (secret, f"use {secret}, please", json.dumps({"args": json.dumps([secret])})):
        assert secret not in json.dumps(read({"note": text, "list": [text]}).attributes)


def test_what_a_database_cannot_hold_is_replaced() -> None:
    facts = read(
        CHAT | {"a\0b": "x\0y", "f": float("inf"), "n": ["\0"], "gen_ai.request.model": "m\0"}, name="n\0"
    )
    assert (facts.name, facts.model) == ("n\ufffd", "m\ufffd")
    assert facts.attributes["a\ufffdb"] == "x\ufffdy"
    assert facts.attributes["f"] is None
    assert facts.attributes["n"] == ["\ufffd"]


def test_more_attributes_than_are_kept_do_not_hide_those_that_are_looked_for() -> None:
    facts = read({f"key {number}": number for number in range(1000)} | CHAT | {"session.id": "s"})
    assert (facts.kind, facts.session) == ("llm", "s")
    assert len(facts.attributes) == MAX_ATTRIBUTES + 2


def test_a_million_attributes_are_not_read() -> None:
    request = exported_span()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    pair = KeyValue(key="session.id", value=value_of("late"))
    span.attributes.extend([KeyValue(key="a", value=value_of(1))] * 1_000_000)
    span.attributes.append(pair)
    (facts,) = spans_of(request)
    assert facts.attributes == {"a": 1}
    assert facts.session == ""


def test_long_and_deep_values_are_cut() -> None:
    deep: Any = "bottom"
    for _ in range(20):
        deep = [deep]
    facts = read(
        {"long": "x" * 100_000, "deep": deep, "wide": list(range(5000)), "map": {"k" * 999: "v" * 99_999}}
    )
    assert len(facts.attributes["long"]) == MAX_TEXT
    assert json.dumps(facts.attributes["deep"]).count("[") == MAX_DEPTH
    assert len(facts.attributes["wide"]) == 257
    assert len(json.dumps(facts.attributes["map"])) < MAX_TEXT + 300


def test_all_attributes_together_are_bounded() -> None:
    facts = read({f"key {number}": "é" * MAX_TEXT for number in range(MAX_ATTRIBUTES)}, events=[])
    assert sum(len(value) for value in facts.attributes.values()) < 300_000


def test_only_so_many_events_are_kept() -> None:
    assert len(read(events=[exception()] * 500).events) == mapping.MAX_EVENTS


def test_texts_fit_their_columns() -> None:
    long = "x" * 5000
    keys = [*mapping.PROVIDER, *mapping.MODEL, *mapping.SESSION, *mapping.TOOL, *mapping.CALL_OF_TOOL]
    keys += ["gen_ai.agent.name", "gen_ai.agent.id", "gen_ai.agent.description", "gen_ai.agent.version"]
    failed = Status(code=Status.STATUS_CODE_ERROR, message=long)
    for kind in (CHAT, TOOL, INVOKE):
        facts = read(
            kind | dict.fromkeys([*keys, "error.type", "mc.task.title"], long), name=long, status=failed
        )
        for field in ("name", "title", "session", "model", "tool", "call_id", "error_type"):
            assert len(getattr(facts, field)) <= 200, field
        assert len(facts.provider) <= 100
        assert len(facts.error) <= 500
        assert facts.agent is not None
        assert len(facts.agent.external_id) <= 300
        assert len(facts.agent.name) <= 100
        assert len(facts.agent.description) <= 500


# --- anything at all --------------------------------------------------------------------------------------

scalars = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.binary(),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)
known_keys = st.sampled_from(sorted(mapping.WANTED))


@given(
    attributes=st.dictionaries(known_keys | st.text(st.characters(codec="utf-8")), anything, max_size=12),
    resource=st.dictionaries(known_keys, anything, max_size=4),
    name=st.text(st.characters(codec="utf-8")),
    start=st.integers(0, 2**64 - 1),
    end=st.integers(0, 2**64 - 1),
    code=st.integers(0, 2),
)
def test_no_attribute_of_any_type_is_an_error(
    attributes: dict[str, Any], resource: dict[str, Any], name: str, start: int, end: int, code: int
) -> None:
    event = exception()
    event.attributes.extend(pairs(attributes))
    status = Status(code=code, message=name)  # type: ignore[arg-type]  # any number of the wire
    request = exported_span(
        attributes, resource, name, name=name, start_time_unix_nano=start, end_time_unix_nano=end,
        status=status, events=[event],
    )  # fmt: skip
    for facts in spans_of(request):
        kept = json.dumps([facts.attributes, facts.resource, facts.events], allow_nan=False)
        assert "\\u0000" not in kept
        (kept + facts.title + facts.input + facts.output + facts.error).encode()
        assert replace(facts) == facts
