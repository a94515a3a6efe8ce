"""Agents with an HTTP endpoint: a real server on the loopback is called by the running product."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.rig import mode
from tests.rig.answering import Answering, Asked, answering, http
from tests.rig.client import Client
from tests.rig.process import free_port
from tests.rig.stack import PASSWORD, Stack
from tests.rig.waiting import until

OVER = ("completed", "failed", "cancelled", "timed_out")
MAKE_USER = """
from apps.accounts.models import Membership, Project, User
user = User.objects.create_user("{name}", password="{password}")
Membership.objects.create(user=user, project=Project.objects.get(slug="default"), role="{role}")
"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def stack(port: int) -> Iterator[Stack]:
    new = Stack(mode.current(), env={"MC_OUTBOUND_ALLOW": f"127.0.0.1:{port}"})
    new.extra(MC_PUBLIC_URL=new.url)  # workers write it into what they send
    with new as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Client:
    return stack.client()


@pytest.fixture
def endpoint(port: int) -> Iterator[Answering]:
    with answering(port=port) as server:
        yield server


@pytest.fixture
def agent(client: Client, endpoint: Answering) -> dict[str, Any]:
    return make_agent(client, f"{endpoint.url}work")


def make_agent(client: Client, url: str, **fields: Any) -> dict[str, Any]:
    body = {
        "name": f"Remote {uuid4().hex[:8]}",
        "type": "triager",
        "capabilities": ["triage"],
        "endpoint": url,
    }
    made: dict[str, Any] = client.post("agents/", body | fields)
    return made


def order(client: Client, agent: dict[str, Any]) -> str:
    command = client.get("commands/?capability=triage")["results"][0]
    given = dict.fromkeys(command["parameters"].get("required", []), "Something")
    made = client.post(f"agents/{agent['id']}/command-runs/", {"command": command["name"], "input": given})
    return str(made["id"])


def ended(client: Client, run_id: str) -> dict[str, Any]:
    def over() -> Any:
        run = client.get(f"command-runs/{run_id}/")
        return run if run["status"] in OVER else None

    return dict(until(over, 60, f"command run {run_id} over", every=0.2))


