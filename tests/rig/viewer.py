"""A dashboard without a browser: the resumable protocol, spoken as the published pages describe it.

Keeps its own copy of agents and runs from one snapshot and the events after it, reconnects by
itself, and records everything it was told, so that a test can compare it with the database.
"""

from __future__ import annotations

import json
import random
import threading
from typing import Any

import httpx
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.sync.client import connect

from tests.rig.client import DASHBOARD, Client

RETRY_SECONDS = (0.2, 1.0)


class Viewer:
    """`with Viewer(client) as viewer: viewer.agents, viewer.runs`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.agents: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.applied: list[int] = []
        self.sessions: list[str] = []
        self.faults: list[str] = []
        self._epoch, self._seq = "", 0
        self._stop = threading.Event()
        self._live = threading.Event()
        self._thread = threading.Thread(target=self._stay_connected, daemon=True)

    def __enter__(self) -> Viewer:
        self._thread.start()
        assert self._live.wait(30), f"the viewer never got live: {self.faults}"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(15)

    def matches(self) -> bool:
        """Whether its copy equals what the REST endpoints say now."""
        agents = {a["id"]: (a["status"], a["current_task"]) for a in self.client.dashboard("agents/")}
        runs = {r["id"]: (r["status"], r["progress"]) for r in self.client.dashboard("workflows/?limit=100")}
        mine = {key: (a["status"], a["current_task"]) for key, a in self.agents.items()}
        shown = {key: (r["status"], r["progress"]) for key, r in self.runs.items() if key in runs}
        return agents == mine and runs == shown

    def _stay_connected(self) -> None:
        while not self._stop.is_set():
            try:
                self._session()
            except (WebSocketException, InvalidHandshake, httpx.HTTPError, OSError, TimeoutError) as error:
                self.faults.append(f"{type(error).__name__}: {error}"[:200])
            self._stop.wait(random.uniform(*RETRY_SECONDS))

    def _session(self) -> None:
        hello: dict[str, Any] = {"type": "hello", "v": 1, "ticket": self.client.ticket()}
        if self._epoch:
            hello |= {"epoch": self._epoch, "seq": self._seq}
        with connect(
            self.client.socket_url, origin=self.client.origin, open_timeout=5, close_timeout=1
        ) as wire:
            wire.send(json.dumps(hello))
            while not self._stop.is_set():
                try:
                    frame = json.loads(wire.recv(timeout=0.5))
                except TimeoutError:
                    continue
                for message in frame if isinstance(frame, list) else [frame]:
                    self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "ready":
            self.sessions.append(message["mode"])
            if message["mode"] != "resumed":
                self._snapshot()
            self._live.set()
        elif kind == "reset":
            self.sessions.append(f"reset:{message.get('reason')}")
            self._snapshot()
        elif "seq" in message and "prev" in message:
            self._event(message)

    def _snapshot(self) -> None:
        state = self.client.get(f"{DASHBOARD}/snapshot/")
        self._epoch, self._seq = state["epoch"], state["seq"]
        self.agents = {agent["id"]: agent for agent in state["agents"]}
        self.runs = {run["id"]: run for run in state["workflows"]}

    def _event(self, event: dict[str, Any]) -> None:
        if event["seq"] <= self._seq:
            return
        if event["prev"] > self._seq:
            raise OSError(f"gap: prev {event['prev']} after {self._seq}")
        self._seq = event["seq"]
        self.applied.append(self._seq)
        match event["type"]:
            case "agent_status_change":
                agent = self.agents.setdefault(event["agent_id"], {"id": event["agent_id"]})
                agent.update(status=event["status"], current_task=event["current_task"])
            case "agent_removed":
                self.agents.pop(event["agent_id"], None)
            case "workflow_update":
                run = self.runs.setdefault(event["workflow_id"], {"id": event["workflow_id"]})
                run.update(status=event["status"], progress=event["progress"])
