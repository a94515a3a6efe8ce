"""Errors of the domain. One handler at the HTTP border turns them into problem+json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """Something a caller asked for cannot be done. The message is shown to people."""

    problem_status = 400
    errors: Mapping[str, list[str]] = {}
    members: Mapping[str, Any] = {}  # what else the answer says, for programs


class InvalidInput(DomainError):
    """A value is wrong. `errors` maps each field (dotted path) to what is wrong and how to mend it."""

    problem_status = 400

    def __init__(self, errors: Mapping[str, str | list[str]], detail: str = "") -> None:
        self.errors = {name: [said] if isinstance(said, str) else said for name, said in errors.items()}
        super().__init__(detail or "; ".join(f"{n}: {' '.join(s)}" for n, s in self.errors.items()))


class NotFound(DomainError):
    """There is no such thing in this project."""

    problem_status = 404


class Forbidden(DomainError):
    """Somebody else may do this, you may not."""

    problem_status = 403


class Conflict(DomainError):
    """The thing is not in a state in which this can be done, or somebody else was first."""

    problem_status = 409

    def __init__(self, detail: str = "", **members: Any) -> None:
        self.members = members
        super().__init__(*([detail] if detail else []))


class KeyReused(DomainError):
    """The same Idempotency-Key came with another body."""

    problem_status = 422


class StaleFence(Conflict):
    """The work was taken back meanwhile; nothing was written."""
