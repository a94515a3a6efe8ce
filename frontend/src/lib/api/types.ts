/** The API's shapes by short names. All come from the generated document; only plain JSON is narrowed here. */
import type { components } from "./schema";

type S = components["schemas"];
/** The document says `string` or nothing about these; the values are known. */
type Narrow<T, Known> = Omit<T, keyof Known> & Known;

export type JsonObject = Record<string, unknown>;
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
export type Page<T> = { next: string | null; previous: string | null; results: T[] };
export type Ref = S["StepAgent"];

export type AgentStatus = S["AgentStatusEnum"];
export type RunStatus = S["RunStatusEnum"];
export type StepStatus = S["StepStatusEnum"] | "waiting";
export type CommandRunStatus = S["CommandRunStatusEnum"];
export type AlertLevel = S["AlertLevelEnum"];
export type AlertState = S["StateEnum"];

export type TokenAnswer = S["Token"];
export type Me = S["Me"];
export type ApiKey = S["ApiKey"];
export type NewApiKey = S["NewApiKey"];
export type Health = S["Health"];

export type Stats = S["Stats"];
export type DashboardAgent = Narrow<S["DashboardAgent"], { status: AgentStatus }>;
export type DashboardWorkflow = Narrow<S["DashboardRun"], { status: RunStatus }>;
export type OpenAlert = Narrow<S["OpenAlert"], { state: AlertState }>;
export type Snapshot = Narrow<
  S["Snapshot"],
  { agents: DashboardAgent[]; workflows: DashboardWorkflow[]; alerts: OpenAlert[] }
>;
export type Attention = S["Attention"];
export type Alert = S["Alert"];
export type JournalEvent = S["JournalEvent"] & JsonObject;
export type EventPage = { results: JournalEvent[]; next: string | null };
export type Metrics = S["Metrics"];
export type MetricName = keyof S["Series"];
export type MetricsRange = "15m" | "1h" | "6h" | "24h" | "7d";

export type AgentRow = S["AgentRow"];
/** `text` is what the run has written so far; it comes with the socket's ticks. */
export type AgentDetail = Narrow<
  S["Agent"],
  { current_command_run: (CommandRunRow & { text?: string }) | null }
>;
export type Command = Narrow<S["Command"], { parameters: JsonSchema }>;
export type CommandRunRow = S["CommandRunRow"];
export type CommandRun = Narrow<S["CommandRun"], { input: JsonObject; output: JsonObject | null }>;
export type Attempt = S["Attempt"];
export type Workflow = Narrow<S["WorkflowRow"], { input: JsonSchema; steps: WorkflowStep[] }> &
  Partial<Omit<S["Workflow"], "steps" | "input">> & { pause?: Pause | null };
export type WorkflowStep = S["DefinedStep"] & { kind?: StepKind };
export type RunRow = S["RunRow"];
export type StepKind = "command" | "approval" | "wait";
export type Step = Narrow<
  S["Step"],
  {
    input: JsonObject | null;
    output: JsonObject | null;
    status: StepStatus;
    kind?: StepKind;
    /** When a wait is over. */
    wakes_at?: string | null;
  }
>;
export type Run = Narrow<S["Run"], { output: JsonObject | null; steps: Step[] }>;

/** Who held the project back, and since when. */
export type Pause = { paused: boolean; by: string | null; at: string | null };
export type ApprovalState = "open" | "approved" | "rejected" | "expired" | "cancelled";
export type ApprovalDecision = { by: string; approved: boolean; comment: string; at: string };
export type Approval = {
  id: string;
  title: string;
  details: string;
  fields: JsonSchema | null;
  state: ApprovalState;
  min_approvals: number;
  decisions: ApprovalDecision[];
  can_decide: boolean;
  why_not: string;
  run: { id: string; name: string; number: number; workflow: string };
  step: { id: string; key: string; name: string };
  requested_by: string | null;
  created_at: string;
  expires_at: string | null;
  decided_at: string | null;
};
