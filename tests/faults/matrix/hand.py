"""Pull agents of the rig's own, over the published API, that behave as their work tells them to.

They write down every effect before they report it: what was done is known even when nobody hears of it.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from typing import Any

import httpx

from tests.faults.matrix.flows import HAND
from tests.rig.client import Client

TEXT = re.compile(r"fault:(?P<tag>[\w-]+):(?P<step>\w+):(?P<how>[\w-]+);")
_never = threading.Event()


def marks(text: str) -> tuple[str, str, str]:
    """The tag of the run, the key of the step and what to do, as the work's own text says."""
    found = TEXT.search(text)
    return (found["tag"], found["step"], found["how"]) if found else ("", "", "")


class Hand:
    """`with Hand(urls, key): …` takes work with two threads until the end of the block.

    One that is `shy` says that it is there, and comes for work only while `open` is set."""

    def __init__(
        self, urls: list[str], key: str, name: str = HAND, threads: int = 2, shy: bool = False
    ) -> None:
        self.name, self.shy, self.open = name, shy, threading.Event()
        self.effects: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self.refused = 0
        self._urls, self._key = urls, key
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(threads)]

    def register(self) -> None:
        with self._client(0) as http:
            body = {"name": self.name, "type": "script", "capabilities": ["summarising"]}
            answer = http.post("/api/v1/agents/register/", json=body)
            answer.raise_for_status()
            self.agent_id = answer.json()["id"]

    def __enter__(self) -> Hand:
        self.register()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def _client(self, index: int) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._key}"}
        return httpx.Client(base_url=self._urls[index % len(self._urls)], headers=headers, timeout=4)

    def _work(self, number: int) -> None:
        clients = [self._client(number + index) for index in range(len(self._urls))]
        turn, mine = 0, f"/api/v1/agents/{self.agent_id}"
        while not self._stop.is_set():
            turn += 1
            try:
                if self.shy and not self.open.is_set():
                    if turn % 100 == 1:
                        clients[turn % len(clients)].post(f"{mine}/heartbeat/", json={})
                    self._stop.wait(0.05)
                    continue
                wait = 0 if self.shy else 1
                answer = clients[turn % len(clients)].post(f"{mine}/claims/?wait={wait}")
                if answer.status_code == httpx.codes.OK:
                    self._do(clients, answer.json()["command_run"])
                elif self.shy or answer.status_code != httpx.codes.NO_CONTENT:
                    self._stop.wait(0.1)
            except httpx.HTTPError:
                self._stop.wait(0.1)
        for client in clients:
            client.close()

    def _do(self, clients: list[httpx.Client], claim: dict[str, Any]) -> None:
        tag, step, how = marks(claim["input"]["text"])
        with self._lock:
            done = self.effects[tag, step]
            output = {"text": f"Effect {len(done) + 1} of {tag} {step}."}
            done.append({"output": output, "text": claim["input"]["text"], "fence": claim["fence"]})
            first = len(done) == 1
        path = f"/api/v1/command-runs/{claim['id']}"
        body: dict[str, Any] = {"fence": claim["fence"], "output": output}
        failed: dict[str, Any] = {
            "fence": claim["fence"],
            "error": {"code": "shaky", "message": "No.", "retryable": True},
        }
        if how in ("silent-once", "late-then") and first:
            return  # the lease, or the timeout, is left to run out
        if how in ("fail-once", "break-once") and first:
            failed["error"]["retryable"] = how == "fail-once"
            body = failed
        if how == "hold":
            self._hold(clients, path, claim["fence"])
            body = failed
        self.refused += tell(clients, f"{path}/result/", body, self._stop)

    def _hold(self, clients: list[httpx.Client], path: str, fence: int) -> None:
        """Be at work until told to stop."""
        turn = 0
        while not self._stop.wait(0.2):
            turn += 1
            try:
                said = {"fence": fence, "progress": min(99, turn)}
                answer = clients[turn % len(clients)].post(f"{path}/progress/", json=said)
            except httpx.HTTPError:
                continue
            if answer.status_code == httpx.codes.CONFLICT or (answer.is_success and answer.json()["cancel"]):
                return


def tell(clients: list[httpx.Client], path: str, body: Any, stop: threading.Event) -> bool:
    """Send it until somebody takes it or says that it is too late; whether it was too late."""
    refused = False
    for turn in range(100):
        try:
            answer = clients[turn % len(clients)].post(path, json=body)
        except httpx.HTTPError:
            answer = None
        if answer is not None:
            refused = answer.status_code == httpx.codes.CONFLICT
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                break
        if stop.wait(0.1):
            break
    return refused


class Caller:
    """A person's calls, on whichever web process answers, repeated until one does."""

    def __init__(self, clients: list[Client]) -> None:
        self._clients = clients
        for client in clients:
            client.http.timeout = httpx.Timeout(4)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        last: object = None
        for turn in range(200):
            try:
                client = self._clients[turn % len(self._clients)]
                answer = client.request(method, path, json=body, headers=headers)
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return answer
                last = answer.text
            except httpx.HTTPError as error:
                last = error
            _never.wait(0.1)
        raise RuntimeError(f"nobody took {method} {path}: {last!r}")
