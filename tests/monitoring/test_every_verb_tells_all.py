"""Snapshot before + events == snapshot after, for every verb that changes what the dashboard shows.

A verb that is added without a test here fails the last one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Project
from apps.agents import dispatch, explain, fleet, handed_over, lease, overdue, priorities, repair, services
from apps.agents.lease import Claimed
from apps.agents.models import Agent, CommandRun
from apps.agents.moves import Failure
from apps.events import journal
from apps.monitoring import alerts
from apps.monitoring.alerts import Condition
from apps.monitoring.models import Alert, AlertLevel
from apps.workflows import approvals, bulk, control, definitions, engine, limits, stopping
from apps.workflows import services as workflows
from apps.workflows.models import Approval, Run, Step, Workflow
from tests.agents.factories import make_agent, make_command, make_run, make_worker
from tests.monitoring.verify import verify_action
from tests.workflows import acting

pytestmark = pytest.mark.django_db

covered: set[str] = set()


def covers(*verbs: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Say which verbs a test proves."""
    covered.update(_name(verb) for verb in verbs)
    return lambda test: test


def _name(verb: Callable[..., Any]) -> str:
    return f"{verb.__module__}.{verb.__name__}"


@pytest.fixture
def project() -> Project:
    return acting.make_project()


@pytest.fixture
def agent() -> Agent:
    make_worker()
    return make_agent()


def run_of(agent: Agent, **fields: Any) -> CommandRun:
    return make_run(make_command(), agent, **fields)


def claimed(agent: Agent, **fields: Any) -> Claimed:
    run = run_of(agent, **fields)
    dispatch.dispatch_ready(agent.project_id)
    run.refresh_from_db()
    assert run.dispatch_id
    held = lease.claim(run.pk, run.dispatch_id, worker="w")
    assert held
    return held


# Agents


@covers(services.save_agent)
def test_an_agent_is_added_and_changed(project: Project) -> None:
    agent = Agent(project=project, slug="new", name="New", type="review", capabilities=["review"])
    with verify_action(project.pk):
        services.save_agent(agent)
    agent.name, agent.type = "A new name", "coding"
    with verify_action(project.pk):
        services.save_agent(agent)


@covers(services.pause_agent, services.resume_agent)
def test_an_agent_is_paused_and_resumed(agent: Agent) -> None:
    with verify_action(agent.project_id):
        services.pause_agent(agent)
    with verify_action(agent.project_id):
        services.resume_agent(agent)


@covers(services.register_agent)
def test_an_agent_registers_twice(project: Project) -> None:
    with verify_action(project.pk):
        services.register_agent(project.pk, name="Robot", type="coding", capabilities=["coding"])
    with verify_action(project.pk):
        services.register_agent(project.pk, name="Robot", type="review", capabilities=["review"])


@covers(services.agent_heartbeat)
def test_an_agent_says_what_it_does(project: Project) -> None:
    robot, _ = services.register_agent(project.pk, name="Robot", type="coding", capabilities=["coding"])
    with verify_action(project.pk):
        robot = services.agent_heartbeat(robot, status="busy", current_task="thinking")
    with verify_action(project.pk):
        services.agent_heartbeat(robot, status="idle")


@covers(services.remove_agent, services.announce_agents)
def test_agents_are_announced_and_removed(project: Project) -> None:
    with verify_action(project.pk), journal.changes(project.pk) as change:
        agent = make_agent(project)
        services.announce_agents(change, [agent])
    with verify_action(project.pk):
        services.remove_agent(agent)


@covers(services.announce_catalogue)
def test_the_catalogue_grows(project: Project) -> None:
    with verify_action(project.pk), journal.changes(project.pk) as change:
        make_command(project)
        services.announce_catalogue(change)


@covers(fleet.install_fleet)
def test_the_fleet_is_installed() -> None:
    project = Project.objects.create(slug="fresh", name="Fresh")
    with verify_action(project.pk):
        fleet.install_fleet(project)


@covers(repair.mark_silent_agents)
def test_a_silent_agent_goes_offline(project: Project) -> None:
    robot, _ = services.register_agent(project.pk, name="Robot", type="coding", capabilities=["coding"])
    hour_ago = timezone.now() - timedelta(hours=1)
    Agent.objects.filter(pk=robot.pk).update(heartbeat_at=hour_ago)
    with verify_action(project.pk):
        assert repair.mark_silent_agents(timezone.now()) == 1


