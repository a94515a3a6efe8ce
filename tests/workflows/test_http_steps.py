"""HTTP steps against a real server: what is sent, what comes back, what is tried again, and what
never leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import Project, Role
from apps.agents import dispatch, explain, lease, named_secrets, repair
from apps.agents.models import CommandRun, CommandRunLine, Worker
from apps.agents.worker import WorkerProcess
from apps.monitoring import alerts
from apps.monitoring.models import Alert
from apps.workflows import control, services
from apps.workflows.models import Run, Step, Workflow
from config.logging import configure as configure_logging
from config.logging import redact
from tests.accounts.people import caller, make_user
from tests.rig.answering import Answering, Asked, answering, http
from tests.workflows.acting import events, fresh, make_project, make_workflow, start, statuses

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "canary-token-7f3a91"


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def server(settings: Any) -> Iterator[Answering]:
    with answering(http(200, {"id": 7})) as seen:
        settings.MC = settings.MC.model_copy(update={"outbound_allow": (seen.address,)})
        yield seen


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess(slots=4)
    process.start()
    yield process
    process.stop()


def calling(project: Project, url: str, after: str = "", **request: Any) -> Workflow:
    retry = {"attempts": request.pop("attempts", 1), "backoff_seconds": 1}
    timeout = {"timeout_seconds": request.pop("seconds", 5)}
    call = {"http": {"url": url, **request}, "retry": retry, **timeout}
    steps: dict[str, dict[str, Any]] = {"call": call}
    if after:
        steps["then"] = {"needs": ["call"], "with": {"text": after}}
    return make_workflow(project, steps, input={"properties": {"text": {"type": "string"}}})


def work_off(project: Project, worker: WorkerProcess) -> None:
    """Have the worker do what is ready, as Celery's threads would."""
    while given := [one for one in dispatch.dispatch_ready(project.pk) if one.by_worker]:
        for one in given:
            worker.execute(one.command_run_id, one.dispatch_id)


def do(project: Project, worker: WorkerProcess, workflow: Workflow, text: str = "") -> Step:
    run = start(workflow, {"text": text})
    work_off(project, worker)
    return Step.objects.get(run=run, key="call")


def of(step: Step) -> CommandRun:
    assert step.command_run_id
    return CommandRun.objects.get(pk=step.command_run_id)


def test_a_request_is_sent_and_its_answer_is_the_output(
    project: Project, worker: WorkerProcess, server: Answering
) -> None:
    server.reply = http(201, {"id": 7, "tags": ["a"]}, etag='"1"', set_cookie="a=b", x_request_id="r1")
    workflow = calling(
        project,
        server.url + "items?q=${{ input.text }}",
        "${{ string(steps.call.output.status) + ' ' + string(steps.call.output.body.id) }}",
        method="POST",
        headers={"X-Kind": "test ${{ input.text }}"},
        body={"name": "${{ input.text }}", "count": 2},
    )
    step = do(project, worker, workflow, "ada")
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/items?q=ada")
    assert asked.body == b'{"name": "ada", "count": 2}'
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-kind"] == "test ada"
    assert asked.headers["idempotency-key"]
    assert step.status == "completed"
    assert step.output == {
        "status": 201,
        "headers": {"content-type": "application/json", "etag": '"1"', "x-request-id": "r1"},
        "body": {"id": 7, "tags": ["a"]},
    }
    then = CommandRun.objects.get(run_id=step.run_id, kind="command")
    assert then.data.input == {"text": "201 7"}


@pytest.mark.parametrize("raw", [b"[" * 600 + b"]" * 600, b'{"a":' * 400 + b"1" + b"}" * 400, b"9" * 400])
def test_a_deep_answer_and_an_endless_number_are_kept(
    project: Project, worker: WorkerProcess, server: Answering, raw: bytes
) -> None:
    server.reply = http(200, raw=raw, content_type="application/json")
    step = do(project, worker, calling(project, server.url))
    assert step.output
    assert (step.status, of(step).status, len(server.asked)) == ("completed", "completed", 1)
    assert step.output["body"] not in (None, "")


@pytest.mark.parametrize(
    ("raw", "kind", "body"),
    [
        (b"", "text/plain", None),
        (b"plain", "text/plain", "plain"),
        (b"caf\xe9", "text/plain; charset=latin-1", "café"),
        (b"\xff\xfe\x00", "application/octet-stream", "��\ufffd"),
        (b"{broken", "application/json", "{broken"),
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b'{"a": 1}', "text/html", '{"a": 1}'),
        (b"[" * 5000 + b"]" * 5000, "application/json", "[" * 5000 + "]" * 5000),
        (b"x", "text/plain; charset=no-such", "x"),
    ],
)
def test_a_body_is_json_if_it_is_and_else_text(
    project: Project, worker: WorkerProcess, server: Answering, raw: bytes, kind: str, body: Any
) -> None:
    server.reply = http(200, raw=raw, content_type=kind)
    step = do(project, worker, calling(project, server.url))
    assert step.output
    assert step.output["body"] == body


