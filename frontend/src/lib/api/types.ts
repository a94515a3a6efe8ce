/** The API as the SPA uses it: entity shapes, and the `paths` map that types the client. */

export type AgentStatus = "idle" | "busy" | "waiting" | "paused" | "error" | "offline";
export type RunStatus = "queued" | "running" | "waiting" | "paused" | "completed" | "failed" | "cancelled";
export type StepStatus =
  | "pending"
  | "queued"
  | "running"
  | "completed"
  | "failed"
  | "cancelled"
  | "skipped"
  | "timed_out";
export type CommandRunStatus =
  | "queued"
  | "dispatched"
  | "running"
  | "completed"
  | "failed"
  | "cancelled"
  | "timed_out";
export type AlertLevel = "info" | "warning" | "error" | "critical";
export type AlertState = "open" | "acknowledged" | "resolved";
export type JsonSchema = {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  [key: string]: unknown;
};
export type JsonObject = Record<string, unknown>;
export type ErrorInfo = { code: string; message: string };
export type Tokens = { input: number; output: number };
export type Ref = { id: string; name: string };
export type Page<T> = { next: string | null; previous: string | null; results: T[] };

export type Stats = {
  total_agents: number;
  active_agents: number;
  total_workflows: number;
  running_workflows: number;
  total_commands: number;
  commands_executed_today: number;
  storage_used_mb: number;
  api_response_time_ms: number;
  timestamp: string;
};
export type DashboardAgent = {
  id: string;
  name: string;
  type: string;
  status: AgentStatus;
  current_task: string | null;
  last_active: string | null;
  capabilities: string[];
  connector?: string;
  status_reason?: string;
  last_error?: string | null;
  paused?: boolean;
};
export type DashboardWorkflow = {
  id: string;
  name: string;
  status: RunStatus;
  progress: number;
  started_at: string | null;
  completed_at: string | null;
  current_step: number;
  number?: number;
  workflow?: string;
  total_steps?: number;
  status_reason?: string;
};
export type Alert = {
  id: string;
  level: AlertLevel;
  message: string;
  rule: string;
  url: string;
  state: AlertState;
  opened_at: string;
  acknowledged_at?: string | null;
  resolved_at?: string | null;
};
export type Snapshot = {
  epoch: string;
  seq: number;
  stats: Stats;
  agents: DashboardAgent[];
  workflows: DashboardWorkflow[];
  alerts: Alert[];
};
export type Health = {
  status: "healthy" | "degraded" | "unhealthy";
  timestamp: string;
  database: "connected" | "disconnected";
  cache: "connected" | "disconnected";
  celery: "running" | "stopped";
  websocket: "available" | "unavailable";
};
export type Membership = { id: string; slug: string; name: string; role: "viewer" | "operator" | "admin" };
export type Me = {
  id: string | number;
  username: string;
  name: string;
  project: Membership;
  projects: Membership[];
  server: {
    version: string;
    mode: "embedded" | "server";
    time_zone: string;
    model: { name: string; demo: boolean };
  };
};
export type TokenAnswer = { access: string; expires_in: number };
export type Ticket = { ticket: string; expires_in: number };

export type AgentDetail = DashboardAgent & {
  slug: string;
  description: string;
  status_reason: string;
  model: string | null;
  demo: boolean;
  instructions: string;
  counts: { completed_24h: number; failed_24h: number };
  tokens_24h: Tokens;
  current_command_run: CommandRun | null;
};
export type Command = {
  name: string;
  title: string;
  description: string;
  capability: string;
  parameters: JsonSchema;
  prompt: string;
  timeout_seconds: number;
  max_attempts: number;
  agents: Ref[];
};
export type Attempt = {
  number: number;
  started_at: string;
  ended_at: string | null;
  outcome: string;
  error: ErrorInfo | null;
  worker: string | null;
};
export type CommandRun = {
  id: string;
  command: string;
  title: string;
  agent: (Ref & { type: string }) | null;
  status: CommandRunStatus;
  wait_reason: string;
  attempt: number;
  max_attempts: number;
  progress: number;
  message: string;
  input: JsonObject;
  output: JsonObject | null;
  error: ErrorInfo | null;
  text: string;
  tokens: { input: number | null; output: number | null };
  cost_usd: string | null;
  model: string;
  demo: boolean;
  run_id: string | null;
  step_id: string | null;
  fence: number;
  queued_at: string;
  started_at: string | null;
  finished_at: string | null;
  lease_expires_at: string | null;
  attempts: Attempt[];
};
export type WorkflowStep = {
  key: string;
  name: string;
  command: string;
  agent: string | null;
  needs: string[];
};
export type Workflow = {
  slug: string;
  name: string;
  description: string;
  version: number;
  input: JsonSchema;
  steps: WorkflowStep[];
  last_run: { id: string; status: RunStatus; started_at: string | null } | null;
  counts: { running: number; completed: number; failed: number };
  source?: string;
};
export type RunRow = {
  id: string;
  number: number;
  name: string;
  workflow: string;
  workflow_name: string;
  status: RunStatus;
  status_reason: string;
  progress: number;
  current_step: number;
  total_steps: number;
  started_at: string | null;
  completed_at: string | null;
  created_at: string;
  requested_by: string | null;
  tokens: Tokens;
};
export type Step = {
  id: string;
  key: string;
  name: string;
  index: number;
  status: StepStatus;
  wait_reason: string;
  needs: string[];
  agent: Ref | null;
  command: string;
  command_run_id: string | null;
  attempt: number;
  max_attempts: number;
  progress: number;
  message: string;
  input: JsonObject | null;
  output: JsonObject | null;
  error: ErrorInfo | null;
  tokens: { input: number | null; output: number | null };
  model: string;
  demo: boolean;
  started_at: string | null;
  completed_at: string | null;
};
export type Run = RunRow & {
  version: number;
  input: JsonObject;
  output: JsonObject | null;
  error: ErrorInfo | null;
  steps: Step[];
};
export type JournalEvent = {
  seq: number;
  kind: string;
  type: string;
  entity: string;
  entity_id: string;
  at: string;
  payload: JsonObject;
};
export type EventPage = { results: JournalEvent[]; next: string | null };
export type MetricsRange = "15m" | "1h" | "6h" | "24h" | "7d";
export type MetricName =
  | "throughput"
  | "api_ms"
  | "cpu"
  | "memory"
  | "queue_depth"
  | "active_agents"
  | "running_workflows";