def one_reply(*replies: bytes) -> Callable[[Asked], bytes]:
    """The replies one after the other; the last one again and again."""
    left = list(replies)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def is_signed(asked: Asked, secret: str) -> bool:
    """Standard Webhooks, as a receiver writes it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in asked.headers["webhook-signature"].split(" ")


def report(body: dict[str, Any], to: str, token: str = "", **said: Any) -> httpx.Response:
    """What an agent sends back with the token it was given."""
    headers = {"authorization": f"Bearer {token or body['callback_token']}"}
    given = {"fence": body["fence"]} | said
    return httpx.post(f"{body['callback_url']}{to}/", json=given, headers=headers, timeout=20)


class Accepting:
    """Answers 202 and keeps what it was asked, for a test to go on with."""

    def __init__(self) -> None:
        self.orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self.cancelled = threading.Event()

    def __call__(self, asked: Asked) -> bytes:
        body = json.loads(asked.body)
        if body["type"] == "cancel":
            self.cancelled.set()
            return http(200)
        self.orders.put(body)
        return http(202)


def test_an_endpoint_answers_at_once(client: Client, endpoint: Answering, agent: dict[str, Any]) -> None:
    usage = {"input_tokens": 11, "output_tokens": 4}
    endpoint.reply = http(200, {"output": {"text": "Done"}, "usage": usage, "model": "m-2"})
    run = ended(client, order(client, agent))
    assert (run["status"], run["output"]) == ("completed", {"text": "Done"})
    assert (run["tokens"], run["model"], run["demo"]) == ({"input": 11, "output": 4}, "m-2", False)
    [asked] = endpoint.asked
    body = json.loads(asked.body)
    assert (asked.method, asked.path, body["type"], body["id"]) == ("POST", "/work", "command", run["id"])
    assert body["input"] == run["input"]
    assert body["prompt"]
    assert (body["attempt"], body["timeout_seconds"]) == (1, 300)
    assert is_signed(asked, agent["secret"])
    assert not is_signed(asked, "whsec_" + base64.b64encode(b"x" * 32).decode())
    assert asked.headers["idempotency-key"] == body["idempotency_key"]
    assert asked.headers["traceparent"].split("-")[1] == run["id"].replace("-", "")
    assert body["traceparent"] == asked.headers["traceparent"]
    shown = client.get(f"agents/{agent['id']}/")
    assert (shown["connector"], shown["status"], shown["model"]) == ("http", "idle", "")
    assert "secret" not in shown


def test_an_endpoint_calls_back_later(client: Client, endpoint: Answering, agent: dict[str, Any]) -> None:
    endpoint.reply = accepting = Accepting()
    run_id = order(client, agent)
    body = accepting.orders.get(timeout=30)
    until(lambda: client.get(f"agents/{agent['id']}/")["status"] == "busy", 15, "the agent to be busy")
    said = report(body, "progress", progress=40, message="Half way")
    assert (said.status_code, said.json()) == (200, {"cancel": False, "pause": False})
    logged = report(body, "logs", lines=[{"text": "A line of the agent"}])
    assert logged.status_code == 200, logged.text
    shown = client.get(f"command-runs/{run_id}/")
    assert (shown["status"], shown["progress"], shown["message"]) == ("running", 40, "Half way")
    done = report(body, "result", output={"text": "Later"}, input_tokens=5, output_tokens=6)
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    run = ended(client, run_id)
    assert (run["output"], run["tokens"]) == ({"text": "Later"}, {"input": 5, "output": 6})
    lines = [line["text"] for line in client.get(f"command-runs/{run_id}/logs/")["results"]]
    assert {"Half way", "A line of the agent"} <= set(lines)
    assert report(body, "result", output={"text": "Other"}).status_code == 409
    assert not accepting.cancelled.is_set()


def test_a_callback_of_an_attempt_that_is_over_is_refused(
    client: Client, endpoint: Answering, agent: dict[str, Any]
) -> None:
    endpoint.reply = accepting = Accepting()
    run_id = order(client, agent)
    first = accepting.orders.get(timeout=30)
    error = {"code": "rate_limited", "message": "Try again", "retryable": True}
    assert report(first, "result", error=error).json()["status"] == "queued"
    second = accepting.orders.get(timeout=60)
    assert (second["attempt"], second["idempotency_key"]) == (2, first["idempotency_key"])
    assert second["callback_token"] != first["callback_token"]
    assert report(first, "progress", progress=99).status_code == 409
    assert report(first, "result", output={"text": "Late"}).status_code == 409
    # The token of one attempt does not open another, whatever fence is claimed.
    assert report(first | {"fence": second["fence"]}, "result", output={}).status_code == 409
    assert report(second, "result", output={"text": "Second"}).status_code == 200
    assert ended(client, run_id)["output"] == {"text": "Second"}


def test_a_callback_token_opens_nothing_else(
    client: Client, endpoint: Answering, agent: dict[str, Any]
) -> None:
    endpoint.reply = accepting = Accepting()
    order(client, agent)
    body = accepting.orders.get(timeout=30)
    other = make_agent(client, f"{endpoint.url}other")
    order(client, other)
    foreign = accepting.orders.get(timeout=30)
    assert report(foreign, "result", token=body["callback_token"], output={}).status_code == 401
    assert report(body, "result", token=body["callback_token"][:-1] + "!", output={}).status_code == 401
    token = {"authorization": f"Bearer {body['callback_token']}"}
    for path in ("agents/", f"command-runs/{body['id']}/", f"command-runs/{body['id']}/logs/", "runs/"):
        assert httpx.get(f"{client.base}/api/v1/{path}", headers=token).status_code in (401, 403)
    key = client.post("keys/", {"name": "robot", "scopes": ["agent"]})["key"]
    assert report(body, "result", token=key, output={}).status_code == 404
    for one in (body, foreign):
        assert report(one, "result", output={"text": "ok"}).status_code == 200


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (http(404, {"detail": "No such path"}), "http_404"),
        (http(302, None, location="http://127.0.0.1:1/"), "http_302"),
        (http(200, raw=b"no json"), "bad_answer"),
        (http(200, {"result": 1}), "bad_answer"),
        (http(200, {"error": {"code": "no_disk", "message": "The disk is full"}}), "no_disk"),
        (http(200, {"error": "It is broken"}), "agent_error"),
    ],
    ids=["404", "redirect", "no json", "no output", "its own error", "its own words"],
)
def test_what_will_not_pass_fails_at_once(
    client: Client, endpoint: Answering, agent: dict[str, Any], reply: bytes, code: str
) -> None:
    endpoint.reply = reply
    run = ended(client, order(client, agent))
    assert (run["status"], run["error"]["code"], run["attempt"]) == ("failed", code, 1)
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize(
    "trouble", [http(503), http(429, None, retry_after="1"), b""], ids=["503", "429", "garbage"]
)
def test_what_may_pass_is_tried_again_with_the_same_key(
    client: Client, endpoint: Answering, agent: dict[str, Any], trouble: bytes
) -> None:
    endpoint.reply = one_reply(trouble or b"garbage\r\n\r\n", http(200, {"output": "Better now"}))
    run = ended(client, order(client, agent))
    assert (run["status"], run["output"], run["attempt"]) == ("completed", {"text": "Better now"}, 2)
    first, second = (json.loads(asked.body) for asked in endpoint.asked)
    assert first["idempotency_key"] == second["idempotency_key"]
    assert endpoint.asked[0].headers["webhook-id"] != endpoint.asked[1].headers["webhook-id"]


def test_an_endpoint_is_told_that_its_work_is_cancelled(
    client: Client, endpoint: Answering, agent: dict[str, Any]
) -> None:
    endpoint.reply = accepting = Accepting()
    run_id = order(client, agent)
    body = accepting.orders.get(timeout=30)
    assert client.request("POST", f"command-runs/{run_id}/cancellation/").status_code == 202
    assert ended(client, run_id)["status"] == "cancelled"
    assert accepting.cancelled.wait(30)
    notice = next(asked for asked in endpoint.asked if b'"cancel"' in asked.body)
    assert json.loads(notice.body) == {"type": "cancel", "id": run_id, "fence": body["fence"]}
    assert is_signed(notice, agent["secret"])
    assert report(body, "result", output={"text": "Late"}).status_code == 409


def test_sec_12_an_endpoint_inside_the_own_network_is_not_called(client: Client) -> None:
    for url in ("http://169.254.169.254/latest", "http://127.0.0.1/", "http://[::1]/", "http://localhost/"):
        agent = make_agent(client, url)
        run = ended(client, order(client, agent))
        assert (run["status"], run["error"]["code"], run["attempt"]) == ("failed", "address_refused", 1)
        tried = client.post(f"agents/{agent['id']}/test/")
        assert (tried["ok"], tried["status"]) == (False, None)
        assert "not allowed" in tried["said"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpoint", "ftp://example.org/"),
        ("endpoint", "http://example.org:2375/"),
        ("endpoint", "http://user:pw@example.org/"),
        ("endpoint", "no address"),
        ("endpoint", ""),
        ("name", "two\nlines"),
        ("max_parallel", 0),
        ("capabilities", "triage"),
        ("connector", "llm"),
    ],
)
def test_a_wrong_field_is_named(client: Client, field: str, value: Any) -> None:
    good = {"name": f"Remote {uuid4().hex[:8]}", "endpoint": "https://example.org/work"}
    answer = client.request("POST", "agents/", json=good | {field: value})
    assert answer.status_code == 400, answer.text
    assert any(name.startswith(field) for name in answer.json()["errors"])


def test_an_admin_changes_an_agent_and_its_secret(
    client: Client, endpoint: Answering, agent: dict[str, Any]
) -> None:
    path = f"agents/{agent['id']}/"
    changed = client.request("PATCH", path, json={"endpoint": f"{endpoint.url}moved", "max_parallel": 3})
    assert (changed.status_code, changed.json()["endpoint"]) == (200, f"{endpoint.url}moved")
    assert changed.json()["max_parallel"] == 3
    taken = client.get("agents/?connector=llm")["results"][0]
    assert client.request("PATCH", path, json={"name": taken["name"]}).status_code == 409
    assert client.request("PATCH", path, json={"endpoint": "ftp://x/"}).status_code == 400
    assert client.request("PATCH", f"agents/{taken['id']}/", json={"type": "x"}).status_code == 409
    assert client.request("POST", f"agents/{taken['id']}/secret/").status_code == 409

    endpoint.reply = http(200, {"ok": 1})
    tried = client.post(f"{path}test/")
    assert (tried["ok"], tried["status"], tried["said"]) == (True, 200, '{"ok": 1}')
    assert json.loads(endpoint.asked[-1].body) == {"type": "test", "agent": agent["name"]}
    assert is_signed(endpoint.asked[-1], agent["secret"])
    assert endpoint.asked[-1].path == "/moved"

    rotated = client.post(f"{path}secret/")["secret"]
    assert rotated != agent["secret"]
    client.post(f"{path}test/")
    assert is_signed(endpoint.asked[-1], rotated)
    assert is_signed(endpoint.asked[-1], agent["secret"])  # until its receiver has changed
    client.post(f"{path}secret/")
    client.post(f"{path}test/")
    assert is_signed(endpoint.asked[-1], rotated)
    assert not is_signed(endpoint.asked[-1], agent["secret"])
    assert client.request("DELETE", path).status_code == 204
    assert client.request("GET", path).status_code == 404


def test_only_admins_manage_and_viewers_do_not_see_the_address(
    stack: Stack, client: Client, agent: dict[str, Any]
) -> None:
    path = f"agents/{agent['id']}/"
    for role, knows in (("operator", True), ("viewer", False)):
        name = f"{role}-{uuid4().hex[:6]}"
        stack.manage("shell", "-c", MAKE_USER.format(name=name, password=PASSWORD, role=role))
        member = Client(stack.url, name, PASSWORD).login()
        try:
            assert bool(member.get(path)["endpoint"]) is knows
            for method, where in [
                ("POST", "agents/"), ("PATCH", path), ("DELETE", path),
                ("POST", f"{path}secret/"), ("POST", f"{path}test/"),
            ]:  # fmt: skip
                assert member.request(method, where, json={}).status_code == 403
        finally:
            member.close()
    key = client.post("keys/", {"name": "all", "scopes": ["agent", "read", "run", "ingest"]})["key"]
    headers = {"authorization": f"Bearer {key}"}
    assert httpx.post(f"{client.base}/api/v1/{path}secret/", headers=headers, json={}).status_code == 403
