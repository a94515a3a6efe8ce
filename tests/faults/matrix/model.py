"""The rig's model with a body that takes its time where the work asks for it."""

from __future__ import annotations

import threading
from typing import Any

from tests.faults.matrix.hand import marks
from tests.rig.model import ModelServer

SLOW_SECONDS = 1.2
LONG_SECONDS = 60.0  # longer than a worker that is told to stop waits
_never = threading.Event()


class Bodies(ModelServer):
    """Answers at once, or after a second for work that is `slow`; every answer is different."""

    def answer(self, serial: int) -> str:
        tag, step, how = marks(self.prompts[serial])
        if how == "slow":
            _never.wait(SLOW_SECONDS)
        elif how == "long-once" and len(self.effects(tag, step)) == 1:
            _never.wait(LONG_SECONDS)
        return super().answer(serial)

    def effects(self, tag: str, step: str) -> list[dict[str, Any]]:
        """What was asked and answered for one step of one run, in order."""
        asked = [one for one in list(self.prompts.items()) if marks(one[1])[:2] == (tag, step)]
        return [{"output": {"text": self.answers.get(serial)}, "text": text} for serial, text in asked]
