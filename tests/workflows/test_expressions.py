"""CEL in `${{ }}`: types stay, sizes are bounded, and errors name the expression."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows import expressions
from apps.workflows.expressions import MAX_EXPRESSION, ExpressionError, compile_expression, is_true, render

CONTEXT: dict[str, Any] = {
    "input": {"a": 1, "list": ["x", 2, None], "text": " Hi\nyou ", "half": 0.5, "yes": True},
    "steps": {
        "done": {"status": "completed", "output": {"text": "out"}, "error": None},
        "lost": {"status": "failed", "output": None, "error": {"code": "x", "message": "m"}},
    },
    "run": {"id": "1", "number": 7, "name": "n", "workflow": "w"},
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${{ input.a }}", 1),
        ("  ${{ input.list }}\n", ["x", 2, None]),
        ("n=${{ input.a }} ${{input.yes}} ${{ input.half }}", "n=1 true 0.5"),
        ("[${{ input.list[2] }}]", "[]"),
        ("${{ input.list }}!", '["x", 2, null]!'),
        ("${{ {'a': {'b': '}}'}} }}", {"a": {"b": "}}"}}),
        ("$${{ not }} ${{ input.a }}", "${{ not }} 1"),
        ("${{ steps.done.output.text }}", "out"),
        ("${{ steps['done'].status }}", "completed"),
        ("${{ steps.lost.output == null ? 'none' : 'some' }}", "none"),
        ("${{ has(input.nothing) }}", False),
        ("${{ input.text.trim().lowerAscii() }}", "hi\nyou"),
        ("${{ input.text.lines().size() }}", 2),
        ("${{ input.list.filter(x, x != null).join('+') }}", "x+2"),
        ("${{ toJson(steps.done.output) }}", '{"text": "out"}'),
        ("${{ truncate('abcdef', 4) }}", "abc…"),
        ("${{ run.number + 1 }}", 8),
        ("${{ timestamp('2026-01-02T03:04:05Z') }}", "2026-01-02T03:04:05Z"),
        ("${{ duration('90s') }}", "90s"),
    ],
)
def test_a_template_gives_its_value(text: str, value: Any) -> None:
    assert render(text, CONTEXT) == value
    assert render({"deep": [text]}, CONTEXT) == {"deep": [value]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${{ input.a", "has no closing"),
        ("${{ }}", "empty"),
        ("${{ 1 + }}", "not a CEL expression"),
        ("${{ nobody.x }}", "unknown name 'nobody'"),
        ("${{ system('x') }}", "unknown function 'system'"),
        ("${{ steps }}", "name one step"),
        ("${{ steps[input.a] }}", "name one step"),
        ("${{ [steps][0] }}", "name one step"),
        ("${{ input.list.map(steps, 1) }}", "cannot be the variable"),
        ("${{ " + "1+" * MAX_EXPRESSION + "1 }}", "longer than"),
        ("${{ " + "(" * 30 + "1" + ")" * 30 + " }}", "nested deeper"),
        ("${{ [1].map(a, [1].map(b, [1].map(c, 1))) }}", "nest at most"),
    ],
)
def test_what_cannot_be_compiled_says_why(text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        expressions.compile_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${{ input.nothing }}", "there is no field 'nothing'"),
        ("${{ steps.lost.output.text }}", "null has no fields"),
        ("${{ 1 / 0 }}", "division by zero"),
        ("${{ input.a + 'x' }}", "int"),
        ("${{ input.list[9] }}", "out of bounds"),
        ("${{ b'bytes' }}", "JSON cannot hold"),
        ("${{ 1.0 / 0.0 }}", "not a JSON number"),
        ("${{ int('x') }}", "invalid digit"),
    ],
)
def test_what_cannot_be_evaluated_says_why_and_where(text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said) as caught:
        render(text, CONTEXT)
    assert text[3:-2].strip() in str(caught.value)


def test_a_condition_is_a_boolean_with_or_without_braces() -> None:
    assert is_true("steps.done.status == 'completed'", CONTEXT)
    assert not is_true("${{ input.a > 5 }}", CONTEXT)
    with pytest.raises(ExpressionError, match="must be true or false"):
        is_true("input.a", CONTEXT)
    with pytest.raises(ExpressionError, match="without text around"):
        expressions.condition("if ${{ true }}")


def test_what_an_expression_looks_at_is_known() -> None:
    value = {"a": "${{ steps.x.output + steps['y'].output }}", "b": ["${{ input.steps.z }}", "steps.q"]}
    assert expressions.references(value) == {"x", "y"}


def test_a_macro_over_too_many_values_is_refused_before_it_runs() -> None:
    many = {"input": {"l": list(range(5000))}}
    with pytest.raises(ExpressionError, match="too many"):
        render("${{ input.l.map(x, x) }}", many)
    with pytest.raises(ExpressionError, match="too many"):
        render("${{ input.l.map(x, input.l.map(y, y)) }}", {"input": {"l": list(range(100))}})
    assert render("${{ input.l.size() }}", many) == 5000


def test_a_result_that_is_too_large_is_refused() -> None:
    big = {"input": {"s": "x" * 100_000}}
    with pytest.raises(ExpressionError, match="larger than"):
        render("${{ input.s + input.s + input.s }}", big)


@given(JSON)
def test_a_value_passes_through_unchanged(value: Any) -> None:
    assert render("${{ input.v }}", {"input": {"v": value}}) == value


@given(st.text(max_size=60))
def test_any_text_either_compiles_or_is_refused_in_words(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        compile_expression(text)


@given(st.text(alphabet="ab1.+-*/%()[]{}!?:&|<>='\" inputsep,mx", max_size=80))
def test_any_expression_either_evaluates_or_is_refused_in_words(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        expression = compile_expression(text)
        if expression.steps <= set(CONTEXT["steps"]):  # a document lets no other through
            expression.evaluate(CONTEXT)


@given(st.text(max_size=200).filter(lambda text: "${{" not in text))
def test_text_without_expressions_stays_as_it_is(text: str) -> None:
    assert render(text, CONTEXT) == text


def test_the_largest_expressions_fit_a_small_thread_s_stack() -> None:
    """The parser recurses; past its stack it would take the process down, not raise."""
    hostile = [
        "1" + "+1" * 499,
        "-" * 998 + "1",
        "input" + ".a" * 480,
        "true" + "&&true" * 160,
        "!" * 990 + "true",
    ]
    ends: list[str] = []

    def compile_all() -> None:
        for source in hostile:
            with contextlib.suppress(ExpressionError):
                compile_expression(source).evaluate(CONTEXT)
            ends.append("ok")

    before = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=compile_all)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert ends == ["ok"] * len(hostile)
