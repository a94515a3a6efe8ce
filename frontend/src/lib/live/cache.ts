/**
 * Applies a batch of events to a query cache: patches what the event holds whole, and names what only
 * the server can recompute (filtered and sorted lists), to be invalidated at most once a second.
 */
import { keys } from "../api/keys";
import { joined } from "../api/lines";
import type {
  AgentDetail,
  CommandRun,
  DashboardAgent,
  EventPage,
  JournalEvent,
  Log,
  MetricName,
  Metrics,
  Run,
  Snapshot,
  Step,
  StepStatus,
} from "../api/types";
import type {
  ApprovalEvent,
  CommandRunEvent,
  CommandRunTick,
  LiveEvent,
  LogTick,
  MetricsTick,
  PauseEvent,
  StepEvent,
  Tick,
  WorkflowEvent,
} from "./protocol";
import { type LiveState, reduce } from "./reducer";

type Key = readonly unknown[];
/** The four methods of a TanStack QueryClient this needs. */
export type Cache = {
  getQueryData: <T>(key: Key) => T | undefined;
  setQueryData: <T>(key: Key, value: T) => unknown;
  getQueriesData: <T>(filter: { queryKey: Key }) => [Key, T | undefined][];
  invalidateQueries: (filter: { queryKey: Key }) => unknown;
};

const dashboard = keys.dashboard;
/** Raw facts; what a feed shows of them is fewer. */
const feedLength = 100;

export function writeSnapshot(cache: Cache, snapshot: Snapshot): void {
  cache.setQueryData(dashboard.stats, snapshot.stats);
  cache.setQueryData(dashboard.agents, snapshot.agents);
  cache.setQueryData(dashboard.workflows, snapshot.workflows);
  cache.setQueryData(dashboard.alerts, snapshot.alerts);
  cache.setQueryData(keys.approvals.openCount, snapshot.open_approvals);
}

function readState(cache: Cache): LiveState | null {
  const stats = cache.getQueryData<LiveState["stats"]>(dashboard.stats);
  const agents = cache.getQueryData<LiveState["agents"]>(dashboard.agents);
  const workflows = cache.getQueryData<LiveState["workflows"]>(dashboard.workflows);
  const alerts = cache.getQueryData<LiveState["alerts"]>(dashboard.alerts);
  return stats && agents && workflows && alerts ? { stats, agents, workflows, alerts } : null;
}

/** Patches the cache and returns the keys that must be fetched again. */
export function applyEvents(cache: Cache, events: readonly LiveEvent[]): Key[] {
  const before = readState(cache);
  if (before) {
    const after = reduce(before, events);
    for (const part of ["stats", "agents", "workflows", "alerts"] as const) {
      if (after[part] !== before[part]) cache.setQueryData(dashboard[part], after[part]);
    }
  }
  const stale = new Map<string, Key>();
  const invalidate = (...list: Key[]) => {
    for (const key of list) stale.set(JSON.stringify(key), key);
  };
  for (const event of events) applyOne(cache, event, invalidate);
  appendFeed(cache, events);
  return [...stale.values()];
}

type Invalidate = (...keys: Key[]) => void;

function applyOne(cache: Cache, event: LiveEvent, invalidate: Invalidate): void {
  if (event.type === "agent_status_change") {
    patch<AgentDetail>(cache, keys.agents.detail(event.agent_id), (agent) => ({
      ...agent,
      status: event.status,
      current_task: event.current_task,
      status_reason: event.status_reason,
      last_active: event.last_active,
      last_error: event.last_error,
      paused: event.paused,
      provenance: event.provenance,
      signal_at: event.signal_at,
    }));
    // With which key it came is not in the event.
    invalidate(keys.agents.lists, keys.apiKeys.details, dashboard.attention);
  } else if (event.type === "agent_removed") invalidate(keys.agents.all, dashboard.attention);
  else if (event.type === "workflow_update") runChanged(cache, event, invalidate);
  else if (event.type === "step_update") stepChanged(cache, event, invalidate);
  else if (event.type === "command_run_update") commandRunChanged(cache, event, invalidate);
  else if (event.type === "catalogue_change") invalidate(keys.commands.all);
  else if (event.type === "key_update") invalidate(keys.apiKeys.all);
  else if (event.type === "approval_update") approvalChanged(cache, event, invalidate);
  else if (event.type === "pause_update") pauseChanged(cache, event, invalidate);
  else if (event.type === "limits_update") invalidate(keys.project);
  else if (event.type === "notice_secret_update") invalidate(keys.noticeSecret);
  else if (event.type === "workflow_saved") invalidate(keys.workflows.all);
  else if (event.type === "schedule_update") invalidate(keys.schedules.all);
  else if (event.type === "trigger_update") invalidate(keys.triggers.all);
  else if (event.type === "webhook_update") invalidate(keys.webhooks.all);
  else if (event.type === "system_alert") invalidate(keys.alerts.all, dashboard.attention);
  else invalidate(dashboard.all);
}

