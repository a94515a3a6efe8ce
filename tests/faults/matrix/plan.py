"""Which points the reference workflows must reach, and the cases made from them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from tests.faults.matrix.case import ACTIONS, Case, Result
from tests.faults.matrix.flows import FLOWS
from tests.faults.matrix.points import in_code, verbs
from tests.faults.matrix.rig import Installation


def _commit(*verbs: str) -> tuple[str, ...]:
    return tuple(f"{verb}:{when}_commit" for verb in verbs for when in ("before", "after"))


def _call(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}:{when}" for name in names for when in ("before", "after"))


WORKED = (
    *_commit("workflows.services.start_run", "agents.lease.write"),
    *_call("agents.dispatch.publish", "agents.worker.connector", "engine.duty"),
    "agents.worker.message:taken",
    "events.layer.publish:after",
)
# A dispatch by itself: of what is queued by nobody's transaction, because its time has come.
DISPATCHED = _commit("agents.dispatch.dispatch")
# By the agent that claims for itself and reports.
REPORTED = (*_call("agents.lease.report"), *_commit("agents.lease.claim"))

WEBHOOKS = (*_call("monitoring.webhooks.send"), *_commit("monitoring.webhooks.sending.settle"))

# The workflows, and the points that must be reached in each. A point that is reached nowhere is a
# proof that nobody gives, so the suite fails then.
EXPECTED: dict[str, tuple[str, ...]] = {
    "line": (*WORKED, *REPORTED),
    "fan": WORKED,
    "retry": (
        *WORKED,
        *REPORTED,
        *DISPATCHED,
        *_commit("agents.overdue.take_back", "agents.overdue.time_out"),
    ),
    "people": (
        *WORKED,
        *REPORTED,
        *_commit("workflows.approvals.decide", "workflows.engine.wake", "workflows.services.cancel_run"),
        *_commit("agents.lease.cancel"),
        *_commit("workflows.control.pause_run", "workflows.control.resume_run"),
        *_call("workflows.notices.deliver"),
        *_commit("workflows.notices.end", "workflows.notices.postpone"),
    ),
    "list": (*WORKED, *WEBHOOKS),
    "nested": (  # its pieces are few and short: whether an agent gets one and has time to report is chance
        *WORKED,
        *WEBHOOKS,
        *_commit("workflows.nested.start_run", "workflows.nested.tell_parent"),
        *_commit("workflows.limits.start_waiting"),
    ),
    "recalled": _commit("agents.overdue.recall", "agents.explain.say"),
    "republished": _call("agents.repair.republish"),
    "stopping": _commit("agents.lease.write"),
    "called": _commit("agents.overdue.end_handed_over"),
    "late": _commit(
        *("agents.overdue.queue_time_out", "workflows.nested.refused", "workflows.nested.give_up"),
        "workflows.engine.end_overdue_runs",
    ),
}
# These are there for the few points that no other has; faults at the others would show nothing new.
NARROW = ("recalled", "republished", "stopping", "called", "late")
# Webhooks are told of every run in the same way, so their points suffer in these only.
WITH_WEBHOOKS = ("list", "nested")
# Where a point means something else the second time: here the work that is given back.
AT_TIME = {"stopping": 2}

_ASKED = "a person or program asks for it, in one transaction, and sees whether it was done"
_TAKEN = "what senders tell is acknowledged after the commit and sent again until it is"
_FOUND = "it finds what another fault left, so no run without one comes to it; every other case may"
# Verbs with points that no workflow of the suite reaches on purpose, and why that is no hole.
NOT_REACHED = {
    **dict.fromkeys(
        (
            *("agents.admin.save_model", "agents.admin.delete_model", "agents.endpoints.rotate_secret"),
            *("agents.fleet.install", "agents.keyholders.changing_keys", "agents.priorities.prioritise"),
            *("agents.services.register_agent", "agents.services.remove_agent"),
            *("agents.services.save_agent", "agents.services.set_paused"),
            *("agents.services.start_command_run", "monitoring.alerts.acknowledge"),
            *("monitoring.webhooks.endpoints.change_endpoint", "monitoring.webhooks.endpoints.resend"),
            *("monitoring.webhooks.endpoints.create_endpoint", "monitoring.webhooks.endpoints.resend_dead"),
            *("monitoring.webhooks.endpoints.delete_endpoint",),
            *("monitoring.webhooks.endpoints.rotate_secret",),
            *("workflows.control.pause", "workflows.control.resume", "workflows.control.prioritise"),
            *("workflows.control.retry_run", "workflows.limits.change_limits"),
            *("workflows.management.commands.workflows.apply", "workflows.notices.send_again"),
            *("workflows.notice_secret.rotate",),
            *("workflows.questions.ask", "workflows.schedules.create_schedule"),
            *("workflows.schedules.change_schedule", "workflows.schedules.delete_schedule"),
            *("workflows.schedules.run_now", "workflows.services.apply_definition"),
            *("workflows.triggers.create_trigger", "workflows.triggers.change_trigger"),
            *("workflows.triggers.delete_trigger", "workflows.triggers.rotate_secret"),
            *("workflows.triggers.note",),
        ),
        _ASKED,
    ),
    **dict.fromkeys(
        ("agents.many.take", "agents.telemetry.store.take", "agents.services.agent_heartbeat"), _TAKEN
    ),
    **dict.fromkeys(
        (
            *("workflows.engine.finish_forgotten", "workflows.engine.go_on"),
            *("monitoring.alerts.sweep", "agents.telemetry.presence.forget"),
        ),
        _FOUND,
    ),
    "agents.telemetry.reading.read_some": "an export goes with what is read of it, in one transaction",
    "agents.overdue.end_cancelled": "an agent that does not stop has 30 s first; the same code as take_back",
    "agents.repair.mark_silent_agents": "an agent is silent for a minute first; shows it as offline only",
    "monitoring.alerts.hear_telemetry_lost": "tells of telemetry that is gone; no work hangs on it",
    "workflows.limits.make_room": "the same code as cancel_run, for the runs before a newer one",
    "workflows.questions.expire": "the same code as the expiry of an approval, which is engine.wake",
    **dict.fromkeys(
        ("workflows.firing.fire_next", "workflows.firing.start_oldest", "workflows.firing.refuse"),
        "a schedule's moments come by the minute; tests/faults/test_two_engines.py has them",
    ),
}
TROUBLES = {"agents.overdue.take_back": "silent", "agents.overdue.time_out": "late"}
MOST_AFTER = 12


def discover(rig: Installation, flows: Iterable[str] = FLOWS) -> tuple[dict[str, Counter[str]], list[Result]]:
    """Every flow without a fault: how often it reaches which points, and how it went."""
    reached: dict[str, Counter[str]] = {}
    results = []
    for name in flows:
        reached[name] = Counter()
        for trouble in ("fail", "silent", "late") if name == "retry" else ("fail",):
            result = rig.suffer(Case(name, trouble=trouble))
            reached[name] |= result.hits
            results.append(result)
    return reached, results


def never_reached(reached: dict[str, Counter[str]]) -> list[str]:
    """The points that no run reached and should have, and those of the code that nobody thought of."""
    must = [(flow, point) for flow, points in EXPECTED.items() for point in points]
    missed = [f"{point} in {flow}" for flow, point in must if flow in reached and not reached[flow][point]]
    return [*missed, *unplanned(in_code())]


def unplanned(code: dict[str, str]) -> list[str]:
    """Points of the code that are neither expected in a workflow nor left out for a reason, and those
    of this plan that the code has not."""
    planned = {point for points in EXPECTED.values() for point in points}
    new = {one: where for one, where in code.items() if one not in planned}
    wrong = [f"{one} of {new[one]}" for one in sorted(new) if one.partition(":")[0] not in NOT_REACHED]
    stale = [*(planned - code.keys()), *(NOT_REACHED.keys() - verbs(code))]
    both = [one for one in NOT_REACHED if any(one == point.partition(":")[0] for point in planned)]
    return [
        *wrong,
        *(f"{one}, which the code has not" for one in sorted(stale)),
        *(f"{one}, which is said to be left out and is expected" for one in both),
    ]


def every_case(reached: dict[str, Counter[str]], seed: int) -> list[Case]:
    """Each point that was reached, or must be, with each fault; in an order that the seed decides."""
    rng = random.Random(seed)
    cases = []
    for flow, hits in reached.items():
        for point in sorted({*hits, *EXPECTED[flow]}):
            if point not in EXPECTED[flow] and not _belongs(point, flow):
                continue
            trouble = TROUBLES.get(point.partition(":")[0], "fail")
            for action in ACTIONS:
                after = AT_TIME.get(flow) or rng.randint(1, min(MOST_AFTER, max(1, hits[point] // 2)))
                cases.append(Case(flow, point, action, after, trouble))
    rng.shuffle(cases)
    return cases


def _belongs(point: str, flow: str) -> bool:
    return flow not in NARROW and (flow in WITH_WEBHOOKS or not point.startswith("monitoring.webhooks."))


def once_more(result: Result) -> Case | None:
    """A fault that did not strike, because the point was reached less often than hoped, strikes at
    the first time."""
    return None if result.fired or result.case.after == 1 else replace(result.case, after=1)
