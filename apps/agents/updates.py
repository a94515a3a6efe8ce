"""Updates of many agents in one request, as they come: read one by one, with what is wrong with each.

Plain Python; what they do to rows is `many`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.agents.storable import storable_text

MOST = 5_000
MOST_REGISTERED = 200
LONGEST_EVENT_ID = 150
SAYABLE = ("idle", "busy", "waiting", "error")
LEVELS = ("debug", "info", "warning", "error")
LARGEST = 2**63 - 1


class Wrong(Exception):
    """An update cannot be read: its field, and how to mend it."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(f"{name}: {said}")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An agent, by id or name, lives and perhaps says what it does."""

    agent: UUID | str
    status: str
    task: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    command_run: UUID
    fence: int
    progress: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Line:
    command_run: UUID
    fence: int
    text: str
    level: str


@dataclass(frozen=True, slots=True)
class Registration:
    name: str
    type: str
    capabilities: list[str]


Said = Heartbeat | Progress | Line | Registration


@dataclass(frozen=True, slots=True)
class Update:
    """One update with its place in the request. `at` is the moment it is of, None for now; `event_id`
    is empty when it has none."""

    index: int
    event_id: str
    at: datetime | None
    said: Said


def read(index: int, given: Any) -> Update:
    """The update that a JSON value stands for. Raises Wrong."""
    if not isinstance(given, dict):
        raise Wrong("update", "Must be an object.")
    kind = given.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise Wrong("type", f"Must be one of {', '.join(READERS)}.")
    return Update(index, _event_id(given.get("event_id")), _moment(given.get("at")), reader(given))


def _heartbeat(given: Mapping[str, Any]) -> Heartbeat:
    status = given.get("status") or ""
    if status and status not in SAYABLE:
        raise Wrong("status", f"Must be one of {', '.join(SAYABLE)}.")
    task = given.get("current_task")
    return Heartbeat(_agent(given.get("agent")), status, _text("current_task", task, 200) or None)


def _progress(given: Mapping[str, Any]) -> Progress:
    message = given.get("message")
    return Progress(
        _id("command_run", given.get("command_run")),
        _number("fence", given.get("fence"), LARGEST),
        _number("progress", given.get("progress"), 100),
        _text("message", message, 200) if message is not None else None,
    )


def _line(given: Mapping[str, Any]) -> Line:
    level = given.get("level", "info")
    if level not in LEVELS:
        raise Wrong("level", f"Must be one of {', '.join(LEVELS)}.")
    text = given.get("text")
    if not isinstance(text, str):
        raise Wrong("text", "Must be a text.")
    return Line(
        _id("command_run", given.get("command_run")),
        _number("fence", given.get("fence"), LARGEST),
        _text("text", text, 4_096),
        level,
    )


def _registration(given: Mapping[str, Any]) -> Registration:
    capabilities = given.get("capabilities", [])
    if not isinstance(capabilities, list) or len(capabilities) > 100:
        raise Wrong("capabilities", "Must be a list of at most 100 names.")
    return Registration(
        _name("name", given.get("name"), 100),
        _name("type", given.get("agent_type", "external"), 50),
        list(dict.fromkeys(_name("capabilities", one, 100) for one in capabilities)),
    )


READERS: dict[str, Callable[[Mapping[str, Any]], Said]] = {
    "heartbeat": _heartbeat,
    "progress": _progress,
    "log": _line,
    "register": _registration,
}


def _agent(value: Any) -> UUID | str:
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise Wrong("agent", "Must be the id or the name of an agent.")
    if len(value) == 36:
        try:
            return UUID(value)
        except ValueError:
            pass
    return storable_text(value)


def _id(name: str, value: Any) -> UUID:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise Wrong(name, "Must be a UUID.") from None


def _number(name: str, value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise Wrong(name, f"Must be a whole number from 0 to {most}.")
    return value


def _text(name: str, value: Any, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise Wrong(name, f"Must be a text of at most {longest:,} characters.")
    return storable_text(value)


def _name(name: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise Wrong(name, f"Must be 1 to {longest} printable characters.")
    return value.strip() or value


def _event_id(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_EVENT_ID or not value.isprintable():
        raise Wrong("event_id", f"Must be 1 to {LONGEST_EVENT_ID} printable characters.")
    return value


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise ValueError(value)
        return found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise Wrong("at", "Must be a moment such as 2026-11-22T18:00:00Z.") from None