function runChanged(cache: Cache, event: WorkflowEvent, invalidate: Invalidate): void {
  const key = keys.runs.detail(event.workflow_id);
  patch<Run>(cache, key, (run) => ({
    ...run,
    status: event.status,
    status_reason: event.status_reason,
    priority: event.priority ?? run.priority,
    progress: event.progress,
    current_step: event.current_step,
    started_at: event.started_at,
    completed_at: event.completed_at,
  }));
  const moved = event.previous_status !== event.status;
  if (moved) invalidate(keys.runs.lists, keys.workflows.all, keys.schedules.all, dashboard.attention);
  // The output and the error of a run are not in the event.
  if (event.completed_at) invalidate(key);
}

function approvalChanged(cache: Cache, event: ApprovalEvent, invalidate: Invalidate): void {
  cache.setQueryData(keys.approvals.openCount, event.open_approvals);
  invalidate(keys.approvals.lists, keys.approvals.detail(event.approval_id), dashboard.attention);
  // A step at work does not change when its agent asks something, but its panel shows the question.
  if (event.agent_id && event.run_id) invalidate(keys.runs.detail(event.run_id));
}

function pauseChanged(cache: Cache, event: PauseEvent, invalidate: Invalidate): void {
  const { paused, by, at } = event;
  if (event.workflow === null)
    cache.setQueryData(keys.pause, { paused, by: by || null, at: paused ? at : null });
  // Everything it covers now says another reason to wait.
  invalidate(keys.workflows.all, keys.runs.all);
}

/** Above so many steps a run is not read again for one of them: the event and the step's own page do. */
const LARGE_RUN = 100;

function stepChanged(cache: Cache, event: StepEvent, invalidate: Invalidate): void {
  const { run_id, step_id, key, parent_id, map_index } = event;
  const isMoved = event.previous_status !== event.status;
  const change = (step: Step): Step => ({
    ...step,
    status: event.status,
    wait_reason: event.wait_reason,
    wakes_at: event.wakes_at,
    attempt: event.attempt,
    agent: event.agent_id ? { id: event.agent_id, name: event.agent_name } : null,
    command_run_id: event.command_run_id,
    child_run_id: event.child_run_id,
    items: event.items === null ? step.items : begun(event.items),
    progress: event.progress,
    error: event.error,
    started_at: event.started_at,
    completed_at: event.completed_at,
  });
  const one = keys.runs.step(run_id, key, map_index ?? undefined);
  patch<Step>(cache, one, change);
  if (isMoved) invalidate(one);
  if (parent_id) {
    itemChanged(cache, event, change, invalidate);
    return;
  }
  patchStep(cache, run_id, step_id, change);
  if (!isMoved) return;
  const run = cache.getQueryData<Run>(keys.runs.detail(run_id));
  if (run === undefined || run.steps.length <= LARGE_RUN) invalidate(keys.runs.detail(run_id));
  if (event.step_kind === "map") invalidate(keys.runs.itemsOf(run_id, step_id));
}

type ItemPages = { pages: { results: Step[] }[] };

function itemChanged(
  cache: Cache,
  event: StepEvent,
  change: (step: Step) => Step,
  invalidate: Invalidate,
): void {
  const { run_id, step_id, parent_id } = event;
  const parent = parent_id as string;
  for (const [key, items] of cache.getQueriesData<ItemPages>({
    queryKey: keys.runs.itemsOf(run_id, parent),
  })) {
    // What a filter shows only the server can say.
    if (key.at(-1) !== null) invalidate(key);
    const at = items?.pages.findIndex(({ results }) => results.some(({ id }) => id === step_id)) ?? -1;
    if (!items || at < 0) continue;
    const pages = items.pages.map((page, index) =>
      index === at
        ? { ...page, results: page.results.map((step) => (step.id === step_id ? change(step) : step)) }
        : page,
    );
    cache.setQueryData<ItemPages>(key, { ...items, pages });
  }
  if (event.previous_status === event.status) return;
  patchStep(cache, run_id, parent, (step) => ({
    ...step,
    items: recounted(step.items, event.previous_status, event.status),
  }));
}

