"""Any graph with maps and failures that go elsewhere, any outcomes, any order: every run ends, its
counters agree with its rows, and no step is done more often than its definition allows."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from apps.agents import dispatch, lease
from apps.workflows import engine
from apps.workflows.document import DocumentError
from apps.workflows.models import STEP_OVER, Run, Step
from tests.workflows.acting import fail, finish, fresh, make_project, make_workflow, start

pytestmark = pytest.mark.django_db

Plan = dict[str, dict[str, Any]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Steps that need earlier ones, some done for each of a list; failures go back to any step before,
    or to a later one."""
    keys = [f"s{n}" for n in range(draw(st.integers(1, 6)))]
    plan: Plan = {}
    for at, key in enumerate(keys):
        step: dict[str, Any] = {
            "needs": draw(st.lists(st.sampled_from(keys[:at]), max_size=2, unique=True)) if at else [],
            "on_failure": draw(
                st.one_of(
                    st.sampled_from(["fail", "continue", "continue"]),
                    st.builds(lambda target: {"go_to": target}, st.sampled_from(keys[at:])),
                    st.builds(lambda target: {"go_to": target}, st.sampled_from(keys[: at + 1])),
                )
            ),
        }
        if draw(st.booleans()):
            over = list(range(draw(st.integers(0, 4))))
            ends = draw(st.sampled_from(["fail", "continue"]))
            step["map"] = {"over": over, "limit": draw(st.integers(1, 3)), "on_item_failure": ends}
        plan[key] = step
    return plan


def claim_all(held: dict[str, lease.Claimed], project_id: Any) -> None:
    for one in dispatch.dispatch_ready(project_id):
        claimed = lease.claim(one.command_run_id, one.dispatch_id, worker="test")
        if claimed is not None:
            held[str(one.command_run_id)] = claimed


def check(run: Run, plan: Plan, done: Counter[str]) -> None:
    """What must be so of any run that is over."""
    steps = list(Step.objects.filter(run=run))
    assert all(step.status in STEP_OVER for step in steps)
    assert (run.open_steps, run.total_steps) == (0, len(steps))
    top = {step.key: step for step in steps if step.map_index < 0}
    assert set(top) == set(plan)
    for key, step in top.items():
        items = [one for one in steps if one.parent_id == step.pk]
        if step.status == "completed" and "map" in plan[key]:
            assert len(items) == len(plan[key]["map"]["over"])
            outputs = [one.output for one in sorted(items, key=lambda one: one.map_index)]
            assert step.output == outputs
        if run.status == "completed":
            assert step.status != "cancelled"
            assert step.status == "completed" or plan[key]["on_failure"] != "fail" or step.status == "skipped"
    # Once, and once more for each failure that may have sent it back.
    assert max(done.values(), default=0) <= 2 ** len(plan)


@given(plans(), st.integers(0, 10_000))
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_run_ends_and_its_rows_agree(plan: Plan, seed: int) -> None:
    random = Random(seed)
    project = make_project()
    try:
        run = start(make_workflow(project, plan))
    except DocumentError:  # steps that would handle each other's failures, in a circle
        reject()
    held: dict[str, lease.Claimed] = {}
    done: Counter[str] = Counter()
    for _ in range(400):
        if fresh(run).is_over and not held:
            break
        claim_all(held, project.pk)
        if not held:
            assert fresh(run).is_over, "an open run always has something in hand"
            break
        claimed = held.pop(random.choice(sorted(held)))
        engine.sweep()
        signal = lease.look({claimed.command_run_id: claimed.fence})[claimed.command_run_id]
        if signal.cancel:
            lease.confirm_cancelled(claimed.command_run_id, claimed.fence)
            continue
        done[str(claimed.step_id)] += 1
        (finish if random.random() < 0.6 else fail)(claimed)
    engine.sweep()
    assert fresh(run).is_over
    check(fresh(run), plan, done)
    assert engine.sweep() == 0
