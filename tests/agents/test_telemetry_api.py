"""What agents' telemetry told, as people and programs read it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import Project
from apps.agents.models import Agent, Span
from apps.agents.telemetry import store
from apps.agents.telemetry.facts import AgentFacts, SpanFacts
from apps.workflows.models import Run
from tests.accounts.people import Caller, caller, make_project, make_user
from tests.agents.spans import TRACE, agent, service, span, span_id, trace_id
from tests.workflows.acting import make_command, make_workflow, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(project: Project) -> Run:
    make_command(project)
    return start(make_workflow(project, {"do": {}}), by="rita")


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def reader(project: Project) -> Caller:
    return caller(make_user("viewer", project))


def an_activity(number: int = 1, **of_root: Any) -> list[SpanFacts]:
    trace = trace_id(number)
    only_service: AgentFacts = service()
    return [
        span(1, trace_id=trace, **{"title": f"Task {number}", "session": "s/1"} | of_root),
        span(
            2, 1, "llm", trace_id=trace, agent=only_service, model="m1", provider="p", input_tokens=100,
            output_tokens=20, cost_usd=Decimal("0.002"), cost_source="reported",
        ),
        span(3, 1, "tool", trace_id=trace, agent=only_service, tool="search", input='{"q": 1}', output="two"),
        span(4, 3, "llm", trace_id=trace, agent=only_service, input_tokens=7, output_tokens=3),
    ]  # fmt: skip


def take(project: Project, facts: list[SpanFacts]) -> Agent:
    store.take(project.pk, None, facts)
    return Agent.objects.get(project=project, name="scout")


def test_an_agents_activities_say_what_it_did_and_what_that_cost(
    project: Project, run: Run, reader: Caller
) -> None:
    scout = take(project, an_activity(run_id=run.pk))
    (row,) = reader.get(f"agents/{scout.pk}/activities/").json()["results"]
    assert row["agent"] == {"id": str(scout.pk), "name": "scout", "type": "agent"}
    assert (row["title"], row["status"], row["session"], row["source"]) == ("Task 1", "ok", "s/1", "span")
    assert (row["span_count"], row["llm_count"], row["tool_count"]) == (4, 2, 1)
    assert row["tokens"]["input"] == 107
    assert row["tokens"]["output"] == 23
    assert row["tokens"]["cache_read"] is None
    assert (row["cost_usd"], row["cost_source"], row["unpriced_calls"]) == (0.002, "reported", 1)
    assert row["run_id"] == str(run.pk)


def test_a_cost_that_nobody_knows_is_null_and_not_zero(project: Project, reader: Caller) -> None:
    scout = take(project, [span(1), span(2, 1, "tool")])
    (row,) = reader.get(f"agents/{scout.pk}/activities/").json()["results"]
    assert (row["cost_usd"], row["cost_source"], row["tokens"]["input"]) == (None, "unknown", None)


def test_what_an_agent_sums_up_itself_is_not_added_to_its_calls(project: Project, reader: Caller) -> None:
    facts = [
        *an_activity(1, input_tokens=107, output_tokens=23),
        span(9, input_tokens=5, trace_id=trace_id(2)),
    ]
    scout = take(project, facts)
    rows = reader.get(f"agents/{scout.pk}/activities/").json()["results"]
    assert {row["trace_id"]: row["tokens"]["input"] for row in rows} == {trace_id(1): 107, trace_id(2): 5}


def test_activities_are_paged_newest_first_and_cost_the_same_number_of_queries(
    project: Project, reader: Caller, django_assert_max_num_queries: Any
) -> None:
    facts = [one for number in range(1, 31) for one in an_activity(number)]
    scout = take(project, facts)
    path = f"agents/{scout.pk}/activities/"
    reader.get(path)
    with django_assert_max_num_queries(8):
        first = reader.get(f"{path}?limit=20").json()
    assert len(first["results"]) == 20
    second = reader.get(first["next"].removeprefix("/api/v1/")).json()
    assert (len(second["results"]), second["next"]) == (10, None)
    traces = [row["trace_id"] for row in first["results"] + second["results"]]
    assert sorted(traces) == sorted(trace_id(number) for number in range(1, 31))
    assert reader.get(f"{path}?status=open").json()["results"] == []
    assert reader.get(f"{path}?status=happy").status_code == 400


def test_an_activity_is_a_waterfall_in_the_order_of_its_tree(project: Project, reader: Caller) -> None:
    take(project, an_activity())
    found = reader.get(f"activities/{trace_id(1)}/{span_id(1)}/").json()
    assert [(row["span_id"], row["depth"]) for row in found["spans"]] == [
        (span_id(1), 0), (span_id(2), 1), (span_id(3), 1), (span_id(4), 2),
    ]  # fmt: skip
    assert {row["agent"]["name"] for row in found["spans"]} == {"scout"}
    assert found["truncated"] is False
    assert "attributes" not in found["spans"][0]


def test_the_spans_of_another_activity_in_the_same_trace_are_not_mixed_in(
    project: Project, reader: Caller
) -> None:
    above = span(1, kind="other", agent=None)
    take(project, [above, span(2, 1), span(3, 2, "llm"), span(4, 1), span(5, 4, "llm")])
    found = reader.get(f"activities/{TRACE}/{span_id(4)}/").json()
    assert [row["span_id"] for row in found["spans"]] == [span_id(4), span_id(5)]


def test_one_span_is_read_with_its_attributes(project: Project, reader: Caller) -> None:
    facts = an_activity()
    take(project, [*facts[:2], span(3, 1, "tool", trace_id=trace_id(1), attributes={"a": [1]}, input="in")])
    pk = Span.objects.get(project=project, span_id=span_id(3)).pk
    found = reader.get(f"spans/{pk}/").json()
    assert (found["attributes"], found["input"], found["kind"]) == ({"a": [1]}, "in", "tool")
    assert reader.get("spans/999999999999999999999/").status_code == 404


def test_spans_of_a_run_are_all_of_the_activities_that_name_it(
    project: Project, run: Run, reader: Caller
) -> None:
    take(project, [*an_activity(1, run_id=run.pk), *an_activity(2)])
    rows = reader.get(f"spans/?run={run.pk}").json()["results"]
    assert [row["span_id"] for row in rows] == [span_id(number) for number in (1, 2, 3, 4)]
    assert {row["trace_id"] for row in rows} == {trace_id(1)}
    assert len(reader.get(f"spans/?trace={trace_id(2)}").json()["results"]) == 4
    assert reader.get(f"spans/?command_run={run.pk}").json()["results"] == []
    for wrong in ("", "?run=x", "?trace=xyz"):
        assert reader.get(f"spans/{wrong}").status_code == 400


def test_a_session_holds_its_activities_and_what_they_used(project: Project, reader: Caller) -> None:
    scout = take(project, [*an_activity(1), *an_activity(2), *an_activity(3, session="s2")])
    rows = reader.get("sessions/").json()["results"]
    assert {row["id"]: row["activities"] for row in rows} == {"s/1": 2, "s2": 1}
    assert rows[0]["agents"] == [{"id": str(scout.pk), "name": "scout"}]
    assert reader.get(f"sessions/?agent={scout.pk}&limit=1").json()["next"]
    found = reader.get("sessions/s/1/").json()
    assert {row["title"] for row in found["activities"]} == {"Task 1", "Task 2"}
    assert (found["input_tokens"], found["cost_usd"], found["unpriced_calls"]) == (214, 0.004, 2)
    assert (found["activity_count"], found["more"], found["status"], found["errors"]) == (
        2,
        False,
        "ended",
        0,
    )
    assert reader.get("sessions/nothing/").status_code == 404
    assert reader.get("sessions/?agent=x").status_code == 400


def test_a_session_that_only_a_model_call_names_is_its_activitys(project: Project, reader: Caller) -> None:
    take(project, [span(1), span(2, 1, "llm", session="talk")])
    (row,) = reader.get("sessions/talk/").json()["activities"]
    assert (row["session"], row["span_id"]) == ("talk", span_id(1))


def test_another_project_sees_none_of_it(project: Project, run: Run) -> None:
    scout = take(project, an_activity(run_id=run.pk))
    stranger = caller(make_user("admin", make_project()))
    pk = Span.objects.filter(project=project).values_list("pk", flat=True)[0]
    for path in (
        f"agents/{scout.pk}/activities/", f"activities/{trace_id(1)}/{span_id(1)}/", f"spans/{pk}/",
        "sessions/s/1/",
    ):  # fmt: skip
        assert stranger.get(path).status_code == 404, path
    for path in (f"spans/?run={run.pk}", f"spans/?trace={trace_id(1)}", "sessions/"):
        assert stranger.get(path).json()["results"] == [], path
    assert stranger.get(f"sessions/?agent={scout.pk}").status_code == 400


def test_an_agent_says_how_its_status_is_known(project: Project, reader: Caller) -> None:
    scout = take(project, [span(1, status="open", source="start", title="Look", agent=agent(host="h1"))])
    for row in (reader.get(f"agents/{scout.pk}/").json(), reader.get("agents/").json()["results"][0]):
        assert (row["status"], row["current_task"], row["provenance"]) == ("busy", "Look", "event")
        assert (row["external_id"], row["facts"]) == ("svc:scout", {"host": "h1"})
        assert row["signal_at"]


@pytest.mark.parametrize("path", ["spans/", "sessions/", f"activities/{TRACE}/{span_id(1)}/", "spans/1/"])
def test_nobody_reads_it_without_signing_in(path: str) -> None:
    assert Caller("mc_nonsense").get(path).status_code == 401
