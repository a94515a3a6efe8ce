"""The order of steps: who waits for whom, what is ready, how far a run is. Plain Python."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import islice

MAX_UNKNOWN = 100  # told at once; finding the nearest name takes a millisecond each


class GraphError(ValueError):
    """Steps that cannot be ordered. `key` is the step to point at, `need` the culprit in its needs."""

    def __init__(self, key: str, need: str, message: str) -> None:
        self.key = key
        self.need = need
        super().__init__(message)


@dataclass(frozen=True)
class Graph:
    """A directed acyclic graph of step keys. Build it with `Graph.of`."""

    needs: Mapping[str, tuple[str, ...]]
    order: tuple[str, ...]

    @classmethod
    def of(cls, needs: Mapping[str, Sequence[str]]) -> Graph:
        """Order the steps; among equals the order they were written in stays. Raises GraphError."""
        if problems := unknown_needs(needs):
            raise problems[0]
        known = {key: tuple(dict.fromkeys(wanted)) for key, wanted in needs.items()}
        order = _order(known)
        if len(order) < len(known):
            cycle = _cycle(known, set(known) - set(order))
            raise GraphError(cycle[0], cycle[1], f"steps need each other in a circle: {' → '.join(cycle)}")
        return cls(known, order)

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each step in the order, from 1."""
        return {key: place for place, key in enumerate(self.order, start=1)}

    @cached_property
    def successors(self) -> dict[str, tuple[str, ...]]:
        """Who needs each step directly, in order."""
        found: dict[str, list[str]] = {key: [] for key in self.order}
        for key in self.order:
            for need in self.needs[key]:
                found[need].append(key)
        return {key: tuple(keys) for key, keys in found.items()}

    @cached_property
    def level(self) -> dict[str, int]:
        """The length of the longest way to each step; steps of one level can run side by side."""
        levels: dict[str, int] = {}
        for key in self.order:
            levels[key] = max((levels[need] + 1 for need in self.needs[key]), default=0)
        return levels

    @property
    def roots(self) -> tuple[str, ...]:
        return tuple(key for key in self.order if not self.needs[key])

    def has_before(self, key: str, other: str) -> bool:
        """Whether `other` is always over before `key` starts."""
        return bool(self._before[key] >> (self.index[other] - 1) & 1)

    def ready(self, over: Container[str], started: Container[str] = ()) -> tuple[str, ...]:
        """The steps that may start now: not over, not started, and all they need is over."""
        return tuple(
            key
            for key in self.order
            if key not in over and key not in started and all(need in over for need in self.needs[key])
        )

    @cached_property
    def _before(self) -> dict[str, int]:
        """For each step the set of steps before it, one bit a step: sets of sets would be n² objects."""
        masks: dict[str, int] = {}
        for key in self.order:
            mask = 0
            for need in self.needs[key]:
                mask |= masks[need] | 1 << (self.index[need] - 1)
            masks[key] = mask
        return masks


def unknown_needs(needs: Mapping[str, Sequence[str]]) -> list[GraphError]:
    """The needs that name no step, or the step itself, with the nearest name that exists."""
    return list(islice(_unknown_needs(needs), MAX_UNKNOWN))


def progress(total: int, open_steps: int) -> int:
    """Percent of the steps that are over, rounded down: 100 only when none is open."""
    if total <= 0:
        return 100
    return (total - min(max(open_steps, 0), total)) * 100 // total


def _unknown_needs(needs: Mapping[str, Sequence[str]]) -> Iterator[GraphError]:
    for key, wanted in needs.items():
        for need in wanted:
            if need == key:
                yield GraphError(key, need, f"step {key!r} cannot need itself")
            elif need not in needs:
                yield GraphError(key, need, f"there is no step {need!r}{_hint(need, needs)}")


def _hint(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _order(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Kahn's algorithm level by level; what is on or behind a cycle is left out."""
    missing = {key: len(wanted) for key, wanted in needs.items()}
    waiting: dict[str, list[str]] = {key: [] for key in needs}
    for key, wanted in needs.items():
        for need in wanted:
            waiting[need].append(key)
    place = {key: index for index, key in enumerate(needs)}
    order: list[str] = []
    level = [key for key, count in missing.items() if count == 0]
    while level:
        order += level
        freed: list[str] = []
        for key in level:
            for follower in waiting[key]:
                missing[follower] -= 1
                if missing[follower] == 0:
                    freed.append(follower)
        level = sorted(freed, key=place.__getitem__)
    return tuple(order)


def _cycle(needs: Mapping[str, tuple[str, ...]], tangled: set[str]) -> list[str]:
    """One cycle among steps that could not be ordered, first and last the same key.

    Each of them needs another one of them, so walking along needs must come round.
    """
    seen: dict[str, int] = {}
    path: list[str] = []
    key = next(key for key in needs if key in tangled)
    while key not in seen:
        seen[key] = len(path)
        path.append(key)
        key = next(need for need in needs[key] if need in tangled)
    return [*path[seen[key] :], key]
