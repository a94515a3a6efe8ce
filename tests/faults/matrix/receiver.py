"""The rig's own server: what the product calls, and a note of everything that arrived.

It has effects by their key, as a good receiver has: asked again it answers what it answered before.
A part of its answers, which the seed and the key decide, is a fault: 503, or a connection that ends
after the effect and before the answer. As an HTTP agent it takes work and calls back.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from contextlib import ExitStack
from typing import Any
from zlib import crc32

import httpx

from tests.faults.matrix.flows import RECEIVER
from tests.faults.matrix.hand import marks, tell
from tests.rig.answering import Answering, Asked, answering, http

OK, BUSY, HUNG_UP = range(3)
FAULTS = (OK, OK, BUSY, HUNG_UP)


class Receiver:
    """`with Receiver(seed) as receiver: receiver.placed(text)`."""

    def __init__(self, seed: int) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        """What was answered under which idempotency key."""
        self.work: dict[tuple[str, str], list[Any]] = defaultdict(list)
        """What it did as an agent, by run and step."""
        self.told: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        """The events that arrived, by address and `webhook-id`."""
        self.noticed: set[str] = set()
        """The runs whose question it was told of."""
        self._seed = seed
        self._asked: set[str] = set()
        self._shaky = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._open = ExitStack()
        self._urls: list[str] = []

    def __enter__(self) -> Receiver:
        self._server: Answering = self._open.enter_context(answering(self._answer))
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._open.close()

    @property
    def env(self) -> dict[str, str]:
        return {"MC_OUTBOUND_ALLOW": self._server.address, "MC_OUTBOUND_PORTS": str(self._server.port)}

    def url(self, path: str) -> str:
        return f"{self._server.url}{path}"

    def placed(self, document: Any) -> str:
        """A definition as JSON, with this server's address."""
        return json.dumps(document).replace(RECEIVER, self._server.url.rstrip("/"))

    def calls_back(self, urls: list[str]) -> None:
        self._urls = urls

    def _answer(self, asked: Asked) -> bytes:
        self._server.asked.clear()  # what has to be known is noted below
        what = asked.path.strip("/")
        said = json.loads(asked.body)
        match what:
            case "effects":
                return self._effect(asked.headers["idempotency-key"], said)
            case "agent":
                return self._take(said)
            case "notices":
                with self._lock:
                    self.noticed.add(said["data"]["run"]["id"])
                return http(200)
            case "refusing":
                return http(503)
            case _:
                return self._hear(what, asked.headers["webhook-id"], said)

    def _effect(self, key: str, said: dict[str, Any]) -> bytes:
        fault = self._fault(key)
        if fault == BUSY:
            return http(503)
        with self._lock:
            answer = self.answers.setdefault(key, {"effect": len(self.answers) + 1, "asked": said})
        return b"" if fault == HUNG_UP else http(200, answer)

    def _take(self, said: dict[str, Any]) -> bytes:
        """Do it, and say so later; a test call and the wish to stop are only heard."""
        if said["type"] != "command":
            return http(200, {})
        if self._fault(f"{said['idempotency_key']}/agent") == BUSY:
            return http(503)
        text = said["input"]["text"]
        tag, step, how = marks(text)
        with self._lock:
            done = self.work[tag, step]
            output = {"text": f"Effect {len(done) + 1} of {tag} {step}, called."}
            done.append({"output": output, "text": text, "fence": said["fence"]})
        if how != "hold":
            threading.Thread(target=self._call_back, args=(said, output), daemon=True).start()
        return http(202)

    def _call_back(self, said: dict[str, Any], output: dict[str, str]) -> None:
        headers = {"Authorization": f"Bearer {said['callback_token']}"}
        path = httpx.URL(said["callback_url"]).path
        clients = [httpx.Client(base_url=url, headers=headers, timeout=4) for url in self._urls]
        tell(clients, f"{path}result/", {"fence": said["fence"], "output": output}, self._stop)
        for client in clients:
            client.close()

    def _hear(self, address: str, event_id: str, said: dict[str, Any]) -> bytes:
        """`shaky` refuses every other event when it first comes, so that it fails and recovers."""
        with self._lock:
            first = event_id not in self.told[address]
            self.told[address][event_id].append(said)
            if first and address == "shaky":
                self._shaky += 1
                return http(503) if self._shaky % 2 else http(200)
        return http(200)

    def _fault(self, key: str) -> int:
        """What goes wrong when this is asked for the first time; nothing does after that."""
        with self._lock:
            if key in self._asked:
                return OK
            self._asked.add(key)
        return FAULTS[crc32(f"{self._seed}:{key}".encode()) % len(FAULTS)]
