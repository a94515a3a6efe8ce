"""Sessions as rows of their own, and spans that are of runs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.models import Project
from apps.agents.models import Agent, CommandRun, Session, Span
from apps.agents.telemetry import sessions, store
from apps.workflows.models import Step
from tests.accounts.people import Caller, caller, make_user
from tests.agents.spans import agent, span, trace_id
from tests.workflows.acting import make_project, make_workflow, start, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def reader(project: Project) -> Caller:
    return caller(make_user("viewer", project))


def turn(number: int, session: str, **of_root: Any) -> list[Any]:
    """An activity whose model call does not name its session."""
    trace = trace_id(number)
    return [
        span(1, trace_id=trace, session=session, **of_root),
        span(2, 1, "llm", trace_id=trace, input_tokens=100, output_tokens=20),
    ]


def listed(reader: Caller, query: str = "") -> list[dict[str, Any]]:
    return list(reader.get(f"sessions/{query}").json()["results"])


def test_the_sums_are_the_same_whether_the_engine_or_the_reader_makes_them(
    project: Project, reader: Caller
) -> None:
    store.take(project.pk, None, [*turn(1, "s-1"), *turn(2, "s-1", status="error"), *turn(3, "s-2")])
    at_once = listed(reader)
    assert sessions.sum_stale() == 2
    assert not Session.objects.filter(stale=True).exists()
    assert listed(reader) == at_once
    told = {row["id"]: (row["activities"], row["errors"], row["input_tokens"]) for row in at_once}
    assert told == {"s-1": (2, 1, 200), "s-2": (1, 0, 100)}
    assert sessions.sum_stale() == 0


def test_the_sums_of_many_sessions_are_made_in_one_round(project: Project) -> None:
    """After an upgrade there are thousands: a slice a round took minutes."""
    count = 2 * sessions.SUMMED_AT_ONCE + 1
    store.take(project.pk, None, [one for number in range(count) for one in turn(number + 1, f"s-{number}")])
    assert sessions.sum_stale(seconds=0) == sessions.SUMMED_AT_ONCE
    assert sessions.sum_stale(seconds=600) == count - sessions.SUMMED_AT_ONCE
    assert set(Session.objects.values_list("stale", "activities", "input_tokens")) == {(False, 1, 100)}


def test_a_span_that_names_no_session_changes_the_sums_of_its_activitys(
    project: Project, reader: Caller
) -> None:
    store.take(project.pk, None, turn(1, "s-1"))
    sessions.sum_stale()
    store.take(project.pk, None, [span(3, 1, "llm", trace_id=trace_id(1), input_tokens=7)])
    assert listed(reader)[0]["input_tokens"] == 107
    sessions.sum_stale()
    assert listed(reader)[0]["input_tokens"] == 107


def test_sessions_are_open_while_an_activity_of_theirs_is(project: Project, reader: Caller) -> None:
    store.take(project.pk, None, turn(1, "s-1", status="open"))
    assert listed(reader)[0]["status"] == "open"
    store.take(project.pk, None, turn(1, "s-1"))
    assert listed(reader)[0]["status"] == "ended"


def test_sessions_are_found_by_their_id_and_by_who_took_part(project: Project, reader: Caller) -> None:
    other = {"agent": agent("Painter")}
    store.take(project.pk, None, [*turn(1, "s-1"), *turn(2, "s-2", **other)])
    painter = Agent.objects.get(project=project, name="Painter")
    assert [row["id"] for row in listed(reader, "?q=paint")] == ["s-2"]
    assert [row["id"] for row in listed(reader, "?q=S-1")] == ["s-1"]
    assert [row["id"] for row in listed(reader, f"?agent={painter.pk}")] == ["s-2"]
    assert listed(reader, "?q=nobody") == []
    stranger = caller(make_user("viewer", make_project()))
    assert listed(stranger) == []


def test_a_page_of_sessions_reads_no_session_by_itself(
    project: Project, reader: Caller, django_assert_max_num_queries: Any
) -> None:
    store.take(project.pk, None, [one for number in range(30) for one in turn(number, f"s-{number}")])
    listed(reader)
    with django_assert_max_num_queries(10):
        assert len(listed(reader, "?limit=20")) == 20


def test_a_run_of_another_project_or_of_nobody_is_not_named(project: Project, reader: Caller) -> None:
    run = start(make_workflow(project, {"do": {}}), by="rita")
    step = Step.objects.get(run=run)
    elsewhere = start(make_workflow(foreign := make_project(), {"do": {}}), by="rita")
    facts = [
        span(1, trace_id=trace_id(1), run_id=elsewhere.pk),
        span(1, trace_id=trace_id(2), run_id=uuid4(), step_id=step.pk),
        span(1, trace_id=trace_id(3), run_id=run.pk, step_id=step.pk),
        span(1, trace_id=elsewhere.pk.hex),
    ]
    store.take(project.pk, None, facts)
    links = dict(Span.objects.filter(project=project).values_list("trace_id", "run_id"))
    assert links == {
        trace_id(1): None, trace_id(2): None, trace_id(3): run.pk, elsewhere.pk.hex: None
    }  # fmt: skip
    (row,) = reader.get(f"runs/{run.pk}/spans/").json()["results"]
    assert row["step_id"] == str(step.pk)
    assert reader.get(f"runs/{elsewhere.pk}/spans/").status_code == 404
    assert caller(make_user("viewer", foreign)).get(f"runs/{elsewhere.pk}/spans/").json()["results"] == []


@pytest.mark.parametrize("order", [1, -1])
def test_what_agents_do_for_steps_of_a_run_stays_apart_in_its_one_trace(
    project: Project, reader: Caller, order: int
) -> None:
    """The end of one step's work says nothing of the other's, which is open below a parent not yet told."""
    run = start(make_workflow(project, {"a": {}, "b": {}}), by="rita")
    held = take(project)
    trace = run.pk.hex
    a, b = (held[key].command_run_id for key in "ab")
    top: dict[str, Any] = {"parent_span_id": "", "trace_id": trace}
    exports = [
        [span(1, **top | {"parent_span_id": a.hex[:16]}), span(2, 1, "llm", trace_id=trace)],
        [span(12, 11, "llm", trace_id=trace, agent=agent("Painter"))],
    ]
    for export in exports[::order]:
        store.take(project.pk, None, export)
    guessed = Span.objects.get(project=project, source="inferred")
    assert guessed.status == "open"
    store.take(project.pk, None, [span(11, **top | {"parent_span_id": b.hex[:16]}, agent=agent("Painter"))])
    rows = reader.get(f"runs/{run.pk}/spans/").json()["results"]
    steps = dict(CommandRun.objects.filter(run_id=run.pk).values_list("pk", "step_id"))
    assert [(row["kind"], row["depth"], row["step_id"]) for row in rows] == [
        ("agent", 0, str(steps[a])), ("llm", 1, str(steps[a])),
        ("agent", 0, str(steps[b])), ("llm", 1, str(steps[b])),
    ]  # fmt: skip


def test_work_handed_out_before_ids_began_with_the_time_is_known_by_its_trace(project: Project) -> None:
    start(make_workflow(project, {"a": {}}), by="rita")
    take(project)
    work = CommandRun.objects.get(project=project)
    work.pk, work.run_id, work.step_id = uuid4(), None, None
    work.save(force_insert=True)
    store.take(project.pk, None, [span(1, trace_id=work.pk.hex, parent_span_id=work.pk.hex[:16])])
    assert Span.objects.get(project=project).command_run_id == work.pk