def test_text_is_sent_as_it_is(project: Project, worker: WorkerProcess, server: Answering) -> None:
    workflow = calling(project, server.url, method="PUT", body="Hello ${{ input.text }}\n")
    do(project, worker, workflow, "☃")
    assert server.asked[0].body == "Hello ☃\n".encode()
    assert server.asked[0].headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("status", "accept", "ends"),
    [(204, [], "completed"), (404, [], "failed"), (404, [200, 404], "completed"), (200, [201], "failed")],
)
def test_which_answers_are_a_result_is_the_document_s_to_say(
    project: Project, worker: WorkerProcess, server: Answering, status: int, accept: list[int], ends: str
) -> None:
    server.reply = http(status)
    step = do(project, worker, calling(project, server.url, accept=accept))
    assert step.status == ends
    assert step.error_code == ("" if ends == "completed" else f"http_{status}")


def test_a_refusal_is_final_and_says_what_the_server_said(
    project: Project, worker: WorkerProcess, server: Answering
) -> None:
    server.reply = http(422, {"error": "name is taken"})
    step = do(project, worker, calling(project, server.url, attempts=5))
    assert len(server.asked) == 1
    assert (step.status, step.error_code) == ("failed", "http_422")
    assert step.error == '127.0.0.1 answered 422. It says: {"error": "name is taken"}'


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_an_answer_that_may_pass_is_tried_again_with_the_same_key(
    project: Project, worker: WorkerProcess, server: Answering, status: int
) -> None:
    server.reply = http(status)
    run = start(calling(project, server.url, attempts=2, method="POST"))
    work_off(project, worker)
    waiting = CommandRun.objects.get(run_id=run.pk)
    assert waiting.status == "queued"
    assert f"after http_{status}" in waiting.wait_reason
    server.reply = http(200)
    CommandRun.objects.update(available_at=timezone.now())
    work_off(project, worker)
    assert statuses(run)["call"] == "completed"
    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    assert len(keys) == 2
    assert len(set(keys)) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_s_retry_after_is_honoured(
    project: Project, worker: WorkerProcess, server: Answering, form: str
) -> None:
    moment = timezone.now() + timedelta(seconds=300)
    server.reply = http(429, retry_after="300" if form == "seconds" else format_datetime(moment, usegmt=True))
    run = start(calling(project, server.url, attempts=2))
    work_off(project, worker)
    waiting = CommandRun.objects.get(run_id=run.pk)
    assert waiting.available_at > timezone.now() + timedelta(seconds=290)


def test_a_redirect_is_an_answer(project: Project, worker: WorkerProcess, server: Answering) -> None:
    with answering() as inner:
        server.reply = http(302, location=inner.url)
        step = do(project, worker, calling(project, server.url))
        assert (step.status, step.error_code) == ("failed", "http_302")
        assert "not followed" in step.error
        step = do(project, worker, calling(project, server.url, accept=[302]))
        assert step.output
        assert step.output["headers"]["location"] == inner.url
        assert inner.asked == []


def test_a_server_that_is_away_is_tried_again(project: Project, worker: WorkerProcess, settings: Any) -> None:
    with answering() as gone:
        pass
    settings.MC = settings.MC.model_copy(update={"outbound_allow": (gone.address,)})
    run = start(calling(project, gone.url, attempts=2))
    work_off(project, worker)
    assert "after unreachable" in CommandRun.objects.get(run_id=run.pk).wait_reason


def test_a_server_that_does_not_answer_in_time_times_out(
    project: Project, worker: WorkerProcess, server: Answering
) -> None:
    def drip(asked: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"
        while True:
            time.sleep(0.05)
            yield b"."

    server.reply = drip
    step = do(project, worker, calling(project, server.url, seconds=0.5))
    assert (step.status, step.error_code) == ("timed_out", "timeout")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://0x7f.1/", "http://[::1]/",
     "http://localhost:6379/"],
)  # fmt: skip
def test_sec_12_a_step_does_not_reach_the_inside(
    project: Project, worker: WorkerProcess, server: Answering, url: str
) -> None:
    step = do(project, worker, calling(project, url, attempts=5))
    assert (step.status, step.error_code) == ("failed", "address_refused")
    assert of(step).attempt == 1


