"""How steps end, in words that rows, events and people share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apps.workflows.models import StepStatus

NOT_MET = "its condition was not met"
NOT_GONE_TO = "no step went to it"
GONE_PAST = "a step before it failed and the run went on elsewhere"
FAILURES = (StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step ended. `reason` says why one did not run at all."""

    status: StepStatus
    output: Any = None
    code: str = ""
    message: str = ""
    reason: str = ""

    @property
    def is_failure(self) -> bool:
        return self.status in FAILURES

    @property
    def said(self) -> str:
        words = {StepStatus.TIMED_OUT: "timed out", StepStatus.CANCELLED: "was cancelled"}
        word = words.get(self.status, "failed")
        return f"{word}: {self.message}" if self.message else f"{word}."
