"""Stores what an export says of spans: each is kept once, its activity and agent follow from the tree.

Whatever the order, the cut and the repetition of exports, the rows in the end are the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from apps.agents.keyholders import note_keys
from apps.agents.models import Agent, Span, SpanSource, SpanStatus
from apps.agents.telemetry import facts as f
from apps.agents.telemetry import links, merging, presence, prompts, rows, senders, sessions, tree
from apps.agents.telemetry.facts import AgentFacts, SpanFacts
from apps.agents.telemetry.merging import Key, Row
from apps.events import journal
from apps.events.journal import Change

AT_ONCE = 1000
UPDATED_AT_ONCE = 5000


def take(
    project_id: UUID,
    batch_agent_id: UUID | None,
    facts: Sequence[SpanFacts],
    *,
    key_id: UUID | None = None,
) -> None:
    """Store spans and what follows from them, in the caller's transaction or one of its own.

    `batch_agent_id`: the agent that the sender's key belongs to; all of it is that agent's then, and
    nobody's when that one is no more. `key_id`: the key it came with.
    """
    if not facts or not _is_there(project_id, batch_agent_id):
        return
    with journal.changes(project_id) as change:
        rows.lock(project_id)
        given = iter(facts)
        while some := list(islice(given, AT_ONCE)):
            found = links.linked(project_id, some)
            _Taking(change, batch_agent_id, key_id, found.traces).take(found.facts)


def _is_there(project_id: UUID, agent_id: UUID | None) -> bool:
    """A key that belongs to one agent must not speak for others when that one is gone."""
    return agent_id is None or Agent.objects.filter(project_id=project_id, pk=agent_id).exists()


@dataclass(slots=True)
class _Taking:
    """One lot of facts on its way into the table."""

    change: Change
    bound: UUID | None
    key_id: UUID | None
    of_runs: frozenset[str]  # traces of runs, in which many agents' activities are
    told: dict[Key, SpanFacts] = field(default_factory=dict)  # the newest word that counted
    held: dict[Key, Row] = field(default_factory=dict)
    rows: dict[Key, Row] = field(default_factory=dict)
    agents: dict[UUID, AgentFacts | None] = field(default_factory=dict)  # heard of

    @property
    def project_id(self) -> UUID:
        return self.change.project_id

    def take(self, facts: Sequence[SpanFacts]) -> None:
        keys = dict.fromkeys((fact.trace_id, fact.span_id) for fact in facts)
        above = dict.fromkeys((fact.trace_id, fact.parent_span_id) for fact in facts if fact.parent_span_id)
        self.held = rows.held(self.project_id, keys | above)
        self._merge(facts)
        self._infer_parents(facts)
        self._settle(facts)
        self._write()

    def _merge(self, facts: Sequence[SpanFacts]) -> None:
        said = prompts.said_at(self.project_id, self.held, facts)
        for fact in facts:
            key = (fact.trace_id, fact.span_id)
            row = merging.told(fact)
            before = self.rows.get(key) or self.held.get(key)
            wins = True
            if before is not None:
                row, wins = merging.merged(before, row)
                if wins and prompts.is_prompt(before) and prompts.is_prompt(row):
                    wins = prompts.stamp_of(fact.attributes) >= said.get(key, "")
                    row["title"] = row["title"] if wins else before["title"]
            if wins and prompts.is_prompt(row):
                said[key] = prompts.stamp_of(fact.attributes)
            self.rows[key] = row
            if wins:
                self.told[key] = fact

    def _infer_parents(self, facts: Sequence[SpanFacts]) -> None:
        orphans: dict[Key, list[SpanFacts]] = defaultdict(list)
        for fact in facts:
            above = (fact.trace_id, fact.parent_span_id)
            if not fact.parent_span_id or above in self.rows:
                continue
            held = self.held.get(above)
            if held is None or held["source"] == SpanSource.INFERRED or held["status"] == SpanStatus.UNKNOWN:
                orphans[above].append(fact)
        over = self._traces_that_are_over({trace_id for trace_id, _ in orphans}) if orphans else set()
        for key, children in orphans.items():
            held = self.held.get(key)
            if held is None:
                row = merging.inferred(*key, children, is_over=key[0] in over)
            else:
                is_guess = held["source"] == SpanSource.INFERRED
                row = merging.guessed_again(held, children) if is_guess else dict(held)
                if row["status"] == SpanStatus.UNKNOWN and key[0] not in over:
                    row["status"] = SpanStatus.OPEN  # a new child proves that it is at work
            self.rows[key] = row

    def _traces_that_are_over(self, traces: set[str]) -> set[str]:
        """Traces whose top is an agent or workflow span that ended: nothing below can be open unheard.

        The trace of a run has many tops, and says nothing of what is below another one.
        """
        traces = traces - self.of_runs
        over = {row["trace_id"] for row in self.rows.values() if _is_ended_top(row)}
        unknown = traces - over
        if unknown:
            tops = Span.objects.filter(project_id=self.project_id, trace_id__in=unknown, parent_span_id="")
            # Unordered, here and below: for the order SQLite would go through the whole project by age.
            ended = tops.filter(kind__in=merging.ROOT_KINDS, status__in=merging.OVER).order_by()
            over.update(ended.exclude(source=SpanSource.INFERRED).values_list("trace_id", flat=True))
        return over

    def _settle(self, facts: Sequence[SpanFacts]) -> None:
        """Find the agents, and give every row its root and its agent."""
        named: dict[Key, UUID | None] = {}
        guessed: dict[Key, UUID | None] = {}
        if self.bound is not None:
            named = dict.fromkeys(self.rows, self.bound)
            tree.settle(self.rows, self.held, named, {})
            return
        own = {(fact.trace_id, fact.span_id): fact for fact in facts if fact.agent is not None}
        self._add_inferred(own, facts)
        by_name = {key: fact.agent for key, fact in own.items() if fact.agent and fact.agent.named}
        known = senders.resolve(self.change, by_name.values())
        named = {key: known.get(agent.external_id) for key, agent in by_name.items()}
        tree.settle(self.rows, self.held, named, {})
        guessed = self._guesses(own, named)
        if guessed:
            tree.settle(self.rows, self.held, named, guessed)
        for key, fact in own.items():
            agent_id = self.rows[key]["agent_id"]
            is_named = fact.agent is not None and fact.agent.named
            if agent_id is not None and (is_named or agent_id not in self.agents):
                self.agents[agent_id] = fact.agent

    def _guesses(self, own: Mapping[Key, SpanFacts], named: dict[Key, UUID | None]) -> dict[Key, UUID | None]:
        """Agents of spans of which only the service is known, and that are below no agent's.

        A whole trace that names none is the service's own work: then it is no guess, but in `named`.
        """
        unsure = {
            key: fact.agent
            for key, fact in own.items()
            if fact.agent is not None
            and not fact.agent.named
            and fact.kind != f.OTHER
            and (self.rows[key]["agent_id"] is None or self._is_alone(key))
        }
        if not unsure:
            return {}
        sure = {agent.external_id for key, agent in unsure.items() if self._is_alone(key)}
        found = senders.resolve(self.change, unsure.values(), sure)
        guessed = {key: found.get(agent.external_id) for key, agent in unsure.items()}
        named |= {key: agent_id for key, agent_id in guessed.items() if self._is_alone(key)}
        return guessed

    def _add_inferred(self, own: dict[Key, SpanFacts], facts: Sequence[SpanFacts]) -> None:
        """A parent of which nothing was heard is taken to be its children's agent's."""
        for fact in facts:
            above = (fact.trace_id, fact.parent_span_id)
            row = self.rows.get(above)
            if row is None or row["source"] != SpanSource.INFERRED or fact.kind not in merging.AGENT_WORKS:
                continue
            if fact.agent is not None and (above not in own or _is_truer(fact, own[above])):
                own[above] = fact

    def _is_alone(self, key: Key) -> bool:
        """Whether the span is the top of its trace and over, so that nothing else will ever name it."""
        row = self.rows[key]
        return not row["parent_span_id"] and row["source"] != SpanSource.INFERRED and merging.is_over(row)

    def _write(self) -> None:
        changed = {key: row for key, row in self.rows.items() if _differs(row, self.held.get(key))}
        moment = self.change.moment()
        for row in changed.values():
            row["seen_at"] = moment
        told = {key: fact for key, fact in self.told.items() if key in changed}
        rows.write(self.project_id, list(changed.values()), told)
        sessions.mark(self.project_id, changed.values())
        agents = {row["agent_id"] for row in changed.values()}
        agents |= self._move_what_is_below(changed)
        agents |= self._note_signals(changed)
        agents |= self._close_what_is_over(changed)
        agents |= prompts.end_earlier(self.project_id, changed.values())
        ended = {
            row["agent_id"] for row in changed.values() if merging.is_root_kind(row) and merging.is_over(row)
        }
        heard = {agent_id: self.agents.get(agent_id) for agent_id in agents if agent_id is not None}
        presence.heard(self.change, heard, ended - {None})
        note_keys(heard, self.key_id)

    def _move_what_is_below(self, changed: Mapping[Key, Row]) -> set[UUID | None]:
        """Spans that were stored before their parents' real place was known go where these now are."""
        moved = [key for key, row in changed.items() if _is_elsewhere(row, self.held.get(key))]
        if not moved:
            return set()
        stored = (
            Span.objects.order_by()
            .filter(project_id=self.project_id, trace_id__in={trace_id for trace_id, _ in moved})
            .values_list(
                "trace_id", "span_id", "parent_span_id", "kind", "root_span_id", "agent_id", "names_agent"
            )
        )
        nodes = {(row[0], row[1]): tree.Node(*row[2:]) for row in stored}
        below = tree.moved_below(nodes, moved)
        together: dict[tuple[str, str, UUID | None], list[str]] = defaultdict(list)
        for (trace_id, span_id), node in below.items():
            together[trace_id, node.root_span_id, node.agent_id].append(span_id)
        for (trace_id, root, agent_id), span_ids in together.items():
            for some in (
                span_ids[at : at + UPDATED_AT_ONCE] for at in range(0, len(span_ids), UPDATED_AT_ONCE)
            ):
                Span.objects.filter(project_id=self.project_id, trace_id=trace_id, span_id__in=some).update(
                    root_span_id=root, agent_id=agent_id
                )
        return {self.held[key]["agent_id"] for key in moved} | {node.agent_id for node in below.values()}

    def _note_signals(self, changed: Mapping[Key, Row]) -> set[UUID | None]:
        """What is open in the same activity is at work as long as anything of it is heard."""
        roots = {(row["trace_id"], row["root_span_id"]) for row in changed.values() if row["root_span_id"]}
        traces = {trace_id for trace_id, _ in roots}
        if not traces:
            return set()
        open_spans = (
            Span.objects.order_by()
            .filter(rows.IS_OPEN, project_id=self.project_id, trace_id__in=traces)
            .values_list("pk", "trace_id", "root_span_id", "agent_id")
        )
        found = [(pk, agent_id) for pk, trace_id, root, agent_id in open_spans if (trace_id, root) in roots]
        Span.objects.filter(pk__in=[pk for pk, _ in found]).update(seen_at=self.change.moment())
        return {agent_id for _, agent_id in found}

    def _close_what_is_over(self, changed: Mapping[Key, Row]) -> set[UUID | None]:
        """The top of a trace ended: parents that were only inferred are not open any more."""
        over = {row["trace_id"] for row in changed.values() if _is_ended_top(row)} - self.of_runs
        if not over:
            return set()
        unheard = Span.objects.order_by().filter(
            rows.IS_OPEN,
            project_id=self.project_id,
            trace_id__in=over,
            source=SpanSource.INFERRED,
        )
        agents: set[UUID | None] = set(unheard.values_list("agent_id", flat=True))
        if agents:
            unheard.update(status=SpanStatus.UNKNOWN)
        return agents


def _is_truer(new: SpanFacts, known: SpanFacts) -> bool:
    """Of two children, the one that names an agent tells whose the parent is; else the earlier one."""
    if new.agent is None or known.agent is None or new.agent.named != known.agent.named:
        return bool(new.agent and new.agent.named)
    return (new.started_at, new.span_id) < (known.started_at, known.span_id)


def _is_ended_top(row: Row) -> bool:
    top = not row["parent_span_id"] and row["source"] != SpanSource.INFERRED
    return top and merging.is_root_kind(row) and merging.is_over(row)


def _is_elsewhere(row: Row, held: Row | None) -> bool:
    """Whether it belongs to another activity or agent than when it was stored."""
    return held is not None and any(held[name] != row[name] for name in ("root_span_id", "agent_id"))


def _differs(row: Row, held: Row | None) -> bool:
    if held is None:
        return True
    return any(row[name] != held[name] for name in merging.COLUMNS if name != "seen_at")