# Command runs


@covers(
    services.start_command_run,
    services.accept_command_run,
    services.queue,
    dispatch.dispatch_ready,
    lease.claim,
    lease.finish,
)
def test_a_command_run_is_accepted_dispatched_claimed_and_finished(agent: Agent) -> None:
    command = make_command()
    with verify_action(agent.project_id):
        run = make_run(command, agent)
    with verify_action(agent.project_id):
        dispatch.dispatch_ready(agent.project_id)
    run.refresh_from_db()
    assert run.dispatch_id
    with verify_action(agent.project_id):
        held = lease.claim(run.pk, run.dispatch_id, worker="w")
    assert held
    with verify_action(agent.project_id):
        acting.finish(held)


@covers(dispatch.dispatch_in_turns)
def test_work_of_two_projects_is_dispatched_in_turns(agent: Agent) -> None:
    other = make_agent(Project.objects.create(slug="other", name="Other"))
    for one in (agent, other):
        make_run(make_command(one.project), one)
    with verify_action(agent.project_id), verify_action(other.project_id):
        assert len(dispatch.dispatch_in_turns()) == 2


@covers(dispatch.give)
def test_work_is_dispatched_with_what_queues_it(agent: Agent) -> None:
    command = make_command()
    dispatch.start()
    try:
        with verify_action(agent.project_id):
            run = make_run(command, agent)
    finally:
        dispatch.stop()
    run.refresh_from_db()
    assert run.dispatch_id


@covers(lease.claim_next)
def test_an_external_agent_claims(project: Project) -> None:
    robot, _ = services.register_agent(project.pk, name="Robot", type="review", capabilities=["review"])
    make_run(make_command(project), robot)
    dispatch.dispatch_ready(project.pk)
    with verify_action(project.pk):
        assert lease.claim_next(robot.pk, worker="robot") is not None


@covers(lease.fail)
@pytest.mark.parametrize("retryable", [True, False])
def test_an_attempt_fails(agent: Agent, retryable: bool) -> None:
    held = claimed(agent)
    with verify_action(agent.project_id):
        lease.fail(held.command_run_id, held.fence, Failure("boom", "It broke", retryable))


@covers(lease.give_back)
def test_work_is_given_back(agent: Agent) -> None:
    held = claimed(agent)
    with verify_action(agent.project_id):
        lease.give_back(held.command_run_id, held.fence)


@covers(lease.cancel)
def test_waiting_work_is_cancelled(agent: Agent) -> None:
    run = run_of(agent)
    with verify_action(agent.project_id):
        lease.cancel(run.pk)


@covers(lease.confirm_cancelled)
def test_running_work_is_cancelled_when_its_holder_says_so(agent: Agent) -> None:
    held = claimed(agent)
    with verify_action(agent.project_id):
        lease.cancel(held.command_run_id)
    with verify_action(agent.project_id):
        lease.confirm_cancelled(held.command_run_id, held.fence)


@covers(overdue.end_cancelled)
def test_running_work_is_cancelled_over_the_head_of_a_silent_holder(agent: Agent) -> None:
    held = claimed(agent)
    lease.cancel(held.command_run_id)
    with verify_action(agent.project_id):
        assert overdue.end_cancelled(held.command_run_id, at=timezone.now() + timedelta(hours=1))


@covers(overdue.end_handed_over)
def test_work_that_an_agent_holds_itself_is_cancelled(agent: Agent) -> None:
    Agent.objects.filter(pk=agent.pk).update(connector="http")
    held = claimed(agent)
    assert handed_over.hand_over(held.command_run_id, held.fence, "It will call back")
    assert not overdue.end_handed_over(held.command_run_id)
    with verify_action(agent.project_id):
        lease.cancel(held.command_run_id)
    with verify_action(agent.project_id):
        assert overdue.end_handed_over(held.command_run_id)
    assert not handed_over.hand_over(held.command_run_id, held.fence, "Too late")


