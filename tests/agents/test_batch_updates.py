"""Thousands of updates in one request: the rules of the single calls, each once, in few statements."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.accounts.models import ApiKey, Project
from apps.accounts.services import default_project
from apps.agents import dispatch, lease, many
from apps.agents.many import Sender
from apps.agents.models import Agent, ClientEvent, CommandRun, CommandRunLine, Connector
from apps.events import journal
from apps.events.kinds import rfc3339
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.factories import make_agent, make_command, make_run
from tests.monitoring.verify import verify_action
from tests.workflows import acting

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def robot() -> Caller:
    return Caller(make_key("agent").text)


def puller(project: Project | None = None, **fields: Any) -> Agent:
    given: dict[str, Any] = {"connector": Connector.PULL, "status": "idle", "heartbeat_at": timezone.now()}
    return make_agent(project, **given | {"max_parallel": 100} | fields)


def held(agent: Agent) -> lease.Claimed:
    run = make_run(make_command(agent.project), agent)
    dispatch.dispatch_ready(agent.project_id)
    run.refresh_from_db()
    assert run.dispatch_id
    claimed = lease.claim(run.pk, run.dispatch_id, worker="w")
    assert claimed
    return claimed


def send(robot: Caller, *updates: Any) -> dict[str, Any]:
    answer = robot.post("agents/updates/", {"updates": list(updates)})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def beat(agent: Agent | str, status: str = "", task: str | None = None, **more: Any) -> dict[str, Any]:
    named = agent if isinstance(agent, str) else str(agent.pk)
    said = {"status": status, "current_task": task} if status else {}
    return {"type": "heartbeat", "agent": named, **said, **more}


def moved(claimed: lease.Claimed, progress: int, **more: Any) -> dict[str, Any]:
    run = {"command_run": str(claimed.command_run_id), "fence": claimed.fence}
    return {"type": "progress", **run, "progress": progress, **more}


def logged(claimed: lease.Claimed, text: str, **more: Any) -> dict[str, Any]:
    run = {"command_run": str(claimed.command_run_id), "fence": claimed.fence}
    return {"type": "log", **run, "text": text, **more}


def taken(accepted: int, duplicates: int = 0) -> dict[str, Any]:
    return {"accepted": accepted, "duplicates": duplicates, "rejected": [], "signals": []}


def test_agents_say_what_they_do_by_id_and_by_name(robot: Caller) -> None:
    first, second, third = (puller() for _ in range(3))
    said = send(robot, beat(first, "busy", "reading"), beat(second.name, "error", "stuck"), beat(third))
    assert said == taken(3)
    shown = {row["name"]: row for row in caller(make_user()).get("agents/").json()["results"]}
    assert (shown[first.name]["status"], shown[first.name]["current_task"]) == ("busy", "reading")
    assert (shown[second.name]["status"], shown[second.name]["status_reason"]) == (
        "error",
        "as the agent said",
    )
    assert (shown[third.name]["status"], shown[third.name]["current_task"]) == ("idle", None)
    assert Agent.objects.get(pk=third.pk).heartbeat_at > third.heartbeat_at  # type: ignore[operator]


def test_progress_renews_the_lease_and_lines_are_kept(robot: Caller) -> None:
    claimed = held(puller())
    CommandRun.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    before = CommandRun.objects.get()
    said = send(
        robot,
        moved(claimed, 10, message="a tenth"),
        logged(claimed, "x", level="warning"),
        moved(claimed, 40),
    )
    assert said == taken(3)
    run = CommandRun.objects.get()
    assert (run.progress, run.message) == (40, "a tenth")
    assert run.lease_expires_at is not None
    assert before.lease_expires_at is not None
    assert run.lease_expires_at > before.lease_expires_at + timedelta(seconds=5)
    lines = list(CommandRunLine.objects.order_by("number").values_list("level", "text"))[1:]
    assert lines == [("info", "a tenth"), ("warning", "x")]


def test_whoever_wants_it_cancelled_or_paused_is_heard(robot: Caller) -> None:
    agent = puller()
    claimed = held(agent)
    lease.cancel(claimed.command_run_id)
    Agent.objects.update(paused=True)
    said = send(robot, moved(claimed, 1), moved(claimed, 2), beat(agent))
    assert said["accepted"] == 3
    assert said["signals"] == [
        {"index": 1, "cancel": True, "pause": True},
        {"index": 2, "cancel": False, "pause": True},
    ]


def test_what_cannot_be_done_comes_back_by_its_place_and_the_rest_is_done(robot: Caller) -> None:
    agent, ours = puller(), make_agent()
    claimed = held(agent)
    other = acting.make_project()
    foreign = Agent.objects.get(project=other)
    updates: list[Any] = [
        beat(agent, "busy", "fine"),
        beat(foreign),
        beat("Nobody"),
        beat(ours),
        {**moved(claimed, 5), "fence": claimed.fence + 1},
        {**moved(claimed, 5), "command_run": str(foreign.pk)},
        beat(agent, "happy"),
        moved(claimed, 101),
        {"type": "dance"},
        "nonsense",
        {**beat(agent), "at": "yesterday"},
        {**moved(claimed, 5), "fence": True},
        {"type": "register", "name": ours.name},
        moved(claimed, 7),
    ]
    said = send(robot, *updates)
    assert {one["index"]: one["code"] for one in said["rejected"]} == {
        **{1: "not_found", 2: "not_found", 3: "not_pull", 4: "stale_fence", 5: "not_found"},
        **{
            6: "invalid",
            7: "invalid",
            8: "invalid",
            9: "invalid",
            10: "invalid",
            11: "invalid",
            12: "conflict",
        },
    }
    assert all(one["detail"] for one in said["rejected"])
    assert "status" in said["rejected"][5]["detail"]
    assert (said["accepted"], CommandRun.objects.get().progress) == (2, 7)


def test_a_key_of_one_agent_speaks_for_that_one(robot: Caller) -> None:
    own, other = puller(), puller()
    mine, theirs = held(own), held(other)
    bound = Caller(make_key("agent", agent_id=own.pk).text)
    said = send(
        bound, beat(own), beat(other), moved(mine, 5), moved(theirs, 5), {"type": "register", "name": "x"}
    )
    assert [(one["index"], one["code"]) for one in said["rejected"]] == [
        *((1, "not_found"), (3, "not_found"), (4, "forbidden"))
    ]
    assert CommandRun.objects.get(pk=theirs.command_run_id).progress == 0


def test_agents_register_together_and_speak_in_the_same_request(robot: Caller) -> None:
    known = puller(name="scout 0")
    updates: list[Any] = []
    for number in range(20):
        updates.append({"type": "register", "name": f"scout {number}", "agent_type": "research"})
        updates.append(beat(f"scout {number}", "busy", "looking"))
    said = send(robot, *updates)
    assert said == taken(40)
    assert Agent.objects.filter(type="research", status="busy", current_task="looking").count() == 20
    assert Agent.objects.get(name="scout 0").pk == known.pk


def test_an_event_counts_once_for_its_key_and_again_after_a_day(robot: Caller) -> None:
    agent = puller()
    claimed = held(agent)
    updates = [logged(claimed, f"line {n}", event_id=f"e{n}") for n in range(3)]
    assert send(robot, *updates, updates[0]) == taken(3, 1)
    assert send(robot, *updates[::-1]) == taken(0, 3)
    other = Caller(make_key("agent").text)
    assert send(other, updates[0]) == taken(1)
    assert CommandRunLine.objects.filter(text__startswith="line").count() == 4
    assert many.prune() == 0
    ClientEvent.objects.update(at=timezone.now() - timedelta(hours=25))
    assert (many.prune(), many.prune()) == (4, 0)
    assert send(robot, updates[0]) == taken(1)


def test_an_update_that_was_refused_may_come_again(robot: Caller) -> None:
    claimed = held(puller())
    late = moved(claimed, 5, event_id="e") | {"fence": claimed.fence + 1}
    for _ in range(2):
        said = send(robot, late)
        assert [one["code"] for one in said["rejected"]] == ["stale_fence"]
    assert not ClientEvent.objects.exists()


def test_the_body_is_a_list_of_at_most_five_thousand(robot: Caller) -> None:
    agent = puller()
    many_of_them = [beat(agent, "busy", f"part {n}", event_id=str(n)) for n in range(5_000)]
    assert send(robot, *many_of_them) == taken(5_000)
    assert Agent.objects.get(pk=agent.pk).current_task == "part 4999"
    bodies: list[Any] = [{"updates": [*many_of_them, beat(agent)]}, {"updates": {}}, {}, []]
    for body in bodies:
        answer = robot.post("agents/updates/", body)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["updates"])
    assert caller(make_user()).post("agents/updates/", {"updates": []}).status_code == 403
    assert Caller(make_key("run").text).post("agents/updates/", {"updates": []}).status_code == 403


def test_the_statements_do_not_grow_with_the_updates(robot: Caller) -> None:
    agents = [puller() for _ in range(60)]
    held_runs = [held(agent) for agent in agents[:20]]
    sender = Sender(agents[0].project_id, ApiKey.objects.get().pk)

    def statements(count: int, mark: str) -> int:
        updates = [beat(one, "busy", mark, event_id=f"{mark}{one.pk}") for one in agents[20 : 20 + count]]
        updates += [moved(one, 50, event_id=f"{mark}{one.command_run_id}") for one in held_runs[: count // 2]]
        with CaptureQueriesContext(connection) as seen:
            assert many.take(sender, updates).rejected == []
        return len(seen)

    statements(2, "warm")
    assert statements(40, "many") <= statements(2, "few") + 2  # a memory may be due to be asked anew


def test_the_dashboard_hears_of_what_changed_and_of_nothing_else(robot: Caller) -> None:
    project = default_project()
    agents = [puller() for _ in range(5)]
    sender = Sender(project.pk, ApiKey.objects.get().pk)
    with verify_action(project.pk) as events:
        many.take(sender, [beat(one, "busy", "x") for one in agents])
    assert [event.kind for event in events] == ["agent.changed"] * 5
    at = journal.position(project.pk)
    assert many.take(sender, [beat(one, "busy", "x") for one in agents]).accepted == 5
    assert journal.position(project.pk) == at
    Agent.objects.filter(pk=agents[0].pk).update(status="offline")
    with verify_action(project.pk) as events:
        many.take(sender, [beat(agents[0])])
    assert [event.payload["agent_id"] for event in events] == [str(agents[0].pk)]
    claimed = held(agents[1])
    at = journal.position(project.pk)
    assert many.take(sender, [moved(claimed, 5)]).accepted == 1
    assert journal.position(project.pk) == at
    with verify_action(project.pk) as events:
        many.take(
            sender, [{"type": "register", "name": "new one"}, {"type": "register", "name": agents[2].name}]
        )
    assert [event.kind for event in events][:1] == ["agent.added"]


def test_one_by_one_and_together_agents_show_the_same(robot: Caller) -> None:
    lonely, social = puller(name="a"), puller(name="b")
    for agent in (lonely, social):
        held(agent)
    CommandRun.objects.update(title="Work")
    for status, task in [("busy", "one"), ("waiting", "two"), ("idle", None), ("error", "three")]:
        robot.post(f"agents/{lonely.pk}/heartbeat/", {"status": status, "current_task": task})
        send(robot, beat(social, status, task))
        shown = [
            Agent.objects.values_list(
                "status", "status_reason", "current_task", "said_status", "provenance"
            ).get(pk=one.pk)
            for one in (lonely, social)
        ]
        assert shown[0] == shown[1]


def test_an_agent_that_waits_for_people_shows_it_whatever_it_says(robot: Caller) -> None:
    agent = puller()
    claimed = held(agent)
    question = {"fence": claimed.fence, "title": "Go on?"}
    assert robot.post(f"command-runs/{claimed.command_run_id}/approvals/", question).status_code == 201
    assert send(robot, beat(agent, "busy", "this")) == taken(1)
    assert Agent.objects.get(pk=agent.pk).status == "waiting"


@st.composite
def deliveries(draw: st.DrawFn) -> Iterator[list[list[int]]]:
    """Batches of the events 0 … 11: each at least once, in any order, some several times."""
    events = draw(st.permutations(range(12)))
    again = draw(st.lists(st.integers(0, 11), max_size=12))
    order = draw(st.permutations([*events, *again]))
    cuts = sorted(draw(st.lists(st.integers(1, len(order)), max_size=4)))
    bounds = [0, *cuts, len(order)]
    return [list(order[a:b]) for a, b in itertools.pairwise(bounds)]  # type: ignore[return-value]


@settings(max_examples=25, deadline=None)
@given(batches=deliveries(), seed=st.integers(0, 1_000))
def test_doubled_and_shuffled_batches_leave_what_one_in_order_leaves(
    batches: list[list[int]], seed: int
) -> None:
    project = acting.make_project()
    agent = puller(project, heartbeat_at=None, capabilities=["review"])
    claimed = held(puller(project, capabilities=["review"]))
    key = make_key("agent", project=project)
    dice = random.Random(seed)
    updates = []
    for number in range(12):
        at = rfc3339(timezone.now() - timedelta(minutes=5) + timedelta(seconds=number))
        said = dice.choice(["beat", "progress", "log"]) if number < 11 else "beat"
        updates.append(
            beat(agent, dice.choice(["busy", "error"]), f"part {number}", at=at, event_id=str(number))
            if said == "beat"
            else moved(claimed, 5 * number, event_id=str(number))
            if said == "progress"
            else logged(claimed, f"line {number}", event_id=str(number))
        )
    sender = Sender(project.pk, key.row.pk)
    answers = [many.take(sender, [updates[n] for n in batch]) for batch in batches]
    assert not [one for answer in answers for one in answer.rejected]
    assert sum(answer.accepted for answer in answers) == 12
    row = Agent.objects.get(pk=agent.pk)
    assert (row.said_status, row.heartbeat_at and rfc3339(row.heartbeat_at)) == (
        updates[11]["status"],
        updates[11]["at"],
    )
    run = CommandRun.objects.get(pk=claimed.command_run_id)
    assert run.progress == max([one["progress"] for one in updates if one["type"] == "progress"], default=0)
    lines = CommandRunLine.objects.filter(command_run=run, text__startswith="line")
    assert sorted(lines.values_list("text", flat=True)) == sorted(
        one["text"] for one in updates if one["type"] == "log"
    )


# --- single calls that come again ---


def test_a_result_whose_reply_was_lost_is_answered_as_the_first_time(robot: Caller) -> None:
    claimed = held(puller())
    path = f"command-runs/{claimed.command_run_id}/result/"
    body = {"fence": claimed.fence, "output": {"text": "done", "parts": [1, 2.5, None]}}
    first, again = robot.post(path, body), robot.post(path, body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == {"id": str(claimed.command_run_id), "status": "completed"}
    for other in ({"output": {"text": "other"}}, {"error": "broken"}):
        assert robot.post(path, {"fence": claimed.fence, **other}).status_code == 409
    assert robot.post(path, {**body, "fence": claimed.fence + 1}).status_code == 409
    assert CommandRun.objects.get().attempts.count() == 1


def test_an_error_whose_reply_was_lost_starts_no_second_retry(robot: Caller) -> None:
    claimed = held(puller())
    path = f"command-runs/{claimed.command_run_id}/result/"
    body = {"fence": claimed.fence, "error": {"code": "busy", "message": "later", "retryable": True}}
    first, again = robot.post(path, body), robot.post(path, body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json() == {"id": str(claimed.command_run_id), "status": "queued"}
    assert robot.post(path, {"fence": claimed.fence, "error": "other"}).status_code == 409
    assert CommandRun.objects.get().attempts.count() == 1


def test_lines_that_come_again_under_their_event_id_are_kept_once(robot: Caller) -> None:
    claimed = held(puller())
    path = f"command-runs/{claimed.command_run_id}/logs/"
    body = {"fence": claimed.fence, "lines": [{"text": "one"}, {"text": "two"}], "event_id": "a"}
    assert robot.post(path, {**body, "fence": claimed.fence + 1}).status_code == 409
    assert [robot.post(path, body).json()["kept"] for _ in range(2)] == [2, 0]
    assert robot.post(path, {**body, "event_id": "b"}).json()["kept"] == 2
    assert CommandRunLine.objects.filter(text="one").count() == 2


def test_an_acknowledgement_says_that_the_work_has_begun(robot: Caller) -> None:
    claimed = held(puller())
    CommandRun.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    before = CommandRun.objects.get()
    path = f"command-runs/{claimed.command_run_id}/"
    body = {"fence": claimed.fence}
    assert robot.post(path + "acknowledgement/", body).json() == {"cancel": False, "pause": False}
    run = CommandRun.objects.get()
    assert (run.message, run.progress) == ("Begun", 0)
    assert run.lease_expires_at is not None
    assert before.lease_expires_at is not None
    assert run.lease_expires_at > before.lease_expires_at + timedelta(seconds=5)
    robot.post(path + "progress/", {**body, "progress": 30, "message": "on it"})
    assert robot.post(path + "acknowledgement/", body).status_code == 200
    assert (CommandRun.objects.get().message, CommandRun.objects.get().progress) == ("on it", 30)
    assert CommandRunLine.objects.filter(text="Begun").count() == 1
    assert robot.post(path + "acknowledgement/", {"fence": claimed.fence + 1}).status_code == 409
    assert caller(make_user()).post(path + "acknowledgement/", body).status_code == 403
