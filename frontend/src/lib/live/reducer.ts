/**
 * Snapshot + events = the next snapshot. Pure; untouched parts keep their identity so that only what
 * changed re-renders. Measurements in `stats` (storage, response time, timestamp) are not derived here.
 */
import type {
  AgentStatus,
  DashboardAgent,
  DashboardWorkflow,
  OpenAlert,
  RunStatus,
  Stats,
} from "../api/types";
import type { AgentEvent, AlertEvent, CommandRunEvent, LiveEvent, WorkflowEvent } from "./protocol";

export type LiveState = {
  stats: Stats;
  agents: DashboardAgent[];
  workflows: DashboardWorkflow[];
  alerts: OpenAlert[];
};

export const maxWorkflows = 100;
const over = new Set(["completed", "failed", "cancelled", "timed_out"]);
const active = (status: AgentStatus): boolean => status !== "offline" && status !== "paused";

/** id → place in the list; carried over from list to list while only values change. */
const places = new WeakMap<readonly { id: string }[], Map<string, number>>();
function placesOf(list: readonly { id: string }[]): Map<string, number> {
  let found = places.get(list);
  if (!found) {
    found = new Map(list.map((item, place) => [item.id, place]));
    places.set(list, found);
  }
  return found;
}

/** A copy made at most once per batch, so that 1,000 events cost one array. */
class Draft {
  private copied = new Set<keyof LiveState>();
  state: LiveState;

  constructor(state: LiveState) {
    this.state = { ...state };
  }

  list<K extends "agents" | "workflows" | "alerts">(key: K): LiveState[K] {
    if (!this.copied.has(key)) {
      const before = this.state[key];
      const copy = [...before] as LiveState[K];
      places.set(copy, placesOf(before));
      places.delete(before);
      this.state[key] = copy;
      this.copied.add(key);
    }
    return this.state[key];
  }

  replace<K extends "agents" | "workflows" | "alerts">(key: K, list: LiveState[K]): void {
    this.state[key] = list;
    this.copied.add(key);
  }

  stats(change: Partial<Stats>): void {
    this.state.stats = { ...this.state.stats, ...change };
  }
}

function agentChanged(draft: Draft, event: AgentEvent): void {
  const list = draft.list("agents");
  const place = placesOf(list).get(event.agent_id);
  const before = place === undefined ? undefined : list[place];
  const after: DashboardAgent = {
    id: event.agent_id,
    name: event.name,
    type: event.agent_type,
    status: event.status,
    current_task: event.current_task,
    last_active: event.last_active,
    capabilities: event.capabilities,
    connector: event.connector,
    status_reason: event.status_reason,
    last_error: event.last_error,
    paused: event.paused,
    provenance: event.provenance,
    signal_at: event.signal_at,
  };
  const { stats } = draft.state;
  if (before && place !== undefined) {
    list[place] = after;
    const delta = Number(active(after.status)) - Number(active(before.status));
    if (delta) draft.stats({ active_agents: stats.active_agents + delta });
    return;
  }
  draft.replace("agents", insertByName(list, after));
  draft.stats({
    total_agents: stats.total_agents + 1,
    active_agents: stats.active_agents + Number(active(after.status)),
  });
}

function insertByName(list: DashboardAgent[], agent: DashboardAgent): DashboardAgent[] {
  const place = list.findIndex((other) => other.name > agent.name);
  return place < 0 ? [...list, agent] : [...list.slice(0, place), agent, ...list.slice(place)];
}

function agentRemoved(draft: Draft, id: string): void {
  const gone = draft.state.agents.find((agent) => agent.id === id);
  if (!gone) return;
  const { stats } = draft.state;
  draft.replace(
    "agents",
    draft.state.agents.filter((agent) => agent !== gone),
  );
  draft.stats({
    total_agents: stats.total_agents - 1,
    active_agents: stats.active_agents - Number(active(gone.status)),
  });
}

function workflowChanged(draft: Draft, event: WorkflowEvent): void {
  const list = draft.list("workflows");
  const place = placesOf(list).get(event.workflow_id);
  const before = place === undefined ? undefined : list[place];
  const after: DashboardWorkflow = {
    id: event.workflow_id,
    name: event.name,
    status: event.status,
    progress: event.progress,
    // A run that has not started yet shows when it was asked for.
    started_at: event.started_at ?? event.created_at,
    completed_at: event.completed_at,
    current_step: event.current_step,
    number: event.number,
    workflow: event.workflow,
    total_steps: event.total_steps,
    status_reason: event.status_reason,
  };
  if (before && place !== undefined) list[place] = after;
  else if (event.previous_status === null) {
    draft.replace("workflows", [after, ...list].slice(0, maxWorkflows));
  }
  countRun(draft, before?.status ?? event.previous_status, event);
}

function countRun(draft: Draft, previous: RunStatus | null, event: WorkflowEvent): void {
  const { stats } = draft.state;
  const isNew = previous === null;
  const delta = Number(event.status === "running") - Number(previous === "running");
  if (!isNew && !delta) return;
  draft.stats({
    total_workflows: stats.total_workflows + Number(isNew),
    running_workflows: stats.running_workflows + delta,
  });
}

function commandRunChanged(draft: Draft, event: CommandRunEvent): void {
  const finishedNow = over.has(event.status) && !(event.previous_status && over.has(event.previous_status));
  if (finishedNow) draft.stats({ commands_executed_today: draft.state.stats.commands_executed_today + 1 });
}

function alertChanged(draft: Draft, event: AlertEvent): void {
  const { alert_id: id, level, message, rule, url, state, opened_at } = event;
  const list = draft.list("alerts");
  const known = list.some((alert) => alert.id === id);
  const after: OpenAlert = { id, level, message, rule, url, state, opened_at };
  if (state !== "open") {
    draft.replace(
      "alerts",
      list.filter((alert) => alert.id !== id),
    );
  } else if (known) {
    draft.replace(
      "alerts",
      list.map((alert) => (alert.id === id ? after : alert)),
    );
  } else draft.replace("alerts", [...list, after]);
}

export function reduce(state: LiveState, events: readonly LiveEvent[]): LiveState {
  const draft = new Draft(state);
  for (const event of events) {
    if (event.type === "agent_status_change") agentChanged(draft, event);
    else if (event.type === "agent_removed") agentRemoved(draft, event.agent_id);
    else if (event.type === "workflow_update") workflowChanged(draft, event);
    else if (event.type === "command_run_update") commandRunChanged(draft, event);
    else if (event.type === "catalogue_change") draft.stats({ total_commands: event.total_commands });
    else if (event.type === "system_alert") alertChanged(draft, event);
  }
  return draft.state;
}