export type Metrics = {
  step_seconds: number;
  at: number[];
  series: Record<MetricName, (number | null)[]>;
};
export type Attention = {
  kind: string;
  level: AlertLevel;
  count: number;
  title: string;
  url: string;
};

type Ok<R> = { content: { "application/json": R } };
type None = undefined;
type Params<P, Q, H = None> = (P extends undefined ? { path?: never } : { path: P }) & {
  query?: Q extends undefined ? never : Q;
  header?: H extends undefined ? never : H;
  cookie?: never;
};
type Get<R, Q = None, P = None> = {
  get: { parameters: Params<P, Q>; responses: { 200: Ok<R> } };
};
type Post<R, B = None, P = None> = {
  post: {
    parameters: Params<P, None, { "Idempotency-Key"?: string }>;
    requestBody: { content: { "application/json": B } };
    responses: { 200: Ok<R> };
  };
};
type PostEmpty<R, P = None> = {
  post: { parameters: Params<P, None>; requestBody?: never; responses: { 200: Ok<R> } };
};
type Delete<R, P = None> = { delete: { parameters: Params<P, None>; responses: { 200: Ok<R> } } };
type Id = { id: string };
type Slug = { slug: string };
type Cursor = { cursor?: string; limit?: number };

type Paths = {
  "/api/v1/me/": Get<Me>;
  "/api/v1/auth/logout/": PostEmpty<undefined>;
  "/api/v1/auth/socket-ticket/": PostEmpty<Ticket>;
  "/api/v1/monitoring/dashboard/stats/": Get<Stats>;
  "/api/v1/monitoring/dashboard/agents/": Get<DashboardAgent[]>;
  "/api/v1/monitoring/dashboard/workflows/": Get<DashboardWorkflow[], { limit?: number }>;
  "/api/v1/monitoring/dashboard/health/": Get<Health>;
  "/api/v1/monitoring/dashboard/snapshot/": Get<Snapshot>;
  "/api/v1/monitoring/metrics/": Get<Metrics, { range?: MetricsRange }>;
  "/api/v1/monitoring/alerts/": Get<Page<Alert>, { state?: AlertState } & Cursor>;
  "/api/v1/monitoring/alerts/{id}/acknowledgement/": PostEmpty<Alert, Id>;
  "/api/v1/monitoring/attention/": Get<Attention[]>;
  "/api/v1/events/": Get<EventPage, { limit?: number; before?: number }>;
  "/api/v1/agents/": Get<
    Page<DashboardAgent>,
    { status?: string; type?: string; q?: string; connector?: string } & Cursor
  >;
  "/api/v1/agents/{id}/": Get<AgentDetail, None, Id>;
  "/api/v1/agents/{id}/pause/": PostEmpty<AgentDetail, Id> & Delete<AgentDetail, Id>;
  "/api/v1/agents/{id}/command-runs/": Get<Page<CommandRun>, Cursor, Id> &
    Post<CommandRun, { command: string; input: JsonObject }, Id>;
  "/api/v1/commands/": Get<Page<Command>, { capability?: string; q?: string } & Cursor>;
  "/api/v1/commands/{name}/": Get<Command, None, { name: string }>;
  "/api/v1/command-runs/": Get<
    Page<CommandRun>,
    { status?: string; agent?: string; command?: string } & Cursor
  >;
  "/api/v1/command-runs/{id}/": Get<CommandRun, None, Id>;
  "/api/v1/command-runs/{id}/cancellation/": PostEmpty<CommandRun, Id>;
  "/api/v1/workflows/": Get<Page<Workflow>, Cursor>;
  "/api/v1/workflows/{slug}/": Get<Workflow, None, Slug>;
  "/api/v1/workflows/{slug}/runs/": Get<Page<RunRow>, Cursor, Slug> & Post<Run, { input: JsonObject }, Slug>;
  "/api/v1/runs/": Get<Page<RunRow>, { status?: string; workflow?: string } & Cursor>;
  "/api/v1/runs/{id}/": Get<Run, None, Id>;
  "/api/v1/runs/{id}/cancellation/": PostEmpty<Run, Id>;
};
export type paths = Paths;