type Counts = NonNullable<Step["items"]>;
const countedAs: Record<StepStatus, Exclude<keyof Counts, "total">> = {
  pending: "waiting",
  queued: "waiting",
  waiting: "waiting",
  running: "running",
  completed: "completed",
  failed: "failed",
  timed_out: "failed",
  cancelled: "cancelled",
  skipped: "cancelled",
};

/** Of a map that has just begun. */
const begun = (total: number): Counts => ({
  total,
  waiting: total,
  running: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
});

/** The counts of a map after one of its items moved. */
export function recounted(counts: Step["items"], from: StepStatus | null, to: StepStatus): Step["items"] {
  if (!counts || from === null) return counts;
  const next = { ...counts };
  next[countedAs[from]] = Math.max(0, next[countedAs[from]] - 1);
  next[countedAs[to]] += 1;
  return next;
}

function commandRunChanged(cache: Cache, event: CommandRunEvent, invalidate: Invalidate): void {
  const key = keys.commandRuns.detail(event.command_run_id);
  patch<CommandRun>(cache, key, (run) => ({
    ...run,
    status: event.status,
    attempt: event.attempt,
    wait_reason: event.wait_reason,
    progress: event.progress,
    started_at: event.started_at,
    finished_at: event.finished_at,
    tokens: { input: event.input_tokens, output: event.output_tokens },
    model: event.model,
    demo: event.demo,
  }));
  if (event.previous_status !== event.status) {
    invalidate(key, keys.commandRuns.lists, keys.commandRuns.log(event.command_run_id));
    if (event.agent_id)
      invalidate(keys.agents.commandRuns(event.agent_id), keys.agents.detail(event.agent_id));
  }
}

/** Patches the cache and returns the keys of what has to be read again: logs that lack lines, webhooks. */
export function applyTicks(cache: Cache, ticks: readonly Tick[]): Key[] {
  const lacking: Key[] = [];
  // Only the newest tick of an entity counts.
  const newest = new Map<string, CommandRunTick>();
  const seen = new Map<string, string>();
  for (const tick of ticks) {
    if (tick.type === "metrics_sample") appendSample(cache, tick);
    else if (tick.type === "agent_seen") seen.set(tick.agent_id, tick.last_active);
    else if (tick.type === "command_run_log") {
      if (!logged(cache, tick)) lacking.push(keys.commandRuns.log(tick.command_run_id));
    } else if (tick.type === "webhook_tried") {
      lacking.push(keys.webhooks.all);
    } else newest.set(tick.command_run_id, tick);
  }
  if (seen.size > 0) agentsSeen(cache, seen);
  for (const tick of newest.values()) {
    patch<CommandRun>(cache, keys.commandRuns.detail(tick.command_run_id), (run) =>
      run.finished_at
        ? run
        : {
            ...run,
            progress: tick.progress,
            message: tick.message ?? run.message,
            text: tick.text ?? run.text,
            heartbeat_at: tick.heartbeat_at ?? run.heartbeat_at,
          },
    );
    if (tick.agent_id) {
      patch<AgentDetail>(cache, keys.agents.detail(tick.agent_id), (agent) =>
        agent.current_command_run?.id === tick.command_run_id
          ? {
              ...agent,
              current_command_run: {
                ...agent.current_command_run,
                progress: tick.progress,
                message: tick.message ?? agent.current_command_run.message,
                text: tick.text ?? agent.current_command_run.text,
              },
            }
          : agent,
      );
    }
    if (tick.run_id && tick.step_id) {
      patchStep(cache, tick.run_id, tick.step_id, (step) =>
        step.completed_at
          ? step
          : { ...step, progress: tick.progress, message: tick.message ?? step.message },
      );
    }
  }
  return lacking;
}

