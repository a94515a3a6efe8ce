"""What is logged while a command run runs: who may write it, how it is numbered, read and told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from apps.accounts.services import default_project
from apps.agents import dispatch, lease, lines
from apps.agents.connectors.base import Outcome
from apps.agents.lines import MOST_LINES, Said
from apps.agents.models import Agent, CommandRun, CommandRunLine
from apps.agents.moves import Failure
from apps.errors import StaleFence
from apps.events import frames
from tests.accounts.people import Caller, caller, make_key, make_user
from tests.agents.factories import make_agent, make_command, make_run, make_worker

pytestmark = pytest.mark.django_db(transaction=True)


def agent_client() -> Caller:
    return Caller(make_key("agent").text)


def pulled(client: Caller) -> dict[str, Any]:
    """A command run in the hands of an external agent, as it was handed over."""
    about = {"name": "scout", "type": "research", "capabilities": ["review"]}
    agent_id = client.post("agents/register/", about).json()["id"]
    run = make_run(make_command(), Agent.objects.get(pk=agent_id))
    dispatch.dispatch_ready(run.project_id)
    found: dict[str, Any] = client.post(f"agents/{agent_id}/claims/?wait=0").json()["command_run"]
    return found


def held() -> lease.Claimed:
    make_worker()
    run = make_run(make_command(), make_agent())
    dispatch.dispatch_ready(run.project_id)
    run.refresh_from_db()
    assert run.dispatch_id
    claimed = lease.claim(run.pk, run.dispatch_id, worker="w", worker_id=make_worker().pk)
    assert claimed
    return claimed


def texts(command_run_id: UUID) -> list[str]:
    rows = CommandRunLine.objects.filter(command_run_id=command_run_id)
    return list(rows.values_list("text", flat=True))


def test_an_agent_logs_and_everybody_of_the_project_reads() -> None:
    client = agent_client()
    run = pulled(client)
    path = f"command-runs/{run['id']}/logs/"
    at = "2026-11-22T10:00:00Z"
    said = [{"text": "reading", "level": "debug"}, {"text": "  indented", "at": at}, {"text": ""}]
    answer = client.post(path, {"fence": run["fence"], "lines": said})
    assert answer.json() == {"kept": 3, "dropped": 0, "last": 4, "cancel": False, "pause": False}
    page = caller(make_user()).get(path).json()
    found = [(line["number"], line["level"], line["text"]) for line in page["results"]]
    assert found == [
        (1, "info", "Attempt 1 started by scout"),
        (2, "debug", "reading"),
        (3, "info", "  indented"),
        (4, "info", ""),
    ]
    assert page["results"][2]["at"] == at
    assert (page["next"], page["previous"]) == (None, None)


def test_a_reader_goes_on_after_the_last_line_it_knows_and_page_by_page() -> None:
    claimed = held()
    lines.append(claimed.command_run_id, claimed.fence, [Said(f"line {n}") for n in range(1, 8)])
    client, path = caller(make_user()), f"command-runs/{claimed.command_run_id}/logs/"

    def numbers(page: dict[str, Any]) -> list[int]:
        return [line["number"] for line in page["results"]]

    assert numbers(client.get(f"{path}?after=5").json()) == [6, 7]
    first = client.get(f"{path}?after=1&limit=4").json()
    assert numbers(first) == [2, 3, 4, 5]
    assert numbers(client.get(first["next"].removeprefix("/api/v1/")).json()) == [6, 7]


def test_a_lost_lease_logs_nothing() -> None:
    client = agent_client()
    run = pulled(client)
    stale = {"fence": run["fence"] - 1, "lines": [{"text": "late"}]}
    answer = client.post(f"command-runs/{run['id']}/logs/", stale)
    assert answer.status_code == 409
    assert answer["Content-Type"].startswith("application/problem+json")
    end = {"fence": run["fence"], "output": {"text": "ok"}}
    client.post(f"command-runs/{run['id']}/result/", end)
    late = {"fence": run["fence"], "lines": [{"text": "late"}]}
    assert client.post(f"command-runs/{run['id']}/logs/", late).status_code == 409
    assert "late" not in texts(run["id"])


def test_logging_renews_the_lease_and_hears_of_a_cancellation() -> None:
    client = agent_client()
    run = pulled(client)
    before = CommandRun.objects.get(pk=run["id"]).lease_expires_at
    caller(make_user()).post(f"command-runs/{run['id']}/cancellation/")
    said = {"fence": run["fence"], "lines": [{"text": "still here"}]}
    answer = client.post(f"command-runs/{run['id']}/logs/", said).json()
    after = CommandRun.objects.get(pk=run["id"]).lease_expires_at
    assert answer["cancel"] is True
    assert before
    assert after
    assert after > before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lines": [{"text": "x"}]}, "fence"),
        ({"fence": 1}, "lines"),
        ({"fence": 1, "lines": [{"level": "info"}]}, "lines"),
        ({"fence": 1, "lines": [{"text": "x", "level": "loud"}]}, "lines"),
        ({"fence": 1, "lines": [{"text": "x" * 4097}]}, "lines"),
        ({"fence": 1, "lines": [{"text": "x"}] * 1001}, "lines"),
    ],
)
def test_bad_lines_are_refused_by_name(body: dict[str, Any], field: str) -> None:
    client = agent_client()
    run = pulled(client)
    answer = client.post(f"command-runs/{run['id']}/logs/", body)
    assert answer.status_code == 400
    assert any(name.startswith(field) for name in answer.json()["errors"])


@pytest.mark.parametrize("after", ["-1", "x", "99999999999", "1.5"])
def test_a_bad_place_to_go_on_is_refused(after: str) -> None:
    claimed = held()
    path = f"command-runs/{claimed.command_run_id}/logs/?after={after}"
    answer = caller(make_user()).get(path)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["after"])


def test_only_the_holder_writes_and_only_the_project_reads() -> None:
    claimed = held()
    path = f"command-runs/{claimed.command_run_id}/logs/"
    body = {"fence": claimed.fence, "lines": [{"text": "x"}]}
    assert caller(make_user()).post(path, body).status_code == 403
    # A worker's command run is not among those of external agents.
    assert agent_client().post(path, body).status_code == 404
    nowhere = "command-runs/00000000-0000-4000-8000-000000000000/logs/"
    assert caller(make_user()).get(nowhere).status_code == 404


def test_a_command_run_keeps_so_many_lines_and_says_once_that_more_were_dropped() -> None:
    claimed = held()
    pk, fence = claimed.command_run_id, claimed.fence
    rows = [CommandRunLine(command_run_id=pk, number=n, text="x") for n in range(1, MOST_LINES - 1)]
    CommandRunLine.objects.bulk_create(rows, batch_size=2000)
    taken = lines.append(pk, fence, [Said(f"{n}") for n in range(5)])
    assert (taken.kept, taken.dropped, taken.last) == (2, 3, MOST_LINES + 1)
    again = lines.append(pk, fence, [Said("more")])
    assert (again.kept, again.dropped, again.last) == (0, 1, MOST_LINES + 1)
    lease.finish(pk, fence, Outcome({}, None, None, "m", demo=False))
    # The line that tells of the end is one of them.
    assert texts(pk)[-3:] == ["0", "1", lines.dropped(5)]
    assert lines.dropped(5) == "5 further lines were dropped: a command run keeps 10,000."


def test_what_a_database_cannot_store_is_replaced() -> None:
    claimed = held()
    lines.append(claimed.command_run_id, claimed.fence, [Said("a\0b\ud800")])
    assert texts(claimed.command_run_id) == ["a\ufffdb\ufffd"]


def test_a_progress_message_becomes_a_line_when_it_changes() -> None:
    client = agent_client()
    run = pulled(client)
    for message in ("reading", "reading", "writing"):
        body = {"fence": run["fence"], "progress": 10, "message": message}
        client.post(f"command-runs/{run['id']}/progress/", body)
    assert texts(run["id"])[1:] == ["reading", "writing"]


def test_the_log_says_how_an_attempt_ended_and_what_comes_next() -> None:
    claimed = held()
    failure = Failure("model_timeout", "No answer within 120 s.", retryable=True)
    lease.fail(claimed.command_run_id, claimed.fence, failure, [Said("Asking a model")])
    asked, failed, after = CommandRunLine.objects.filter(command_run_id=claimed.command_run_id)
    assert asked.text == "Asking a model"
    assert (failed.level, failed.text) == ("error", "Failed: No answer within 120 s.")
    assert after.text.startswith("Next: attempt 2 of 3 in ")


def test_the_log_says_what_a_result_cost() -> None:
    claimed = held()
    lease.finish(claimed.command_run_id, claimed.fence, Outcome({}, 1200, 34, "gpt", demo=False))
    assert texts(claimed.command_run_id) == ["Completed: by gpt, 1,200 tokens in, 34 out"]


def test_the_log_goes_with_its_command_run() -> None:
    claimed = held()
    lines.append(claimed.command_run_id, claimed.fence, [Said("x")])
    CommandRun.objects.get(pk=claimed.command_run_id).delete()
    assert not CommandRunLine.objects.exists()


def test_lines_are_told_in_one_frame_and_the_oldest_go_first_when_it_is_full() -> None:
    def tick(*numbers: int, text: str = "x") -> dict[str, Any]:
        found = [{"number": number, "text": text} for number in numbers]
        return {"type": "command_run_log", "command_run_id": "a", "lines": found}

    joined = frames.join_ticks(tick(1, 2), tick(3))
    assert [line["number"] for line in joined["lines"]] == [1, 2, 3]
    full = frames.join_ticks(tick(*range(50), text="x" * 1000), tick(50))
    numbers = [line["number"] for line in full["lines"]]
    assert numbers == list(range(51 - len(numbers), 51))
    assert len(frames.encode(full)) < frames.MAX_FRAME_BYTES


def test_nobody_writes_to_a_command_run_that_does_not_exist() -> None:
    default_project()
    claimed = held()
    CommandRun.objects.get(pk=claimed.command_run_id).delete()
    with pytest.raises(StaleFence):
        lines.append(claimed.command_run_id, claimed.fence, [Said("x")])
