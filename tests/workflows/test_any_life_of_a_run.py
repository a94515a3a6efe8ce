"""Any graph and any hands on its run: workers that fail, die or answer twice, people who pause,
cancel, decide and retry, a process that ends in the middle of a transaction. Then everything is let
go on, and what the journal tells must be one story."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.models import Project
from apps.agents import lease, overdue
from apps.agents.models import CommandRun
from apps.errors import Conflict, StaleFence
from apps.events.clock import now
from apps.workflows import approvals, control, engine, services
from apps.workflows.models import Approval, Run, Step
from tests.workflows.acting import (
    events,
    fail,
    finish,
    fresh,
    make_project,
    make_workflow,
    start,
    statuses,
    take,
)

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(400)]

EXAMPLES = int(os.environ.get("MC_TEST_EXAMPLES") or 200)
SECONDS = 40.0  # after that the remaining examples are left out, whatever the machine
OVER = ("completed", "failed", "cancelled", "skipped", "timed_out")
RUN_OVER = ("completed", "failed", "cancelled")
MOST_TURNS = 200

Plan = dict[str, dict[str, Any]]
ACTS = (
    *("take", "take", "finish", "finish", "fail", "fail for good", "lose", "answer twice", "old answer"),
    *("crash", "pause", "resume", "cancel", "retry", "approve", "reject", "wake", "sweep"),
)


class Crash(Exception):
    """The process ends before its commit."""


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    keys = [f"s{n}" for n in range(draw(st.integers(1, 6)))]
    plan: Plan = {}
    for at, key in enumerate(keys):
        needs = draw(st.lists(st.sampled_from(keys[:at]), max_size=2, unique=True)) if at else []
        body: dict[str, Any] = draw(
            st.sampled_from([{}, {}, {}, {"approval": {"title": "Go?"}}, {"wait": {"seconds": 60}}])
        )
        plan[key] = {"needs": needs, "on_failure": draw(st.sampled_from(["fail", "continue"])), **body}
        if not body:
            plan[key]["retry"] = {"attempts": 2, "backoff_seconds": 0}
    return plan


class Life:
    """One run and everybody who has a hand on it."""

    def __init__(self, project: Project, run: Run) -> None:
        self.project, self.run = project, run
        self.held: list[lease.Claimed] = []
        self.done: list[lease.Claimed] = []
        self.cancelled = False

    def act(self, name: str, choice: int) -> None:
        verb: Callable[[int], None] = getattr(self, name.replace(" ", "_"))
        verb(choice)

    def take(self, _: int) -> None:
        self.held += take(self.project).values()

    def finish(self, choice: int) -> None:
        self._answer(choice, finish)

    def fail(self, choice: int) -> None:
        self._answer(choice, lambda claimed: fail(claimed, retryable=True))

    def fail_for_good(self, choice: int) -> None:
        self._answer(choice, fail)

    def lose(self, choice: int) -> None:
        """The holder dies; what it holds is taken back, and its answer comes too late."""
        if not self.held:
            return
        claimed = self.held.pop(choice % len(self.held))
        late = now() - timedelta(seconds=1)
        CommandRun.objects.filter(pk=claimed.command_run_id, status="running").update(lease_expires_at=late)
        overdue.take_back(claimed.command_run_id, at=now())
        with pytest.raises(StaleFence):
            finish(claimed)

    def answer_twice(self, choice: int) -> None:
        if claimed := self._answer(choice, finish):
            with pytest.raises(StaleFence):
                finish(claimed, {"text": "again"})

    def old_answer(self, choice: int) -> None:
        if self.done:
            with pytest.raises(StaleFence):
                finish(self.done[choice % len(self.done)], {"text": "old"})

    def crash(self, choice: int) -> None:
        """Whatever a transaction did before its process ended is not there afterwards."""
        if not self.held:
            return
        before = self.rows()
        with suppress(Crash), transaction.atomic():
            finish(self.held[choice % len(self.held)])
            raise Crash
        assert self.rows() == before

    def pause(self, _: int) -> None:
        self._if_allowed(lambda: control.pause_run(self.read()))

    def resume(self, _: int) -> None:
        self._if_allowed(lambda: control.resume_run(self.read()))

    def cancel(self, _: int) -> None:
        self._if_allowed(lambda: services.cancel_run(self.read()))

    def retry(self, _: int) -> None:
        is_over = self.read().is_over
        if self._if_allowed(lambda: control.retry_run(self.read())):
            assert is_over

    def approve(self, choice: int) -> None:
        self._decide(choice, True)

    def reject(self, choice: int) -> None:
        self._decide(choice, False)

    def wake(self, _: int) -> None:
        due = now() - timedelta(seconds=1)
        Step.objects.filter(run=self.run, status="waiting", wakes_at__isnull=False).update(wakes_at=due)
        engine.sweep()

    def sweep(self, _: int) -> None:
        engine.sweep()

    def read(self) -> Run:
        return Run.objects.select_related("workflow").get(pk=self.run.pk)

    def rows(self) -> list[Any]:
        return [
            *Run.objects.filter(pk=self.run.pk).values(),
            *Step.objects.filter(run=self.run).order_by("index").values(),
            *CommandRun.objects.filter(run_id=self.run.pk).order_by("pk").values(),
            len(events(self.project)),
        ]

    def _answer(self, choice: int, act: Callable[[lease.Claimed], Any]) -> lease.Claimed | None:
        if not self.held:
            return None
        claimed = self.held.pop(choice % len(self.held))
        act(claimed)
        self.done.append(claimed)
        return claimed

    def _decide(self, choice: int, approved: bool) -> None:
        asked = list(Approval.objects.filter(run=self.run, state="open").select_related("run", "step"))
        if asked:
            one = asked[choice % len(asked)]
            self._if_allowed(lambda: approvals.decide(one, approved=approved, by=f"user{choice}"))

    def _if_allowed(self, act: Callable[[], Any]) -> bool:
        try:
            act()
        except Conflict:
            return False
        return True

    def let_go_on(self) -> None:
        """Nobody disturbs any more: resume, decide, wake and finish until it is over."""
        for turn in range(MOST_TURNS):
            if self.read().is_over and not self.held:
                return
            self.resume(0)
            self.approve(turn)
            self.wake(0)
            self.take(0)
            for claimed in self.held:
                cancelled = CommandRun.objects.get(pk=claimed.command_run_id).cancel_requested
                if cancelled:
                    lease.confirm_cancelled(claimed.command_run_id, claimed.fence)
                else:
                    finish(claimed)
            self.held.clear()
        raise AssertionError(f"stuck: {self.read().status} {statuses(self.run)}")


def check(life: Life, plan: Plan) -> None:
    """What the journal tells is one story, and the rows are where it ends."""
    run, ended = fresh(life.run), statuses(life.run)
    assert run.open_steps == 0
    assert set(ended.values()) <= set(OVER)
    open_work = CommandRun.objects.filter(run_id=run.pk).exclude(status__in=OVER)
    assert not open_work.exists()
    assert not Approval.objects.filter(run=run, state="open").exists()
    told = events(life.project)
    check_run([event for event in told if event["type"] == "workflow_update"], run)
    steps = [event for event in told if event["type"] == "step_update"]
    for key in plan:
        check_step([event for event in steps if event["key"] == key], ended[key])
    check_order(steps, plan)
    given = Counter(CommandRun.objects.filter(run_id=run.pk).values_list("step_id", flat=True))
    for step in Step.objects.filter(run=run):
        queued = [e for e in steps if e["key"] == step.key and e["previous_status"] == "pending"]
        assert given[step.pk] <= len([event for event in queued if event["status"] == "queued"])
    failed = [
        key for key in plan if ended[key] in ("failed", "timed_out") and plan[key]["on_failure"] == "fail"
    ]
    if run.status == "completed":
        assert not failed
        assert set(ended.values()) <= {"completed", "failed", "timed_out", "skipped"}
    if run.status == "failed":
        assert failed or "cancelled" in ended.values()
    assert engine.sweep() == 0


def check_run(told: list[dict[str, Any]], run: Run) -> None:
    last = None
    for event in told:
        assert event["previous_status"] == last
        last = event["status"]
    assert last == run.status


def check_step(told: list[dict[str, Any]], status: str) -> None:
    """Every line goes on where the one before stopped, and only a retry leads out of an end."""
    last = "pending"
    for event in told:
        assert event["previous_status"] == last, told
        if last in OVER:
            assert event["status"] == "pending"
        last = event["status"]
    assert last == status


def check_order(told: list[dict[str, Any]], plan: Plan) -> None:
    """At every moment: what begins has all its needs behind it."""
    now_is = dict.fromkeys(plan, "pending")
    for event in told:
        begins = event["previous_status"] == "pending" and event["status"] in ("queued", "waiting", "running")
        if begins:
            assert all(now_is[need] in OVER for need in plan[event["key"]]["needs"]), (event["key"], now_is)
        now_is[event["key"]] = event["status"]


def live(plan: Plan, acts: list[tuple[str, int]]) -> None:
    project = make_project()
    life = Life(project, start(make_workflow(project, plan)))
    for name, choice in acts:
        life.act(name, choice)
    life.let_go_on()
    check(life, plan)


def test_any_life_of_a_run_is_one_story() -> None:
    until = time.monotonic() + SECONDS
    failures: list[Exception] = []

    @given(plans(), st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5)), max_size=25))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    def lives(plan: Plan, acts: list[tuple[str, int]]) -> None:
        if time.monotonic() > until and not failures:  # a failure is looked for until it is small
            return
        try:
            live(plan, acts)
        except Exception as error:
            failures.append(error)
            raise

    lives()