def test_sec_12_an_address_from_data_is_refused_alike(
    project: Project, worker: WorkerProcess, server: Answering
) -> None:
    workflow = calling(project, "${{ input.text }}")
    assert do(project, worker, workflow, "http://10.0.0.1/").error_code == "address_refused"
    for text in ("file:///etc/passwd", "http://a:b@127.0.0.1/", "gopher://x/", "nothing"):
        assert do(project, worker, workflow, text).error_code == "invalid_input"
    assert server.asked == []


def test_a_header_from_data_cannot_break_the_request(
    project: Project, worker: WorkerProcess, server: Answering
) -> None:
    workflow = calling(project, server.url, headers={"X-A": "${{ input.text }}"})
    assert do(project, worker, workflow, "a\r\nHost: evil").error_code == "invalid_input"
    assert server.asked == []


def test_a_cancelled_run_hangs_up(project: Project, worker: WorkerProcess, server: Answering) -> None:
    arrived, gone = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        arrived.set()
        try:
            while True:
                time.sleep(0.05)
                yield b"x: y\r\n"
        finally:
            gone.set()

    server.reply = hang
    run = start(calling(project, server.url, seconds=60))
    given = dispatch.dispatch_ready(project.pk)
    body = threading.Thread(target=worker.execute, args=(given[0].command_run_id, given[0].dispatch_id))
    body.start()
    assert arrived.wait(10)
    services.cancel_run(run, by="olga")
    lease_holder = CommandRun.objects.get(run_id=run.pk)
    if not lease_holder.cancel_requested and not lease_holder.is_over:
        lease.cancel(lease_holder.pk)
    body.join(20)
    assert gone.wait(10)
    assert CommandRun.objects.get(run_id=run.pk).status == "cancelled"
    assert statuses(run)["call"] == "cancelled"


def test_a_request_whose_worker_died_is_sent_again_with_the_same_key(
    project: Project, worker: WorkerProcess, server: Answering
) -> None:
    run = start(calling(project, server.url, method="POST"))
    (one,) = dispatch.dispatch_ready(project.pk)
    assert lease.claim(one.command_run_id, one.dispatch_id, worker="dies")  # and is never heard of again
    CommandRun.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    repair.tick()
    CommandRun.objects.filter(status="dispatched").update(status="queued", dispatch_id=None)
    work_off(project, worker)
    assert statuses(run)["call"] == "completed"
    assert CommandRun.objects.get(run_id=run.pk).lost_count == 1
    assert len(server.asked) == 1


def test_a_pause_holds_requests_back(project: Project, worker: WorkerProcess, server: Answering) -> None:
    run = start(calling(project, server.url))
    control.pause_run(run)
    work_off(project, worker)
    assert server.asked == []
    control.resume_run(fresh(run))
    work_off(project, worker)
    assert statuses(run)["call"] == "completed"


def test_without_a_worker_a_request_waits_and_says_so(project: Project, server: Answering) -> None:
    run = start(calling(project, server.url))
    assert dispatch.dispatch_ready(project.pk) == []
    explain.explain_waiting(project.pk)
    waiting = CommandRun.objects.get(run_id=run.pk)
    assert waiting.wait_reason == "no live worker"
    assert Step.objects.get(run=run).wait_reason == "no live worker"
    assert not Worker.objects.exists()
    CommandRun.objects.update(available_at=timezone.now() - timedelta(minutes=1))
    alerts.sweep()
    assert Alert.objects.filter(project=project, rule="no_worker").exists()


def test_lists_pages_and_the_journal_show_a_request_without_command_and_agent(
    project: Project, worker: WorkerProcess, server: Answering
) -> None:
    step = do(project, worker, calling(project, server.url, method="POST", body={"a": 1}))
    viewer = caller(make_user(Role.VIEWER, project))
    (row,) = viewer.get("command-runs/").json()["results"]
    assert (row["kind"], row["command"], row["agent"], row["title"]) == ("http", None, None, "Call")
    assert (row["status"], row["wait_reason"], row["model"]) == ("completed", "", "")
    page = viewer.get(f"command-runs/{row['id']}/").json()
    assert page["input"]["url"] == server.url
    assert page["output"]["body"] == {"id": 7}
    (shown,) = viewer.get(f"runs/{step.run_id}/").json()["steps"]
    assert (shown["kind"], shown["status"]) == ("http", "completed")
    told = events(project, "command_run.started")
    assert (told[0]["command"], told[0]["work_kind"], told[0]["agent_id"]) == (None, "http", None)
    said = list(CommandRunLine.objects.values_list("text", flat=True))
    assert "POST 127.0.0.1" in said
    assert "127.0.0.1 answered 200" in said


# Secrets


