"""What two definitions differ in, by meaning and by text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.workflows import document as documents
from apps.workflows.differences import MAX_LINES, between, text_between
from apps.workflows.document import Document

STEPS: list[dict[str, Any]] = [
    {"key": "look", "command": "do.it"},
    {"key": "mend", "command": "do.it", "needs": ["look"], "retry": {"attempts": 2}},
]


def document(steps: list[dict[str, Any]] | None = None, **fields: Any) -> Document:
    return documents.parse(json.dumps({"name": "N", "slug": "n", "steps": steps or STEPS, **fields}))


def mended(**fields: Any) -> Document:
    return document([STEPS[0], {**STEPS[1], **fields}])


def changes(before: Document, after: Document) -> list[tuple[str, str, Any, Any]]:
    """The changes of the second step."""
    (step,) = between(before, after).steps
    assert (step.key, step.kind) == ("mend", "changed")
    return [(change.path, change.kind, change.before, change.after) for change in step.fields]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "Mend"}, [("name", "added", None, "Mend")]),
        ({"needs": []}, [("needs", "removed", ["look"], None)]),
        ({"retry": {"attempts": 4}}, [("retry.attempts", "changed", 2, 4)]),
        ({"retry": {"attempts": 2, "backoff_seconds": 9}}, [("retry.backoff_seconds", "added", None, 9.0)]),
        ({"with": {"a": {"b": 1}}}, [("with", "added", None, {"a": {"b": 1}})]),
        ({"on_failure": "continue"}, [("on_failure", "added", None, "continue")]),
    ],
)
def test_a_changed_step_names_each_field_with_before_and_after(
    fields: dict[str, Any], expected: list[tuple[str, str, Any, Any]]
) -> None:
    assert changes(document(), mended(**fields)) == expected


@pytest.mark.parametrize(
    ("before", "after", "path", "kind"),
    [
        ({"a": 1}, {"a": True}, "with.a", "changed"),
        ({"a": 1}, {"a": 1.0}, "with.a", "changed"),
        ({"a": [1]}, {"a": [1, 2]}, "with.a", "changed"),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": None}}, "with.a.c", "added"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "with", "reordered"),
    ],
)
def test_values_are_compared_as_json(before: Any, after: Any, path: str, kind: str) -> None:
    (change,) = changes(mended(**{"with": before}), mended(**{"with": after}))
    assert change[:2] == (path, kind)


def test_steps_are_added_removed_and_reordered() -> None:
    extra = {"key": "tell", "name": "Tell them", "command": "do.it"}
    found = between(document(), document([extra, STEPS[0]]))
    assert [(step.key, step.name, step.kind) for step in found.steps] == [
        ("tell", "Tell them", "added"),
        ("mend", "Mend", "removed"),
    ]
    assert found.fields == []
    swapped = between(document(), document(STEPS[::-1]))
    (change,) = swapped.fields
    assert (change.path, change.kind, change.after) == ("steps", "reordered", ["mend", "look"])
    assert swapped.summary() == ["steps reordered"]


def test_the_workflow_itself_is_compared_field_by_field() -> None:
    shape: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
    longer = {**shape, "properties": {"a": {"type": "string", "title": "A"}, "b": {"type": "integer"}}}
    found = between(document(input=shape), document(name="M", input=longer))
    assert found.summary() == ["name changed", "input.properties.a.title added", "input.properties.b added"]


def test_against_nothing_everything_is_new() -> None:
    found = between(None, document())
    assert [str(step) for step in found.steps] == ["step look added", "step mend added"]
    assert {change.kind for change in found.fields} == {"added"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 2.5]) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
GIVEN = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(GIVEN, GIVEN)
def test_there_is_no_difference_exactly_when_the_checksums_agree(one: Any, two: Any) -> None:
    before, after = mended(**{"with": one}), mended(**{"with": two})
    same = documents.checksum(before) == documents.checksum(after)
    assert bool(between(before, after)) != same


def test_texts_are_compared_line_by_line_until_they_are_too_long() -> None:
    assert text_between("a\nb\n", "a\nc\n", "old", "new") == "--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    assert text_between("a\n", "a\n") == ""
    long = "a\n" * MAX_LINES
    assert text_between(long, long) == ""
    assert text_between(long, "b") is None
