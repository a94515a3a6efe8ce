"""Tokens and cost are counted once: each rule of `counting`."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.telemetry.counting import Totals, counted, totals
from apps.agents.telemetry.facts import SpanFacts
from apps.agents.telemetry.mapping import spans_of
from tests.agents import exported
from tests.agents.spans import span

USE = {"input_tokens": 100, "output_tokens": 10, "cost_usd": Decimal("0.5"), "cost_source": "reported"}


def use(number: int, parent: int = 0, kind: str = "llm", **fields: Any) -> SpanFacts:
    return span(number, parent, kind, **USE | fields)


def numbers(spans: list[SpanFacts]) -> list[int]:
    return [int(found.span_id, 16) for found in counted(spans)]


def test_only_calls_of_models_count() -> None:
    spans = [span(1), use(2, 1), use(3, 1, "tool"), use(4, 1, "workflow"), use(5, 1, "other"), use(6, 1)]
    assert numbers(spans) == [2, 6]
    assert totals(spans) == Totals(
        calls=2, input_tokens=200, output_tokens=20, cost_usd=Decimal(1), cost_source="reported"
    )


def test_what_an_agent_says_it_used_does_not_count_beside_its_calls() -> None:
    assert numbers([use(1, kind="agent"), use(2, 1)]) == [2]


def test_but_counts_where_no_call_below_tells_of_any_use() -> None:
    assert numbers([use(1, kind="agent"), span(2, 1, "llm"), span(3, 1, "tool")]) == [1]


def test_calls_count_however_deep_below_the_agent_they_are() -> None:
    assert numbers([use(1, kind="agent"), span(2, 1, "tool"), span(3, 2, "other"), use(4, 3)]) == [4]


def test_nested_agents_never_double() -> None:
    with_calls = [use(1, kind="agent"), use(2, 1), span(3, 1, "tool"), use(4, 3, "agent"), use(5, 4)]
    assert numbers(with_calls) == [2, 5]
    without = [use(1, kind="agent"), span(3, 1, "tool"), use(4, 3, "agent")]
    assert numbers(without) == [1]
    half = [span(1), use(2, 1, "agent"), use(3, 1, "agent"), use(4, 3)]
    assert numbers(half) == [2, 4]


def test_a_call_that_two_instrumentations_tell_of_counts_once() -> None:
    assert numbers([span(1), use(2, 1), use(3, 2), span(4, 2, "other"), use(5, 4)]) == [2]


def test_a_call_inside_one_that_tells_of_no_use_counts() -> None:
    assert numbers([span(1, kind="llm"), use(2, 1)]) == [2]


def test_spans_of_other_traces_are_not_above() -> None:
    elsewhere = replace(use(1, kind="agent"), trace_id="b" * 32)
    assert len(counted([elsewhere, use(2, 1)])) == 2


def test_reasoning_is_a_part_of_the_output() -> None:
    sums = totals([use(1, reasoning_tokens=8), use(2, reasoning_tokens=None)])
    assert (sums.output_tokens, sums.reasoning_tokens) == (20, 8)


def test_caches_are_summed_beside_the_input() -> None:
    sums = totals([use(1, cache_read_tokens=40, cache_write_tokens=5), use(2, cache_read_tokens=0)])
    assert (sums.input_tokens, sums.cache_read_tokens, sums.cache_write_tokens) == (200, 40, 5)


def test_what_nobody_says_is_none_and_not_zero() -> None:
    assert totals([]) == Totals()
    sums = totals([use(1, output_tokens=None, cost_usd=None, cost_source="unknown")])
    assert (sums.input_tokens, sums.output_tokens, sums.cache_read_tokens) == (100, None, None)
    assert (sums.cost_usd, sums.cost_source, sums.unpriced) == (None, "unknown", 1)


def test_a_sum_tells_whether_it_was_computed_and_what_it_lacks() -> None:
    computed = use(2, cost_usd=Decimal("0.25"), cost_source="computed")
    sums = totals([use(1), computed, use(3, cost_usd=None, cost_source="unknown")])
    assert (sums.cost_usd, sums.cost_source, sums.unpriced) == (Decimal("0.75"), "computed", 1)


def test_a_cost_without_tokens_counts_too() -> None:
    assert totals([use(1, input_tokens=None, output_tokens=None)]).cost_usd == Decimal("0.5")


def test_a_span_that_is_given_again_counts_once_and_the_last_that_is_over_wins() -> None:
    done = use(1, input_tokens=7)
    begun = use(1, input_tokens=3, status="open")
    for spans in ([begun, done], [done, begun], [use(1, input_tokens=1), done], [done, done, begun]):
        assert totals(spans).input_tokens == 7


def test_parents_that_go_in_a_circle_end() -> None:
    assert counted([span(1, 2), span(2, 1), use(3, 1)])
    counted([use(1, 2), use(2, 1)])


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(["agent", "llm", "tool", "workflow"]), st.booleans())
    ),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_repetition_changes_the_sums(
    tree: list[tuple[int, str, bool]], chance: random.Random
) -> None:
    spans = [
        (use if uses else span)(number, min(parent, number - 1), kind)
        for number, (parent, kind, uses) in enumerate(tree, start=1)
    ]
    again = spans + spans[: len(spans) // 2]
    chance.shuffle(again)
    assert totals(again) == totals(spans)
    chosen = {found.span_id for found in counted(spans)}
    above = {found.span_id: found.parent_span_id for found in spans}
    for found in chosen:  # no counted span is below another
        parent = above[found]
        while parent:
            assert parent not in chosen
            parent = above[parent]


@pytest.mark.parametrize("recording", ["pydantic_ai_nested", "pydantic_ai_old_names"])
def test_two_real_agents_one_inside_the_other_are_counted_once(recording: str) -> None:
    """In the old format both agents repeat what their models used."""
    found = spans_of(exported.traces(recording))
    assert any(one.kind == "agent" and one.input_tokens for one in found) == (
        recording == "pydantic_ai_old_names"
    )
    sums = totals(found)
    assert (sums.calls, sums.input_tokens, sums.output_tokens, sums.cache_read_tokens) == (4, 520, 80, 80)
    assert (sums.cost_usd, sums.cost_source, sums.unpriced) == (Decimal("0.000272"), "reported", 0)