@pytest.fixture
def secret(server: Answering, settings: Any) -> Iterator[named_secrets.Secret]:
    settings.SECRETS = named_secrets.read(
        {
            "MC_SECRET_SHOP": TOKEN,
            "MC_SECRET_SHOP_HOSTS": f"127.0.0.1:{server.port}",
            "MC_SECRET_OTHER": "another-canary-55",
            "MC_SECRET_OTHER_HOSTS": "127.0.0.1,api.example.org",
        }
    )
    configure_logging("INFO", "json", [one.value for one in settings.SECRETS.values()])
    yield settings.SECRETS["SHOP"]
    configure_logging("INFO", "json")


AUTH = {"Authorization": "Bearer {{secret:SHOP}}"}


def everything_stored() -> str:
    """All that the database holds of runs, work and the journal, as text."""
    from io import StringIO

    from django.core.management import call_command

    out = StringIO()
    call_command("dumpdata", "agents", "workflows", "events", "monitoring", stdout=out)
    return out.getvalue()


def test_sec_21_a_secret_is_put_in_by_the_worker_and_kept_nowhere(
    project: Project, worker: WorkerProcess, server: Answering, secret: named_secrets.Secret
) -> None:
    server.reply = lambda asked: http(
        200, {"echo": asked.headers["authorization"], TOKEN: [f"x{TOKEN}y"]}, etag=TOKEN
    )
    step = do(project, worker, calling(project, server.url, headers=AUTH))
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert step.output
    assert step.output["body"] == {
        "echo": "Bearer [secret SHOP]",
        "[secret SHOP]": ["x[secret SHOP]y"],
    }
    assert step.output["headers"]["etag"] == "[secret SHOP]"
    server.reply = lambda asked: http(400, {"you sent": asked.headers["authorization"]})
    step = do(project, worker, calling(project, server.url, headers=AUTH))
    assert "[secret SHOP]" in step.error
    assert TOKEN not in everything_stored()
    assert "{{secret:SHOP}}" in everything_stored()
    assert TOKEN not in redact(f"boom {TOKEN} boom")
    assert TOKEN not in repr(secret)


def test_sec_21_a_secret_goes_to_its_own_hosts_only(
    project: Project, worker: WorkerProcess, server: Answering, secret: named_secrets.Secret, settings: Any
) -> None:
    with answering() as other:
        settings.MC = settings.MC.model_copy(update={"outbound_allow": (server.address, other.address)})
        step = do(project, worker, calling(project, other.url, headers=AUTH, attempts=3))
        assert (step.status, step.error_code) == ("failed", "secret_unusable")
        assert "MC_SECRET_SHOP_HOSTS does not list it" in step.error
        assert other.asked == []


def test_sec_21_a_secret_goes_over_https_unless_the_address_is_the_operator_s_own(
    project: Project, worker: WorkerProcess, secret: named_secrets.Secret
) -> None:
    workflow = calling(project, "http://api.example.org/", headers={"X": "{{secret:OTHER}}"})
    step = do(project, worker, workflow)
    assert step.error_code == "secret_unusable"
    assert "https only" in step.error


def test_sec_21_a_secret_named_by_data_is_not_put_in(
    project: Project, worker: WorkerProcess, server: Answering, secret: named_secrets.Secret
) -> None:
    workflow = calling(
        project,
        server.url,
        method="POST",
        headers={"X-Title": "${{ input.text }}", **AUTH},
        body="{{secret:SHOP}} {{secret:OTHER}}",
    )
    step = do(project, worker, workflow, "see {{secret:OTHER}}")
    assert step.status == "completed"
    (asked,) = server.asked
    assert asked.headers["x-title"] == "see {{secret:OTHER}}"
    assert asked.body == b"{{secret:SHOP}} {{secret:OTHER}}"


def test_a_secret_that_nobody_set_is_named(
    project: Project, worker: WorkerProcess, server: Answering, settings: Any
) -> None:
    settings.SECRETS = {}
    step = do(project, worker, calling(project, server.url, headers=AUTH))
    assert step.error == "The secret SHOP is not known to this worker: set MC_SECRET_SHOP."
    assert server.asked == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"MC_SECRET_shop": "x" * 20}, "upper-case"),
        ({"MC_SECRET_SHOP": "short"}, "at least 8"),
        ({"MC_SECRET_SHOP": "line\nbreak-in-it"}, "printable"),
        ({"MC_SECRET_SHOP": "x" * 20}, "MC_SECRET_SHOP_HOSTS"),
    ],
)
def test_a_secret_that_cannot_be_used_stops_the_start(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        named_secrets.read(environment)


def test_a_run_of_requests_ends(project: Project, worker: WorkerProcess, server: Answering) -> None:
    steps = {f"s{n}": {"http": {"url": f"{server.url}{n}"}} for n in range(5)}
    run = start(make_workflow(project, steps))
    work_off(project, worker)
    assert Run.objects.get(pk=run.pk).status == "completed"
    assert sorted(asked.path for asked in server.asked) == [f"/{n}" for n in range(5)]
