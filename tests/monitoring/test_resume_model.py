"""The resumable protocol against a model: whatever happens to client, doorbell, journal and
history, a connected client's state equals the snapshot at its position."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from apps.accounts.models import Project
from apps.agents.models import Agent
from apps.agents.record import record_agent
from apps.agents.services import remove_agent
from apps.events import journal, layer
from apps.events.hub import Hub
from apps.monitoring import alerts
from apps.monitoring.alerts import Condition
from apps.monitoring.dashboard.load import load_board, midnight
from apps.monitoring.dashboard.reducer import Board, Counts
from apps.monitoring.dashboard.state import load_dashboard
from apps.monitoring.live import plain_message
from apps.monitoring.models import AlertLevel
from tests.events.support import HubThread, Wire, running_hub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

EXAMPLES = int(os.environ.get("MC_TEST_RESUME_EXAMPLES", "40"))
STATUSES = st.sampled_from(["idle", "busy", "waiting", "paused", "error", "offline"])
HUB: HubThread


class Client:
    """What the SPA does, in a page of Python: apply iff nothing lies between, else ask again."""

    def __init__(self, project_id: UUID) -> None:
        self.project_id = project_id
        self.epoch: UUID | None = None
        self.seq: int | None = None
        self.board = Board(midnight="")
        self.wire: Wire | None = None
        self.buffer: list[dict[str, Any]] | None = None
        self.applied: list[int] = []
        self.gaps = 0
        self.taking = False
        self.modes: list[str] = []

    async def connect(self, hub: Hub, *, max_events: int = 1_000) -> None:
        self.wire = wire = Wire(max_events=max_events)
        wire.on_frame = lambda frame: self.take(hub, frame)
        _, first = await hub.resume(self.project_id, wire.outbox, epoch=self.epoch, seq=self.seq)
        for message in first:
            await wire.take(message)
        wire.start()

    async def disconnect(self, hub: Hub) -> None:
        if self.wire is not None:
            (await hub.feed(self.project_id)).detach(self.wire.outbox)
            if self.wire.task is not None:
                self.wire.task.cancel()
            self.wire = None

    async def take(self, hub: Hub, frame: dict[str, Any]) -> None:
        self.taking = True
        await self.taken(hub, frame)
        self.taking = False

    async def taken(self, hub: Hub, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "ready":
                self.modes.append(frame["mode"])
                if frame["mode"] == "snapshot_required":
                    await self.load(hub)
                else:
                    assert UUID(frame["epoch"]) == self.epoch
            case "reset":
                self.modes.append(frame["reason"])
                await self.load(hub)
            case "mark":
                assert self.seq is not None
                assert frame["seq"] <= self.seq, "a mark says: you have everything up to here"
            case _ if "prev" in frame:
                self.event(frame)

    @property
    def is_done(self) -> bool:
        """It has taken, and acted on, everything that was sent to it."""
        box = self.wire.outbox if self.wire else None
        return box is None or not (box._queue or box._more.is_set() or self.taking)

    async def load(self, hub: Hub) -> None:
        feed = await hub.feed(self.project_id)
        feed.flush()
        body = orjson.loads(feed.view.answer("snapshot").body)  # type: ignore[attr-defined]
        self.epoch, self.seq = UUID(body["epoch"]), body["seq"]
        counts = {name: body["stats"][name] for name in asdict(Counts())}
        self.board = Board(
            midnight=midnight(),
            agents={row["id"]: row for row in body["agents"]},
            runs={row["id"]: row for row in reversed(body["workflows"])},
            alerts={row["id"]: row for row in body["alerts"]},
            counts=Counts(**counts),
            open_approvals=body["open_approvals"],
        )

    def event(self, frame: dict[str, Any]) -> None:
        assert self.seq is not None
        if frame["seq"] <= self.seq:
            return
        if frame["prev"] > self.seq:
            self.gaps += 1
            return
        self.seq = frame["seq"]
        self.applied.append(frame["seq"])
        self.board.apply(frame)


class Resuming(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        mark = uuid4().hex
        self.project = Project.objects.create(slug=f"p-{mark}", name=mark)
        self.clients = [Client(self.project.pk), Client(self.project.pk)]
        self.saved: list[tuple[UUID | None, int | None]] = []
        self.count = 0
        self.deaf = False

    # What happens to the rows

    @rule(status=STATUSES)
    def add_agent(self, status: str) -> None:
        self.count += 1
        with journal.changes(self.project.pk) as change:
            agent = Agent.objects.create(
                project=self.project,
                slug=f"a{self.count}",
                name=f"Agent {self.count}",
                type="t",
                status=status,
            )
            record_agent(change, "agent.added", agent)

    @rule(status=STATUSES, which=st.integers(0, 9), times=st.integers(1, 3))
    def change_agent(self, status: str, which: int, times: int) -> None:
        agents = list(Agent.objects.filter(project=self.project).order_by("slug"))
        if not agents:
            return
        agent = agents[which % len(agents)]
        with journal.changes(self.project.pk) as change:
            for turn in range(times):
                agent.status, agent.current_task = status, f"turn {turn}"
                agent.save()
                record_agent(change, "agent.changed", agent)

    @rule(which=st.integers(0, 9))
    def remove_agent(self, which: int) -> None:
        agents = list(Agent.objects.filter(project=self.project).order_by("slug"))
        if agents:
            remove_agent(agents[which % len(agents)])

    @rule(subject=st.sampled_from("ab"), opened=st.booleans())
    def alert(self, subject: str, opened: bool) -> None:
        with journal.changes(self.project.pk) as change:
            if opened:
                alerts.raise_alert(
                    change, Condition("rule", subject, AlertLevel.ERROR, f"wrong: {subject}", "/")
                )
            else:
                alerts.resolve_alert(change, "rule", subject)

    # What happens on the way

    @rule()
    def double_the_last_doorbell(self) -> None:
        last = journal.position(self.project.pk).head
        layer.publish(self.project.pk, last, last, journal.read(self.project.pk, after=last - 1))

    @precondition(lambda self: not self.deaf)
    @rule()
    def lose_doorbells(self) -> None:
        HUB.go_deaf()
        self.deaf = True

    @precondition(lambda self: self.deaf)
    @rule()
    def hear_again(self) -> None:
        HUB.hear()
        self.deaf = False

    @rule(keep=st.integers(0, 5))
    def prune(self, keep: int) -> None:
        journal.prune(self.project.pk, before=timezone.now() + timedelta(days=1), keep=keep)

    @rule()
    def break_history(self) -> None:
        journal.break_history(self.project.pk)

    # What clients do

    @rule(which=st.integers(0, 1))
    def connect(self, which: int) -> None:
        client = self.clients[which]
        if client.wire is None:
            HUB.run(client.connect(HUB.hub))

    @rule(which=st.integers(0, 1))
    def disconnect(self, which: int) -> None:
        client = self.clients[which]
        self.saved.append((client.epoch, client.seq))
        HUB.run(client.disconnect(HUB.hub))

    @rule(offset=st.integers(1, 5_000), future=st.booleans())
    def resume_from_nonsense(self, offset: int, future: bool) -> None:
        """A position that never was ours, or lies in the future: a snapshot must follow."""
        client = Client(self.project.pk)
        client.epoch = journal.position(self.project.pk).epoch
        head = journal.position(self.project.pk).head
        client.seq = head + offset if future else -offset
        HUB.run(client.connect(HUB.hub))
        assert client.modes == ["snapshot_required"]
        self.settle()
        self.check(client)
        HUB.run(client.disconnect(HUB.hub))

    @precondition(lambda self: self.saved)
    @rule(data=st.data())
    def a_second_tab_asks_for_what_an_old_one_saw(self, data: st.DataObject) -> None:
        epoch, seq = data.draw(st.sampled_from(self.saved))
        client = Client(self.project.pk)
        client.epoch, client.seq = epoch, seq
        HUB.run(client.connect(HUB.hub))
        if client.modes[0] == "resumed":
            at = journal.position(self.project.pk)
            assert at.epoch == epoch
            self.settle()
            assert client.applied == list(range((seq or 0) + 1, at.head + 1)) or client.gaps == 0
        HUB.run(client.disconnect(HUB.hub))

    @rule(which=st.integers(0, 1))
    def read_nothing_for_a_while(self, which: int) -> None:
        """A reader that stands still is closed and comes back where it was."""
        client = self.clients[which]
        if client.wire is None or client.wire.closed:
            return
        wire = client.wire
        wire.outbox._max_events = 3
        HUB.loop.call_soon_threadsafe(wire.takes.clear)
        for _ in range(6):
            self.add_agent("idle")
        self.settle(ask=False)
        HUB.loop.call_soon_threadsafe(wire.takes.set)
        HUB.until(lambda: wire.closed is not None or not wire.outbox._queue)
        HUB.run(client.disconnect(HUB.hub))
        HUB.run(client.connect(HUB.hub))

    # What must hold

    @invariant()
    def connected_clients_hold_the_snapshot(self) -> None:
        if not hasattr(self, "project"):
            return
        self.settle()
        for client in self.clients:
            if client.wire is not None:
                self.check(client)

    def check(self, client: Client) -> None:
        at, board = load_board(self.project.pk)
        assert client.gaps == 0
        assert (client.epoch, client.seq) == (at.epoch, at.head)
        assert client.board.agents == board.agents
        assert client.board.alerts == board.alerts
        assert client.board.counts == board.counts

    def settle(self, ask: bool = True) -> None:
        """Everything committed has reached the clients; the poll of once a second is not awaited."""
        HUB.drained()

        async def caught_up() -> None:
            feed = await HUB.hub.feed(self.project.pk)
            await feed.catch_up()
            feed.flush()

        HUB.run(caught_up())
        if ask:
            connected = [client for client in self.clients if client.wire]
            HUB.until(lambda: all(client.is_done for client in connected))

    def teardown(self) -> None:
        if getattr(self, "deaf", False):
            self.hear_again()
        for client in getattr(self, "clients", []):
            HUB.run(client.disconnect(HUB.hub))


@pytest.fixture
def _hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    global HUB
    # A short memory, so that resuming reads the journal too.
    monkeypatch.setattr("apps.events.feed.RECENT_EVENTS", 4)
    with running_hub(Hub(loader=load_dashboard, plain=plain_message)) as HUB:
        yield


@pytest.mark.usefixtures("_hub")
def test_client_state_equals_the_snapshot_at_the_clients_position() -> None:
    run_machine(
        Resuming,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
