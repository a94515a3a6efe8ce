"""A result that no database can hold ends its attempt: it would be refused as often as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.agents import dispatch, worker
from apps.agents.connectors.base import Outcome, Report, Work
from apps.agents.models import CommandRun, CommandRunAttempt
from apps.agents.worker import WorkerProcess
from tests.agents.factories import make_agent, make_command, make_run

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS: dict[str, Any] = {"input_tokens": 1, "output_tokens": 1, "model": "m", "demo": False}


class Answering:
    """A connector that gives whatever it was told to."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    async def run(self, work: Work, report: Report) -> Outcome:
        return self.outcome


@pytest.fixture
def process() -> Iterator[WorkerProcess]:
    process = WorkerProcess(slots=2)
    process.start()
    yield process
    process.stop()


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome({"text": object()}, **NUMBERS),
        Outcome({"text": "done"}, **NUMBERS | {"input_tokens": 10**30}),
    ],
    ids=["no JSON", "a number too large"],
)
def test_it_fails_once_and_says_why(
    process: WorkerProcess, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    monkeypatch.setattr(worker, "connector_of", lambda work: Answering(outcome))
    make_agent()
    run = make_run(make_command())
    (one,) = dispatch.dispatch_ready(run.project_id)
    process.execute(one.command_run_id, one.dispatch_id)
    run = CommandRun.objects.get(pk=run.pk)
    assert (run.status, run.error_code, run.attempt) == ("failed", "bad_result", 1)
    assert run.data.error.startswith("The result cannot be stored")
    assert CommandRunAttempt.objects.get(command_run=run).outcome == "failed"
