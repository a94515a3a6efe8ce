"""What two definitions differ in: by meaning, step for step and field for field, and by text.

Plain Python. Two documents have no difference here exactly when they have one checksum.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from enum import StrEnum
from typing import Any

from apps.workflows.document import Document
from apps.workflows.inputs import dotted
from apps.workflows.marked import Path

MAX_LINES = 20_000  # of both texts together; shuffled ones take 0.4 s (measured 2026-11)


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. An absent value is None; of what is reordered the names are given."""

    path: str
    kind: ChangeKind
    before: Any = None
    after: Any = None

    def __str__(self) -> str:
        return f"{self.path} {self.kind}"


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that is in one document only (no fields), or whose fields differ."""

    key: str
    name: str
    kind: ChangeKind
    fields: list[FieldChange] = field(default_factory=list)

    def __str__(self) -> str:
        fields = ", ".join(map(str, self.fields))
        return f"step {self.key}: {fields}" if fields else f"step {self.key} {self.kind}"


@dataclass(frozen=True, slots=True)
class Difference:
    """How `after` differs from `before`: fields of the workflow itself, and its steps."""

    fields: list[FieldChange]
    steps: list[StepChange]

    def __bool__(self) -> bool:
        return bool(self.fields or self.steps)

    def summary(self) -> list[str]:
        """One line for each field of the workflow and for each step, for people."""
        return [*map(str, self.fields), *map(str, self.steps)]


def between(before: Document | None, after: Document) -> Difference:
    """Compare two documents by meaning; against None everything is added."""
    old, new = _plain(before), _plain(after)
    old_steps, new_steps = _steps(old), _steps(new)
    fields = list(_fields(old, new, ()))
    if _is_reordered(list(old_steps), list(new_steps)):
        fields.append(FieldChange("steps", ChangeKind.REORDERED, list(old_steps), list(new_steps)))
    return Difference(fields, list(_step_changes(before, after, old_steps, new_steps)))


def text_only(found: Difference, text: str | None) -> bool:
    """Whether two texts, of whose `text_between` this is, differ in comments and layout only."""
    return not found and text != ""


def text_between(before: str, after: str, before_name: str = "", after_name: str = "") -> str | None:
    """The unified diff of two texts, "" when they are the same, None when they are too long for one."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > MAX_LINES:
        return "" if before == after else None
    lines = unified_diff(old, new, before_name, after_name, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _plain(document: Document | None) -> dict[str, Any]:
    if document is None:
        return {}
    value: dict[str, Any] = json.loads(document.dump())
    return value


def _steps(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["key"]: step for step in document.pop("steps", [])}


def _step_changes(
    before: Document | None,
    after: Document,
    old: dict[str, dict[str, Any]],
    new: dict[str, dict[str, Any]],
) -> Iterator[StepChange]:
    """In the order of `after`; what was removed comes last."""
    for key, step in new.items():
        name = after.by_key[key].title
        if key not in old:
            yield StepChange(key, name, ChangeKind.ADDED)
        elif fields := list(_fields(old[key], step, ())):
            yield StepChange(key, name, ChangeKind.CHANGED, fields)
    for key in old:
        if before is not None and key not in new:
            yield StepChange(key, before.by_key[key].title, ChangeKind.REMOVED)


def _fields(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> Iterator[FieldChange]:
    """What differs inside two mappings, as deep as both are mappings; lists are compared whole."""
    for name in [*new, *(name for name in old if name not in new)]:
        here = (*path, name)
        before, after = old.get(name), new.get(name)
        if name not in old:
            yield FieldChange(dotted(here), ChangeKind.ADDED, None, after)
        elif name not in new:
            yield FieldChange(dotted(here), ChangeKind.REMOVED, before, None)
        elif isinstance(before, dict) and isinstance(after, dict):
            yield from _fields(before, after, here)
        elif json.dumps(before) != json.dumps(after):  # in Python 1, 1.0 and True are equal
            yield FieldChange(dotted(here), ChangeKind.CHANGED, before, after)
    if _is_reordered(list(old), list(new)):
        yield FieldChange(dotted(path), ChangeKind.REORDERED, list(old), list(new))


def _is_reordered(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether what both have comes in another order; a form made from a schema shows that order."""
    common = set(old) & set(new)
    return [name for name in old if name in common] != [name for name in new if name in common]
