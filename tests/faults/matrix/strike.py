"""What the rig has to do when an armed fault fires."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from tests.faults.matrix.case import ENOUGH, FIRST, Case
from tests.faults.matrix.judge import LEASE
from tests.rig.process import Process

if TYPE_CHECKING:
    from tests.faults.matrix.rig import Installation


class Strike:
    """What the rig has to do when the armed fault fires."""

    def __init__(self, rig: Installation, case: Case) -> None:
        self.at: float | None = None
        self.peer = ""
        self._rig, self._case, self.left = rig, case, case.times
        self._frozen: Process | None = None
        self._thaw_at = 0.0
        self._first = FIRST.get(case.flow)
        if self._first is not None:
            rig.arm(self._first)
        elif case.point:
            rig.arm(case)

    @property
    def is_over(self) -> bool:
        return self._frozen is None or self._case.for_good

    def look(self) -> None:
        if self._frozen is not None and time.monotonic() >= self._thaw_at:
            self.end()
        if self.left == 0 and self._first is None:
            return
        try:
            fired = json.loads((self._rig.points / "fired").read_text())
        except FileNotFoundError:
            return
        if self._first is not None:  # a loss that needs nothing of us; now the fault of the case
            self._first = None
            self._rig.disarm()
            if self._case.point:
                self._rig.arm(self._case)
            return
        self.at = self.at or fired["at"]
        self.left -= 1
        struck = self._rig.process_of(fired["pid"])
        match fired["action"]:
            case "kill" if struck is not None:
                struck.wait(10)
                self._rig.start_again(struck)
            case "stop" if struck is not None:
                seconds = ENOUGH if self._case.for_good else LEASE + 1.5
                self._frozen, self._thaw_at = struck, time.monotonic() + seconds
            case "kill_peer":
                self._kill_peer(struck)
        if self.left:
            self._rig.arm(self._case)

    def end(self) -> None:
        if self._frozen is not None:
            self._frozen.thaw()
            self._frozen = None

    def _kill_peer(self, struck: Process | None) -> None:
        others: list[Process | str] = [
            one for one in self._rig.stack.processes if one is not struck and one.alive
        ]
        peer = self._rig.random.choice([*others, "redis", "postgres"])
        if isinstance(peer, str):
            self.peer = peer
            self._rig.start_server_again(peer)
            if peer == "postgres":
                self.at = time.time()  # nothing can move before its recovery is done
        else:
            self.peer = peer.name
            peer.kill()
            self._rig.start_again(peer)
        (self._rig.points / "answered").touch()
