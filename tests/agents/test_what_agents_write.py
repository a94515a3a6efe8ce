"""Whatever an agent writes can be kept: its result is committed and its run goes on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents import lease
from apps.agents.models import CommandRunData
from apps.agents.storable import storable, storable_text
from apps.workflows.models import Step
from tests.workflows.acting import fail, finish, make_project, make_workflow, start, statuses, take

HOSTILE = "a\0b\ud800c\udc00"


@pytest.mark.django_db
def test_a_result_with_nul_and_half_surrogates_is_committed_and_passed_on() -> None:
    project = make_project()
    steps: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"needs": ["a"], "with": {"text": "${{ steps.a.output.text }}"}},
    }
    run = start(make_workflow(project, steps))
    claimed = take(project)["a"]
    lease.report(claimed.command_run_id, claimed.fence, progress=10, message=HOSTILE, text=HOSTILE)
    assert CommandRunData.objects.get(pk=claimed.command_run_id).text == "a�b�c�"
    finish(claimed, {"text": HOSTILE, HOSTILE: [HOSTILE, float("nan")]})
    assert Step.objects.get(run=run, key="a").output == {"text": "a�b�c�", "a�b�c�": ["a�b�c�", None]}
    second = take(project)["b"]
    assert second.work.input == {"text": "a�b�c�"}
    fail(second, HOSTILE)
    assert statuses(run) == {"a": "completed", "b": "failed"}
    assert Step.objects.get(run=run, key="b").error == "a�b�c�"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert storable_text(text) == text
    assert storable({"k": [text, 1, None, True, 0.5]}) == {"k": [text, 1, None, True, 0.5]}


@given(st.text(st.characters(categories=["Cs", "Cc", "Lu"])))
def test_any_text_becomes_one_that_utf_8_can_hold(text: str) -> None:
    assert "\0" not in storable_text(text)
    storable_text(text).encode()
