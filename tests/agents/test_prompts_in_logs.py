"""Activities that only log records tell of: when they end, what they are called, how they come back."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from apps.accounts.models import Project
from apps.agents.models import Span
from apps.agents.telemetry import presence, store
from apps.agents.telemetry.log_mapping import spans_of_logs
from apps.events.clock import now
from tests.accounts.people import make_project
from tests.agents.otel import BEGAN, NANOSECONDS, pairs
from tests.agents.spans import span

pytestmark = pytest.mark.django_db

CODEX_ID = "01a1fdfa-440c-7c11-9b1d-3a5e8f6c2d10"


def record(second: int, attributes: dict[str, Any]) -> LogRecord:
    found = LogRecord(time_unix_nano=NANOSECONDS + second * 1_000_000_000)
    found.attributes.extend(pairs(attributes))
    return found


def claude(second: int, name: str, prompt_id: str, **more: Any) -> LogRecord:
    about = {"event.name": name, "session.id": "s-1", "prompt.id": prompt_id, "event.sequence": second}
    return record(second, about | more)


def codex(second: int, prompt: str) -> LogRecord:
    return record(second, {"event.name": "codex.user_prompt", "conversation.id": CODEX_ID, "prompt": prompt})


def take(project: Project, records: Iterable[LogRecord], service: str = "claude-code") -> None:
    """Each record in an export of its own."""
    for one in records:
        request = ExportLogsServiceRequest()
        resource_logs = request.resource_logs.add()
        resource_logs.resource.attributes.extend(pairs({"service.name": service}))
        resource_logs.scope_logs.add().log_records.append(one)
        store.take(project.pk, None, spans_of_logs(request))


def prompts(project: Project) -> dict[str, tuple[str, float | None]]:
    """Status and seconds to the end of each prompt, by its title."""
    rows = Span.objects.filter(project=project, kind="agent")
    return {
        row.title: (row.status, (row.ended_at - BEGAN).total_seconds() if row.ended_at else None)
        for row in rows
    }


FIRST = [
    claude(0, "user_prompt", "p1", prompt="Fix it"),
    claude(5, "api_request", "p1", model="m"),
    claude(9, "tool_result", "p1", tool_name="Bash", tool_use_id="t", success="true"),
]
SECOND = [claude(30, "user_prompt", "p2", prompt="And test it")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_next_prompt_ends_the_one_before_in_whichever_order_they_come(order: tuple[int, ...]) -> None:
    project = make_project()
    records = [*FIRST, *SECOND]
    take(project, (records[place] for place in order))
    assert prompts(project) == {"Fix it": ("ok", 9.0), "And test it": ("open", None)}
    take(project, FIRST)  # a sender that repeats itself opens nothing
    assert prompts(project)["Fix it"] == ("ok", 9.0)


def test_a_prompt_of_another_session_ends_nothing() -> None:
    project = make_project()
    other = claude(40, "user_prompt", "p3", prompt="Elsewhere", **{"session.id": "s-2"})
    take(project, [*FIRST, other])
    assert {status for status, _ in prompts(project).values()} == {"open"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_conversation_is_called_after_its_newest_prompt(order: tuple[int, ...]) -> None:
    project = make_project()
    said = [codex(second, f"Prompt {second}") for second in (1, 2, 3)]
    take(project, (said[place] for place in order), service="codex_cli_rs")
    assert list(prompts(project)) == ["Prompt 3"]


def test_what_became_unknown_is_open_again_when_something_new_is_heard_of_it() -> None:
    project = make_project()
    take(project, FIRST[:1])
    begun = span(1, trace_id="b" * 32, status="open", source="start")
    store.take(project.pk, None, [begun])
    Span.objects.filter(project=project).update(seen_at=now() - timedelta(hours=1))
    presence.sweep()
    assert set(Span.objects.filter(project=project).values_list("status", flat=True)) == {"unknown"}
    take(project, FIRST[1:2])
    store.take(project.pk, None, [span(2, 1, "llm", trace_id="b" * 32)])
    roots = Span.objects.filter(project=project, kind="agent")
    assert set(roots.values_list("status", flat=True)) == {"open"}
