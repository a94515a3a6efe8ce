"""The rig's model with a body that takes its time where the work asks for it."""

from __future__ import annotations

import threading
from typing import Any

from tests.faults.matrix.hand import marks
from tests.rig.model import ModelServer

SLOW_SECONDS = 1.2
_never = threading.Event()


class Bodies(ModelServer):
    """Answers at once, or after a second for work that is `slow`; every answer is different."""

    def answer(self, serial: int) -> str:
        if marks(self.prompts[serial])[2] == "slow":
            _never.wait(SLOW_SECONDS)
        return super().answer(serial)

    def effects(self, tag: str, step: str) -> list[dict[str, Any]]:
        """What was asked and answered for one step of one run, in order."""
        asked = [one for one in list(self.prompts.items()) if marks(one[1])[:2] == (tag, step)]
        return [{"output": {"text": self.answers.get(serial)}, "text": text} for serial, text in asked]
