"""What follows from the tree of a trace: the activity a span belongs to, and whose it is. Plain Python.

A span's root is the top-most agent or workflow span above it or itself. Its agent is the one that it
names, else its parent's, else the one that its service lets be guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from apps.agents.telemetry.merging import ROOT_KINDS, Key, Row, is_root_kind


def settle(
    rows: Mapping[Key, Row],
    around: Mapping[Key, Row],
    named: Mapping[Key, UUID | None],
    guessed: Mapping[Key, UUID | None],
) -> None:
    """Write root and agent into `rows`, parents first; `around` are stored parents that stay as they are."""
    settled: set[Key] = set()
    for key in rows:
        for one in reversed(_upwards(key, rows, settled)):
            row = rows[one]
            above = (one[0], row["parent_span_id"])
            # A parent that is not settled yet stands in a circle; then there is nothing above.
            parent = around.get(above) if above not in rows else rows[above] if above in settled else None
            root = parent["root_span_id"] if parent else ""
            row["root_span_id"] = root or (one[1] if is_root_kind(row) else "")
            inherited = parent["agent_id"] if parent else None
            row["names_agent"] = named.get(one) is not None or row["names_agent"]
            kept = row["agent_id"] if row["names_agent"] else None
            row["agent_id"] = named.get(one) or kept or inherited or guessed.get(one) or row["agent_id"]
            settled.add(one)


def _upwards(key: Key, rows: Mapping[Key, Row], settled: set[Key]) -> list[Key]:
    """The span and what is above it, as far as it is in `rows` and not settled."""
    chain: dict[Key, None] = {}
    while key in rows and key not in settled and key not in chain:
        chain[key] = None
        key = (key[0], rows[key]["parent_span_id"])
    return list(chain)


@dataclass(slots=True)
class Node:
    """A stored span, as narrow as the tree needs it."""

    parent_span_id: str
    kind: str
    root_span_id: str
    agent_id: UUID | None
    names_agent: bool


def moved_below(nodes: dict[Key, Node], moved: Iterable[Key]) -> dict[Key, Node]:
    """The spans below `moved`, which have a new root or agent, whose own changes with it.

    `nodes` are all of the traces, and are changed too.
    """
    children: dict[Key, list[Key]] = defaultdict(list)
    for key, node in nodes.items():
        if node.parent_span_id:
            children[key[0], node.parent_span_id].append(key)
    waiting = list(moved)
    seen = set(waiting)
    changed: dict[Key, Node] = {}
    while waiting:
        key = waiting.pop()
        above = nodes[key]
        for child in children[key]:
            if child in seen:
                continue
            seen.add(child)
            node = nodes[child]
            root = above.root_span_id or (child[1] if node.kind in ROOT_KINDS else "")
            agent = node.agent_id if node.names_agent else above.agent_id or node.agent_id
            if (root, agent) == (node.root_span_id, node.agent_id):
                continue
            node.root_span_id, node.agent_id = root, agent
            changed[child] = node
            waiting.append(child)
    return changed