@covers(overdue.take_back)
def test_an_expired_lease_is_taken_back(agent: Agent) -> None:
    held = claimed(agent)
    with verify_action(agent.project_id):
        assert overdue.take_back(held.command_run_id, at=timezone.now() + timedelta(hours=1))


@covers(overdue.time_out)
def test_an_attempt_runs_out_of_time(agent: Agent) -> None:
    held = claimed(agent)
    with verify_action(agent.project_id):
        assert overdue.time_out(held.command_run_id, at=timezone.now() + timedelta(days=1))


@covers(overdue.queue_time_out)
def test_work_that_nobody_takes_times_out(agent: Agent) -> None:
    run = run_of(agent)
    with verify_action(agent.project_id):
        assert overdue.queue_time_out(run.pk, at=timezone.now() + timedelta(days=1))


@covers(overdue.recall, repair.recall_from_absent)
def test_unclaimed_work_is_recalled(agent: Agent) -> None:
    run = run_of(agent)
    dispatch.dispatch_ready(agent.project_id)
    services.pause_agent(agent)
    with verify_action(agent.project_id):
        assert repair.recall_from_absent() == 1
    run.refresh_from_db()
    assert run.status == "queued"


@covers(explain.explain_waiting)
def test_waiting_work_says_why(agent: Agent) -> None:
    run_of(agent)
    services.pause_agent(agent)
    with verify_action(agent.project_id):
        explain.explain_waiting(agent.project_id)


# Definitions

DEFINITION = "name: N\nslug: n\nsteps: [{key: a, command: do.it}]\n"


@covers(workflows.apply_definition)
def test_a_definition_is_saved_and_an_old_version_used_again(project: Project) -> None:
    with verify_action(project.pk):
        definitions.create(project, DEFINITION, by="olga")
    workflow = Workflow.objects.get(project=project)
    with verify_action(project.pk):
        definitions.save(workflow, DEFINITION.replace("key: a", "key: b"), by="olga", base=1)
    with verify_action(project.pk, silent=True):
        definitions.save(workflow, DEFINITION.replace("key: a", "key: b"), by="olga")
    with verify_action(project.pk):
        definitions.use_again(workflow.versions.get(number=1), by="olga")


@covers(workflows.install_library)
def test_the_library_is_installed(project: Project) -> None:
    fleet.install_fleet(project)
    with verify_action(project.pk):
        workflows.install_library(project)


# Runs


@covers(workflows.start_run)
def test_a_run_starts_moves_and_completes(project: Project) -> None:
    workflow = acting.make_workflow(project, {"a": {}, "b": {"needs": ["a"]}})
    with verify_action(project.pk):
        acting.start(workflow)
    for _ in range(2):
        with verify_action(project.pk):
            (held,) = acting.take(project).values()
        with verify_action(project.pk):
            acting.finish(held)
    assert Run.objects.get(project=project).status == "completed"


def test_a_failed_run_raises_an_alert_and_the_next_good_one_resolves_it(project: Project) -> None:
    workflow = acting.make_workflow(project, {"a": {}})
    acting.start(workflow)
    (held,) = acting.take(project).values()
    with verify_action(project.pk):
        acting.fail(held)
    alert = Alert.objects.get(project=project)
    assert (alert.rule, alert.state, alert.level) == ("run_failed", "open", "error")
    acting.start(workflow)
    (held,) = acting.take(project).values()
    with verify_action(project.pk):
        acting.finish(held)
    alert.refresh_from_db()
    assert alert.state == "resolved"


@covers(workflows.cancel_run, stopping.stop_command_runs)
def test_a_run_is_cancelled(project: Project) -> None:
    workflow = acting.make_workflow(project, {"a": {}, "b": {"needs": ["a"]}})
    run = acting.start(workflow)
    acting.take(project)
    with verify_action(project.pk):
        workflows.cancel_run(run, by="somebody")
    with verify_action(project.pk):
        stopping.stop_command_runs(run.pk)
        held = CommandRun.objects.filter(run_id=run.pk, status="running").first()
        if held:
            lease.confirm_cancelled(held.pk, held.fence)
    engine.sweep()