/** Whether the log is complete with these lines. */
function logged(cache: Cache, tick: LogTick): boolean {
  const key = keys.commandRuns.log(tick.command_run_id);
  const log = cache.getQueryData<Log>(key);
  if (!log) return false;
  const lines = joined(log.lines, tick.lines);
  if (lines !== null && lines !== log.lines) cache.setQueryData<Log>(key, { lines });
  return lines !== null;
}

function agentsSeen(cache: Cache, seen: Map<string, string>): void {
  patch<DashboardAgent[]>(cache, dashboard.agents, (agents) =>
    agents.map((agent) => {
      const at = seen.get(agent.id);
      return at && at > agent.last_active ? { ...agent, last_active: at } : agent;
    }),
  );
  for (const [id, at] of seen) {
    patch<AgentDetail>(cache, keys.agents.detail(id), (agent) =>
      at > agent.last_active ? { ...agent, last_active: at } : agent,
    );
  }
}

function patch<T>(cache: Cache, key: Key, change: (value: T) => T): void {
  const value = cache.getQueryData<T>(key);
  if (!value) return;
  const next = change(value);
  if (next !== value) cache.setQueryData(key, next);
}

function patchStep(cache: Cache, runId: string, stepId: string, change: (step: Step) => Step): void {
  patch<Run>(cache, keys.runs.detail(runId), (run) => {
    const at = run.steps.findIndex(({ id }) => id === stepId);
    const step = run.steps[at];
    return step ? { ...run, steps: run.steps.with(at, change(step)) } : run;
  });
}

const entityOf: Record<LiveEvent["type"], (event: never) => [string, string]> = {
  agent_status_change: (e: { agent_id: string }) => ["agent", e.agent_id],
  agent_removed: (e: { agent_id: string }) => ["agent", e.agent_id],
  command_run_update: (e: { command_run_id: string }) => ["command_run", e.command_run_id],
  key_update: (e: { key_id: string }) => ["key", e.key_id],
  catalogue_change: () => ["catalogue", ""],
  workflow_update: (e: { workflow_id: string }) => ["run", e.workflow_id],
  step_update: (e: { step_id: string }) => ["step", e.step_id],
  approval_update: (e: { approval_id: string }) => ["approval", e.approval_id],
  pause_update: (e: { subject_id: string }) => ["pause", e.subject_id],
  limits_update: (e: { project_id: string }) => ["project", e.project_id],
  notice_secret_update: (e: { project_id: string }) => ["project", e.project_id],
  workflow_saved: (e: { definition_id: string }) => ["workflow", e.definition_id],
  schedule_update: (e: { schedule_id: string }) => ["schedule", e.schedule_id],
  trigger_update: (e: { trigger_id: string }) => ["trigger", e.trigger_id],
  webhook_update: (e: { webhook_id: string }) => ["webhook", e.webhook_id],
  system_alert: (e: { alert_id?: string }) => ["alert", e.alert_id ?? ""],
};

/** The same shape the events endpoint answers with. */
export function asJournalEvent(event: LiveEvent): JournalEvent {
  const { prev: _prev, ...fact } = event;
  const [entity, entityId] = entityOf[event.type]?.(event as never) ?? ["", ""];
  return { ...fact, entity, entity_id: entityId || null };
}

function appendFeed(cache: Cache, events: readonly LiveEvent[]): void {
  patch<EventPage>(cache, keys.events.recent, (page) => {
    const newest = page.results[0]?.seq ?? 0;
    const added = events.filter((event) => event.seq > newest).map(asJournalEvent);
    if (added.length === 0) return page;
    return { ...page, results: [...added.reverse(), ...page.results].slice(0, feedLength) };
  });
}

/** Live points go to the finest range only; the coarser ones are aggregated by the server. */
function appendSample(cache: Cache, sample: MetricsTick): void {
  const at = typeof sample.at === "number" ? sample.at : Date.parse(sample.at) / 1000;
  if (!Number.isFinite(at)) return;
  patch<Metrics>(cache, keys.metrics("15m"), (metrics) => {
    const last = metrics.at.at(-1) ?? 0;
    if (at <= last) return metrics;
    const from = metrics.at.findIndex((each) => each >= at - 15 * 60);
    const start = from < 0 ? metrics.at.length : from;
    const series = { ...metrics.series };
    for (const name of Object.keys(series) as MetricName[]) {
      series[name] = [...series[name].slice(start), sample[name] ?? null];
    }
    return { ...metrics, at: [...metrics.at.slice(start), at], series };
  });
}
