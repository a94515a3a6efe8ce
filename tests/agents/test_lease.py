"""The life of a command run: who may move it, and that an old fence moves nothing."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from apps.agents import dispatch, explain, lease, overdue, repair
from apps.agents.connectors.base import Outcome
from apps.agents.lease import Claimed
from apps.agents.models import Agent, CommandRun
from apps.agents.moves import Failure
from apps.agents.services import pause_agent, resume_agent
from apps.errors import Conflict, StaleFence
from apps.events.clock import now
from apps.events.models import Event
from tests.agents.factories import make_agent, make_command, make_run, make_worker

pytestmark = pytest.mark.django_db

DONE = Outcome(output={"text": "fine"}, input_tokens=3, output_tokens=1, model="m", demo=False)


def dispatched(**fields: object) -> CommandRun:
    agent = make_agent()
    make_worker()
    run = make_run(make_command(), agent, **fields)
    dispatch.dispatch_ready(run.project_id)
    run.refresh_from_db()
    assert run.status == "dispatched"
    return run


def claimed(**fields: object) -> tuple[CommandRun, Claimed]:
    run = dispatched(**fields)
    assert run.dispatch_id
    held = lease.claim(run.pk, run.dispatch_id, worker="w")
    assert held
    run.refresh_from_db()
    return run, held


def later(**parts: float) -> object:
    return now() + timedelta(**parts)


def age(run: CommandRun, **fields: object) -> None:
    CommandRun.objects.filter(pk=run.pk).update(**fields)


def test_a_claim_is_won_once_and_makes_the_agent_busy() -> None:
    run = dispatched()
    assert run.dispatch_id
    assert run.agent_id
    assert lease.claim(run.pk, run.dispatch_id, worker="a") is not None
    assert lease.claim(run.pk, run.dispatch_id, worker="b") is None
    agent = Agent.objects.get(command_runs=run)
    assert (agent.status, agent.current_task) == ("busy", run.title)


def test_a_claim_with_another_dispatch_id_is_dropped() -> None:
    assert lease.claim(dispatched().pk, uuid4(), worker="a") is None


def test_a_result_is_written_once() -> None:
    run, held = claimed()
    lease.finish(run.pk, held.fence, DONE)
    with pytest.raises(StaleFence):
        lease.finish(run.pk, held.fence, DONE)
    run.refresh_from_db()
    assert (run.status, run.input_tokens, run.data.output) == ("completed", 3, {"text": "fine"})
    assert Agent.objects.get(command_runs=run).status == "idle"
    kinds = list(Event.objects.filter(entity_id=run.pk).order_by("seq").values_list("kind", flat=True))
    assert kinds == [f"command_run.{word}" for word in ("queued", "dispatched", "started", "finished")]


def test_a_retryable_failure_is_tried_again_later_and_then_fails() -> None:
    run, held = claimed(max_attempts=2)
    lease.fail(run.pk, held.fence, Failure("rate_limited", "slow down", retryable=True, retry_after=30))
    run.refresh_from_db()
    assert run.status == "queued"
    assert run.available_at > now() + timedelta(seconds=25)
    assert dispatch.dispatch_ready(run.project_id) == []
    age(run, available_at=now())
    dispatch.dispatch_ready(run.project_id)
    run.refresh_from_db()
    assert run.dispatch_id
    again = lease.claim(run.pk, run.dispatch_id, worker="w")
    assert again
    assert again.fence > held.fence
    lease.fail(run.pk, again.fence, Failure("rate_limited", "slow down", retryable=True))
    run.refresh_from_db()
    assert (run.status, run.error_code, run.data.error) == ("failed", "rate_limited", "slow down")
    assert Agent.objects.get(command_runs=run).status == "error"


def test_a_lost_lease_gives_the_work_to_another_and_fences_the_old_holder_off() -> None:
    run, held = claimed()
    age(run, lease_expires_at=now() - timedelta(seconds=1))
    repair.tick()
    run.refresh_from_db()
    assert run.lost_count == 1
    assert run.status == "dispatched"
    with pytest.raises(StaleFence):
        lease.finish(run.pk, held.fence, DONE)
    assert lease.report(run.pk, held.fence).alive is False
    assert run.dispatch_id
    again = lease.claim(run.pk, run.dispatch_id, worker="w2")
    assert again
    lease.finish(run.pk, again.fence, DONE)


def test_work_that_loses_its_worker_too_often_fails() -> None:
    run, _ = claimed()
    for _ in range(overdue.MAX_LOST + 1):
        run.refresh_from_db()
        if run.status == "dispatched" and run.dispatch_id:
            lease.claim(run.pk, run.dispatch_id, worker="w")
        age(run, lease_expires_at=now() - timedelta(seconds=1))
        repair.tick()
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "worker_lost")


def test_a_timeout_ends_as_timed_out_when_no_attempt_is_left() -> None:
    run, held = claimed(max_attempts=1)
    age(run, timeout_at=now() - timedelta(seconds=1))
    repair.tick()
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("timed_out", "timeout")
    with pytest.raises(StaleFence):
        lease.finish(run.pk, held.fence, DONE)


def test_cancelling_waiting_work_ends_it_and_running_work_is_told() -> None:
    waiting = dispatched()
    assert lease.cancel(waiting.pk).status == "cancelled"
    with pytest.raises(Conflict):
        lease.cancel(waiting.pk)
    run, held = claimed()
    assert lease.cancel(run.pk).status == "running"
    assert lease.cancel(run.pk).status == "running"
    assert lease.report(run.pk, held.fence).cancel is True
    lease.confirm_cancelled(run.pk, held.fence)
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_holder_that_ignores_a_cancellation_is_fenced_off_after_the_grace() -> None:
    run, held = claimed()
    lease.cancel(run.pk)
    age(run, cancel_requested_at=now() - timedelta(seconds=overdue.CANCEL_GRACE_SECONDS + 1))
    repair.tick()
    run.refresh_from_db()
    assert run.status == "cancelled"
    with pytest.raises(StaleFence):
        lease.finish(run.pk, held.fence, DONE)


def test_work_lost_while_being_cancelled_is_never_resurrected() -> None:
    run, _ = claimed()
    lease.cancel(run.pk)
    age(run, lease_expires_at=now() - timedelta(seconds=1))
    repair.tick()
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_given_back_work_costs_no_attempt() -> None:
    run, held = claimed()
    lease.give_back(run.pk, held.fence)
    run.refresh_from_db()
    assert (run.status, run.attempt, run.lost_count) == ("queued", 0, 0)


def test_work_nobody_takes_ends_with_the_reason_it_waited() -> None:
    run = make_run(make_command(capability="painting"), None, queue_timeout_seconds=5)
    repair.tick()
    run.refresh_from_db()
    assert run.wait_reason == "no agent has the capability painting"
    age(run, gives_up_at=now() - timedelta(seconds=1))
    repair.tick()
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("timed_out", "queue_timeout")
    assert "painting" in run.data.error


def test_an_unclaimed_dispatch_is_published_again_under_the_same_id() -> None:
    run = dispatched()
    age(run, dispatched_at=now() - timedelta(seconds=10))
    repair.republish_unclaimed(now())
    before = run.dispatch_id
    run.refresh_from_db()
    assert run.dispatch_id == before
    assert run.dispatch_count == 1


def test_an_agent_gets_one_command_run_at_a_time_and_priority_goes_first() -> None:
    agent, command = make_agent(), make_command()
    make_worker()
    low = make_run(command, agent, priority=0)
    high = make_run(command, agent, priority=5)
    dispatch.dispatch_ready(agent.project_id)
    low.refresh_from_db()
    high.refresh_from_db()
    assert (high.status, low.status) == ("dispatched", "queued")
    explain.explain_waiting(agent.project_id)
    low.refresh_from_db()
    assert low.wait_reason == f"{agent.name} is busy"


def test_without_a_live_worker_nothing_is_dispatched_and_the_row_says_so() -> None:
    run = make_run(make_command(), make_agent())
    repair.tick()
    run.refresh_from_db()
    assert (run.status, run.wait_reason) == ("queued", "no live worker")


def test_work_of_a_paused_agent_goes_back_into_the_queue() -> None:
    run = dispatched()
    agent = Agent.objects.get(command_runs=run)
    pause_agent(agent)
    repair.tick()
    run.refresh_from_db()
    assert (run.status, run.wait_reason) == ("queued", f"{agent} is paused")
    resume_agent(agent)
    repair.tick()
    run.refresh_from_db()
    assert run.status == "dispatched"
