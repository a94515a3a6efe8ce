"""Any graph, any outcomes, any order: the engine ends every step as a short model says it must."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.agents import lease
from apps.workflows import engine
from apps.workflows.models import Run
from tests.workflows.acting import fail, finish, fresh, make_project, make_workflow, start, statuses, take

pytestmark = pytest.mark.django_db

Plan = dict[str, dict[str, Any]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    keys = [f"s{n}" for n in range(draw(st.integers(1, 7)))]
    return {
        key: {
            "needs": draw(st.lists(st.sampled_from(keys[:at]), max_size=3, unique=True)) if at else [],
            "when": draw(st.sampled_from([None, None, None, "false"])),
            "on_failure": draw(st.sampled_from(["fail", "continue"])),
            "ends": draw(st.sampled_from(["completed", "completed", "failed"])),
        }
        for at, key in enumerate(keys)
    }


def step_of(plan: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plan.items() if name != "ends" and value is not None}


def check(run: Run, plans: Plan) -> None:
    """What the words of a definition promise, step by step, without any of the engine's code."""
    ended = statuses(run)
    failed = [key for key, plan in plans.items() if ended[key] == "failed" and plan["on_failure"] == "fail"]
    assert fresh(run).status == ("failed" if failed else "completed")
    for key, plan in plans.items():
        started = all(ended[need] in ("completed", "failed", "skipped") for need in plan["needs"])
        if not failed:
            assert started
            assert ended[key] == ("skipped" if plan["when"] else plan["ends"])
        elif ended[key] in ("completed", "failed"):
            assert started
            assert ended[key] == plan["ends"]
        else:
            assert ended[key] in ("skipped", "cancelled")


@given(plans(), st.integers(0, 10_000))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_run_ends_as_its_definition_says(plan: Plan, seed: int) -> None:
    random = Random(seed)
    project = make_project()
    run = start(make_workflow(project, {key: step_of(one) for key, one in plan.items()}))
    held: dict[str, lease.Claimed] = {}
    while not fresh(run).is_over:
        held |= take(project)
        assert held, "an open run always has something in hand"
        key = random.choice(sorted(held))
        claimed = held.pop(key)
        if fresh(run).is_ending:
            engine.sweep()
            lease.confirm_cancelled(claimed.command_run_id, claimed.fence)
        elif plan[key]["ends"] == "completed":
            finish(claimed)
        else:
            fail(claimed)
    check(run, plan)
    assert fresh(run).open_steps == 0
    assert engine.sweep() == 0