@covers(engine.sweep)
def test_an_overdue_run_is_ended_by_the_sweep(project: Project) -> None:
    workflow = acting.make_workflow(project, {"a": {}})
    run = acting.start(workflow)
    Run.objects.filter(pk=run.pk).update(deadline_at=timezone.now() - timedelta(hours=1))
    with verify_action(project.pk):
        engine.sweep()
    assert Step.objects.filter(run=run).exists()


# Control and approvals

ASKS: dict[str, dict[str, Any]] = {
    "ask": {"approval": {"title": "Go?", "min_approvals": 2, "expires_seconds": 60}},
    "go": {"needs": ["ask"]},
}


@covers(control.pause_run, control.resume_run, explain.explain_resumed)
def test_a_run_is_paused_and_resumed(project: Project) -> None:
    run = acting.start(acting.make_workflow(project, {"a": {}}))
    with verify_action(project.pk):
        control.pause_run(run, by="olga")
    with verify_action(project.pk):
        control.resume_run(run, by="olga")


@covers(
    *(control.pause_workflow, control.resume_workflow, control.pause_project, control.resume_project),
    repair.recall_held,
)
def test_a_workflow_and_everything_is_paused_and_resumed(project: Project) -> None:
    workflow = acting.make_workflow(project, {"a": {}})
    acting.start(workflow)
    dispatch.dispatch_ready(project.pk)
    with verify_action(project.pk):
        control.pause_workflow(workflow, by="olga")
    with verify_action(project.pk):
        assert repair.recall_held() == 1
    with verify_action(project.pk):
        control.resume_workflow(workflow)
    with verify_action(project.pk):
        control.pause_project(project.pk)
    with verify_action(project.pk):
        control.resume_project(project.pk)


@covers(control.retry_run, control.rerun)
def test_a_failed_run_is_retried_and_run_again(project: Project) -> None:
    run = acting.start(acting.make_workflow(project, {"a": {}, "b": {"needs": ["a"]}}))
    acting.fail(acting.take(project)["a"])
    with verify_action(project.pk):
        control.retry_run(run)
    with verify_action(project.pk):
        acting.work_off(project)
    with verify_action(project.pk):
        control.rerun(run)


@covers(bulk.act)
@pytest.mark.parametrize("verb", list(bulk.Verb))
def test_one_verb_is_done_on_many_runs(project: Project, verb: bulk.Verb) -> None:
    workflow = acting.make_workflow(project, ASKS)
    runs = [acting.start(workflow) for _ in range(3)]
    if verb == bulk.Verb.RESUME:
        control.pause_run(runs[0])
    if verb == bulk.Verb.RETRY:
        workflows.cancel_run(runs[0])
    with verify_action(project.pk):
        assert bulk.act(project.pk, bulk.Wanted(verb, priority=7), Q()).done


@covers(control.prioritise_run, priorities.prioritise_work_of, priorities.prioritise)
def test_a_run_and_a_command_run_are_put_before_others(project: Project) -> None:
    run = acting.start(acting.make_workflow(project, {"a": {}}))
    with verify_action(project.pk):
        control.prioritise_run(run, 10)
    with verify_action(project.pk):
        priorities.prioritise(CommandRun.objects.get(run_id=run.pk).pk, 20)


@covers(priorities.cancel_command_runs)
def test_many_command_runs_are_cancelled(agent: Agent) -> None:
    for _ in range(3):
        run_of(agent)
    with verify_action(agent.project_id):
        assert priorities.cancel_command_runs(agent.project_id, Q()).done == 3


@covers(limits.admit, limits.fill, limits.start_waiting, limits.sweep, limits.change_limits)
def test_a_run_waits_for_a_place_and_gets_it(project: Project) -> None:
    workflow = acting.make_workflow(project, {"a": {}}, concurrency={"limit": 1})
    with verify_action(project.pk):
        acting.start(workflow)
    with verify_action(project.pk):
        second = acting.start(workflow)
    assert second.status == "queued"
    acting.work_off(project)
    with verify_action(project.pk):
        limits.sweep()
    with verify_action(project.pk):
        limits.change_limits(project.pk, {"max_runs": 1, "max_command_runs": None}, by="olga")
    assert Run.objects.get(pk=second.pk).status == "running"


