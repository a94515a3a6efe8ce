"""Spans are stored once, whatever the order, the cut and the repetition of exports."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import Project
from apps.agents import services
from apps.agents.models import Agent, Span, SpanData
from apps.agents.telemetry import presence, senders, store
from apps.agents.telemetry.facts import SpanFacts
from apps.events.clock import now
from tests.accounts.people import make_project
from tests.agents.factories import make_agent
from tests.agents.spans import BEGAN, agent, agents, service, span, span_id, stored, trace_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


def take(project: Project, *facts: SpanFacts) -> None:
    store.take(project.pk, None, facts)


def an_activity() -> list[SpanFacts]:
    """Scout does a task with a model and a tool, and lets Helper do a part of it."""
    helper = agent("helper")
    only_service = service()
    return [
        span(1, kind="agent", title="Find the bug", session="s1"),
        span(2, 1, "llm", agent=only_service, model="m1", input_tokens=10, output_tokens=5),
        span(3, 1, "tool", agent=only_service, tool="ask_helper"),
        span(4, 3, "agent", agent=helper),
        span(
            5, 4, "llm", agent=only_service, input_tokens=7, output_tokens=2, cost_usd=Decimal("0.00012345")
        ),
        span(6, 3, "other", agent=None),
    ]


def test_an_activity_is_stored_as_a_tree_of_one_root(project: Project) -> None:
    take(project, *an_activity())
    rows = stored(project.pk)
    assert {row["root_span_id"] for row in rows.values()} == {span_id(1)}
    names = {key[-1]: row["agent__name"] for key, row in rows.items()}
    assert names == {"1": "scout", "2": "scout", "3": "scout", "4": "helper", "5": "helper", "6": "scout"}
    assert agents(project.pk) == {"scout": ("idle", None), "helper": ("idle", None)}
    assert SpanData.objects.filter(span__project=project).count() == 6


def cuts(facts: Sequence[SpanFacts], chance: random.Random) -> list[list[SpanFacts]]:
    """The facts in any order and any batches, some of them more than once."""
    shuffled = [*facts, *chance.sample(list(facts), 2)]
    chance.shuffle(shuffled)
    batches: list[list[SpanFacts]] = [[]]
    for fact in shuffled:
        if batches[-1] and chance.random() < 0.6:
            batches.append([])
        batches[-1].append(fact)
    return batches


@pytest.mark.parametrize("seed", range(25))
def test_order_cut_and_repetition_of_batches_change_nothing(seed: int) -> None:
    whole, parts = make_project(), make_project()
    take(whole, *an_activity())
    for batch in cuts(an_activity(), random.Random(seed)):
        take(parts, *batch)
    assert stored(parts.pk) == stored(whole.pk)
    assert agents(parts.pk) == agents(whole.pk)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_trace_that_names_no_agent_is_its_services_own(project: Project, order: tuple[int, ...]) -> None:
    only_service = service()
    facts = [
        span(1, kind="workflow", agent=only_service),
        span(2, 1, "llm", agent=only_service),
        span(1, trace_id=trace_id(7)),
    ]
    for index in order:
        take(project, facts[index])
    assert set(agents(project.pk)) == {"svc", "scout"}
    names = {key: row["agent__name"] for key, row in stored(project.pk).items()}
    assert sorted(names.values()) == ["scout", "svc", "svc"]


def test_the_same_batch_again_writes_nothing(project: Project, django_assert_max_num_queries: Any) -> None:
    take(project, *an_activity())
    before = list(Span.objects.filter(project=project).order_by("pk").values())
    head = Agent.objects.get(project=project, name="scout").revision
    with django_assert_max_num_queries(14):
        take(project, *an_activity())
    assert list(Span.objects.filter(project=project).order_by("pk").values()) == before
    assert Agent.objects.get(project=project, name="scout").revision == head


def test_a_child_proves_that_its_parent_is_open(project: Project) -> None:
    take(project, span(2, 1, "llm", agent=service()))
    parent = stored(project.pk)[f"{'a' * 32}/1"]
    assert (parent["status"], parent["source"], parent["kind"]) == ("open", "inferred", "agent")
    assert agents(project.pk) == {"svc": ("busy", None)}
    assert Agent.objects.get(project=project).provenance == "inferred"
    take(project, span(1, title="Find the bug"))
    assert agents(project.pk) == {"scout": ("idle", None)}
    assert {row["agent__name"] for row in stored(project.pk).values()} == {"scout"}
    assert Agent.objects.get(project=project).provenance == "event"


def test_a_start_event_shows_the_task_and_its_end_ends_it(project: Project) -> None:
    began = span(1, status="open", source="start", title="Find the bug")
    take(project, began)
    assert agents(project.pk) == {"scout": ("busy", "Find the bug")}
    take(project, span(1, title="Find the bug"))
    assert agents(project.pk) == {"scout": ("idle", None)}
    take(project, began)
    (row,) = stored(project.pk).values()
    assert (row["status"], row["source"]) == ("ok", "span")
    assert agents(project.pk) == {"scout": ("idle", None)}


def test_a_start_that_comes_late_fills_only_what_the_end_left_out(project: Project) -> None:
    take(project, span(1, name="invoke_agent", title=""))
    take(project, span(1, status="open", source="start", name="other", title="Find the bug"))
    (row,) = stored(project.pk).values()
    assert (row["name"], row["title"], row["status"]) == ("invoke_agent", "Find the bug", "ok")


def test_a_later_word_of_what_is_over_wins_and_keeps_what_it_leaves_out(project: Project) -> None:
    take(project, span(1, kind="llm", input_tokens=1, model="m1", attributes={"a": 1}))
    take(project, span(1, kind="llm", input_tokens=2, status="error"))
    (row,) = stored(project.pk).values()
    assert (row["input_tokens"], row["model"], row["status"]) == (2, "m1", "error")
    assert SpanData.objects.get(span__project=project).attributes == {"a": 1}


def test_a_parent_that_turns_out_to_be_a_tool_moves_what_is_below_to_the_real_root(project: Project) -> None:
    take(project, span(4, 3, "llm", agent=service()))
    take(project, span(5, 4, "tool", agent=service()))
    assert stored(project.pk)[f"{'a' * 32}/5"]["root_span_id"] == span_id(3)
    take(project, span(3, 2, "tool", agent=service()))
    assert stored(project.pk)[f"{'a' * 32}/5"]["root_span_id"] == span_id(2)
    take(project, span(2, 1, "agent"), span(1, kind="workflow", agent=agent("boss")))
    rows = stored(project.pk)
    assert {row["root_span_id"] for row in rows.values()} == {span_id(1)}
    assert [row["agent__name"] for row in rows.values()] == ["boss", "scout", "scout", "scout", "scout"]


def test_parents_that_stand_in_a_circle_are_stored_like_others(project: Project) -> None:
    take(project, span(1, 2), span(2, 1), span(3, 3))
    assert len(stored(project.pk)) == 3


def test_two_activities_in_one_trace_have_their_own_roots(project: Project) -> None:
    above = span(1, kind="other", agent=None)
    take(project, above, span(2, 1, "agent"), span(3, 1, "agent"), span(4, 3, "llm"))
    roots = [row["root_span_id"] for row in stored(project.pk).values()]
    assert roots == ["", span_id(2), span_id(3), span_id(3)]


def test_when_the_top_of_a_trace_ends_nothing_inferred_is_open_any_more(project: Project) -> None:
    lost = span(3, 2, "tool")  # its parent never comes
    for order in ((lost, span(1)), (span(1), lost)):
        one = make_project()
        for fact in order:
            take(one, fact)
        assert stored(one.pk)[f"{'a' * 32}/2"]["status"] == "unknown"
        assert agents(one.pk) == {"scout": ("idle", None)}


def test_what_is_silent_for_two_minutes_is_unknown_and_never_succeeded(project: Project) -> None:
    take(project, span(2, 1, "llm"), span(1, status="open", source="start", title="A", trace_id=trace_id(9)))
    assert agents(project.pk) == {"scout": ("busy", "A")}
    assert presence.sweep() == 0
    Span.objects.filter(project=project).update(seen_at=now() - timedelta(seconds=121))
    assert presence.sweep() == 2
    statuses = sorted(row["status"] for row in stored(project.pk).values())
    assert statuses == ["ok", "unknown", "unknown"]
    assert agents(project.pk) == {"scout": ("idle", None)}
    assert Agent.objects.get(project=project).provenance == "inferred"
    take(project, span(3, 1, "tool"))
    assert agents(project.pk) == {"scout": ("busy", None)}
    take(project, span(1))
    assert stored(project.pk)[f"{'a' * 32}/1"]["status"] == "ok"


def test_a_signal_of_an_activity_keeps_all_that_is_open_in_it_alive(project: Project) -> None:
    take(project, span(1, status="open", source="start"))
    Span.objects.filter(project=project).update(seen_at=now() - timedelta(seconds=119))
    take(project, span(2, 1, "tool"))
    assert Span.objects.get(span_id=span_id(1)).seen_at > now() - timedelta(seconds=60)


def test_an_agent_with_a_long_model_call_is_not_silent(project: Project, settings: Any) -> None:
    take(project, span(1, status="open", source="start", title="Think"))
    Agent.objects.filter(project=project).update(heartbeat_at=now() - timedelta(seconds=59))
    presence.sweep()
    heard_of = Agent.objects.get(project=project).heartbeat_at
    assert heard_of is not None
    assert heard_of > now() - timedelta(seconds=30)


def test_the_error_of_the_newest_activity_is_shown_until_one_goes_well(project: Project) -> None:
    take(project, span(1, status="error", error="no more disk", trace_id=trace_id(2)))
    assert Agent.objects.get(project=project).last_error == "no more disk"
    take(project, span(1, trace_id=trace_id(1), started_at=BEGAN - timedelta(days=1)))
    assert Agent.objects.get(project=project).last_error == "no more disk"
    take(project, span(2, trace_id=trace_id(3)))
    assert Agent.objects.get(project=project).last_error == ""


def test_whoever_is_asked_for_permission_makes_the_agent_wait(project: Project) -> None:
    take(
        project,
        span(1, status="open", source="start", title="Deploy"),
        span(2, 1, "other", status="open", source="start", name="claude_code.tool.blocked_on_user"),
    )
    assert agents(project.pk) == {"scout": ("waiting", "Deploy")}
    take(project, span(2, 1, "other", name="claude_code.tool.blocked_on_user"))
    assert agents(project.pk) == {"scout": ("busy", "Deploy")}


def test_a_registered_agent_of_that_name_is_the_same_agent(project: Project) -> None:
    robot, _ = services.register_agent(project.pk, name="scout", type="research", capabilities=["x"])
    take(project, span(1, status="open", source="start", title="Find the bug"))
    robot.refresh_from_db()
    assert (robot.external_id, robot.status, robot.current_task) == ("svc:scout", "busy", "Find the bug")
    assert (robot.type, robot.capabilities) == ("research", ["x"])


def test_what_an_agent_says_in_a_heartbeat_is_stronger(project: Project) -> None:
    robot, _ = services.register_agent(project.pk, name="scout", type="research", capabilities=[])
    services.agent_heartbeat(robot, status="waiting", current_task="For coffee")
    take(project, span(1, status="open", source="start", title="Find the bug"))
    robot.refresh_from_db()
    assert (robot.status, robot.current_task, robot.provenance) == ("waiting", "For coffee", "live")


def test_an_agent_of_ours_keeps_its_name_and_another_of_that_name_is_told_apart(project: Project) -> None:
    make_agent(project, name="scout")
    take(project, span(1), span(1, trace_id=trace_id(5), agent=agent("scout", "other")))
    assert set(agents(project.pk)) == {"scout", "scout (svc)", "scout (other)"}


def test_all_of_a_key_that_belongs_to_one_agent_is_that_agents(project: Project) -> None:
    mine = make_agent(project, connector="pull")
    store.take(project.pk, mine.pk, an_activity())
    assert set(Span.objects.filter(project=project).values_list("agent", flat=True)) == {mine.pk}
    assert Agent.objects.filter(project=project).count() == 1


def test_more_new_agents_than_an_hour_takes_get_none(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(senders, "NEW_AGENTS_AN_HOUR", 3)
    facts = [span(1, trace_id=trace_id(n), agent=agent(f"bot {n}")) for n in range(1, 8)]
    take(project, *facts)
    assert Agent.objects.filter(project=project).count() == 3
    assert Span.objects.filter(project=project).count() == 7
    assert sum("more new agents" in record.message for record in caplog.records) == 1


def test_what_agents_say_of_themselves_is_kept_and_follows_them(project: Project) -> None:
    take(project, span(1, agent=agent(host="h1", version="1", framework="x", description="Looks")))
    take(project, span(2, agent=agent(host="h2", version="1")))
    one = Agent.objects.get(project=project)
    assert one.facts == {"host": "h2", "version": "1", "framework": "x"}
    assert (one.description, one.connector, one.type) == ("Looks", "pull", "agent")


def test_the_same_ids_in_another_project_are_other_spans(project: Project) -> None:
    other = make_project()
    take(project, *an_activity())
    take(other, span(1, title="Mine"))
    assert len(stored(project.pk)) == 6
    assert len(stored(other.pk)) == 1


def test_many_spans_take_few_queries(project: Project, django_assert_max_num_queries: Any) -> None:
    take(project, *an_activity())
    facts = [
        span(number % 100 + 1, 1 if number % 100 else 0, "llm" if number % 100 else "agent",
             trace_id=trace_id(number // 100 + 1))
        for number in range(900)
    ]  # fmt: skip
    with django_assert_max_num_queries(20):
        take(project, *facts)
    assert Span.objects.filter(project=project).count() == 906
