"""What can go wrong between a program and the server, and how work ends other than with an output."""

from __future__ import annotations

from collections.abc import Mapping


class MissionControlError(Exception):
    """Everything this package raises on purpose."""


class Unreachable(MissionControlError):
    """The server did not answer. The call may or may not have been carried out."""


class Refused(MissionControlError):
    """The server answered with an error. `errors` has what is wrong, by field; `retry_after` is seconds."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Mapping[str, object] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = dict(errors or {})
        self.retry_after = retry_after

    @property
    def is_passing(self) -> bool:
        """Whether the same call may succeed later."""
        return self.status in (401, 403, 408, 425, 429) or self.status >= 500


class Cancelled(MissionControlError):
    """Raised inside a body at its checkpoints: stop now, your result is not wanted."""


class Failed(MissionControlError):
    """Raise it in a body to say how it failed. `retryable`: another attempt may succeed."""

    def __init__(self, message: str, *, code: str = "agent_error", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