@covers(limits.make_room)
def test_a_newer_run_takes_the_place_of_an_older_one(project: Project) -> None:
    limit = {"limit": 1, "then": "cancel_running"}
    workflow = acting.make_workflow(project, {"a": {}}, concurrency=limit)
    acting.start(workflow)
    newer = acting.start(workflow)
    with verify_action(project.pk):
        assert limits.make_room(newer) == 1


@covers(approvals.decide)
def test_an_approval_is_asked_and_decided(project: Project) -> None:
    workflow = acting.make_workflow(project, ASKS)
    with verify_action(project.pk):
        acting.start(workflow)
    with verify_action(project.pk):
        acting.start(workflow)
    first, second = Approval.objects.filter(project=project)
    for who in ("olga", "otto"):
        with verify_action(project.pk):
            approvals.decide(first, approved=True, by=who)
    with verify_action(project.pk):
        approvals.decide(second, approved=False, by="olga")


def test_an_approval_expires_and_a_wait_is_over(project: Project) -> None:
    steps = {**ASKS, "rest": {"wait": {"seconds": 60}}}
    steps["ask"] = {**steps["ask"], "on_failure": "continue"}
    with verify_action(project.pk):
        acting.start(acting.make_workflow(project, steps))
    Step.objects.filter(status="waiting").update(wakes_at=timezone.now() - timedelta(seconds=1))
    with verify_action(project.pk):
        assert engine.sweep() == 2


# Alerts


@covers(alerts.hear_telemetry_lost)
def test_telemetry_that_is_lost(project: Project) -> None:
    with verify_action(project.pk):
        alerts.hear_telemetry_lost(project.pk, None, "A batch could not be read.")


@covers(alerts.raise_alert, alerts.resolve_alert, alerts.acknowledge, alerts.sweep)
def test_an_alert_is_opened_repeated_acknowledged_and_resolved(project: Project) -> None:
    found = Condition("rule", "subject", AlertLevel.WARNING, "Something is wrong", "/")
    for _ in range(2):
        with verify_action(project.pk), journal.changes(project.pk) as change:
            alerts.raise_alert(change, found)
    alert = Alert.objects.get(project=project)
    assert alert.count == 2
    with verify_action(project.pk):
        alerts.acknowledge(project.pk, alert.pk, by="somebody")
    with verify_action(project.pk), journal.changes(project.pk) as change:
        alerts.resolve_alert(change, "rule", "subject")
    Agent.objects.filter(project=project).update(status="offline")
    with verify_action(project.pk):
        alerts.sweep()


# The meta-test

MODULES: tuple[ModuleType, ...] = (
    services,
    lease,
    dispatch,
    explain,
    repair,
    fleet,
    workflows,
    engine,
    alerts,
    control,
    bulk,
    limits,
    priorities,
    approvals,
    definitions,
)
# Parts of verbs above, which open no transaction of their own and are proved through them.
PARTS = {
    "apps.workflows.approvals.expire",  # the sweep's
    "apps.agents.repair.tick",  # calls the other verbs of repair and lease
    "apps.workflows.engine.look_after",  # parts of the sweep, for one project
    "apps.workflows.engine.go_on",
    "apps.workflows.engine.on_command_runs_moved",
    "apps.agents.lease.write",  # what claim, finish, fail, confirm_cancelled and give_back do
    "apps.agents.services.queue_all",  # what accept_command_run does
    "apps.workflows.engine.on_command_run_waiting",
    "apps.monitoring.alerts.hear_run_finished",
}


def verbs() -> set[str]:
    """Public functions of the verb modules that take a change, open one, or call something that does."""
    found: set[str] = set()
    for module in MODULES:
        functions = {
            name: function
            for name, function in inspect.getmembers(module, inspect.isfunction)
            if function.__module__ == module.__name__
        }
        sources = {name: inspect.getsource(function) for name, function in functions.items()}
        writing = {n for n, s in sources.items() if "journal.changes(" in s or "change: Change" in s}
        while more := {n for n, s in sources.items() if any(f"{w}(" in s for w in writing)} - writing:
            writing |= more
        found |= {f"{module.__name__}.{name}" for name in writing if not name.startswith("_")}
    return found


def test_no_verb_is_without_its_proof() -> None:
    assert verbs() - covered - PARTS == set()
