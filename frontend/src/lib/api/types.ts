/** The API's shapes by short names. All come from the generated document; only plain JSON is narrowed here. */
import type { components } from "./schema";

type S = components["schemas"];
/** The document says `string` or nothing about these; the values are known. */
type Narrow<T, Known> = Omit<T, keyof Known> & Known;
/** What has a default in the document may be left out of a request. */
type Given<T, Must extends keyof T> = Pick<T, Must> & Partial<T>;

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
export type StepStatus = S["StepStatusEnum"];
export type StepKind = S["KindEnum"];
export type CommandRunStatus = S["CommandRunStatusEnum"];
export type AlertLevel = S["AlertLevelEnum"];
export type AlertState = S["AlertStateEnum"];

export type Activity = S["Activity"];
export type ActivityDetail = S["ActivityDetail"];
export type SpanRow = S["DeepSpan"];
export type Span = S["Span"];
export type SessionRow = S["SessionRow"];
export type Session = S["Session"];
export type RunSpans = S["RunSpans"];

export type TokenAnswer = S["Token"];
export type Me = S["Me"];
export type ApiKey = S["ApiKey"];
export type ApiKeyDetail = S["ApiKeyDetail"];
/** The key itself is in the answers that make it and nowhere else. */
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
export type AgentWithSecret = S["AgentWithSecret"];
export type NewEndpointAgent = Given<S["EndpointAgentRequest"], "name" | "endpoint">;
export type EndpointTest = S["Tried"];
export type Command = Narrow<S["Command"], { parameters: JsonSchema }>;
export type CommandRunRow = S["CommandRunRow"];
export type CommandRun = Narrow<S["CommandRun"], { input: JsonObject; output: JsonObject | null }>;
export type Attempt = S["Attempt"];
export type LogLine = S["LogLine"];
export type LogLevel = LogLine["level"];
export type Log = { lines: readonly LogLine[] };
export type Workflow = Narrow<S["WorkflowRow"], { input: JsonSchema }> & Partial<S["Workflow"]>;
export type WorkflowStep = S["DefinedStep"];
export type Version = S["VersionRow"];
export type Difference = Pick<S["VersionDiff"], "changes" | "steps" | "text" | "text_only">;
export type FieldChange = S["FieldChange"];
export type DefinitionProblem = S["DefinitionProblem"];
export type Validation = Narrow<S["Validation"], { input_schema: JsonSchema | null }>;
export type RunRow = S["RunRow"];
export type Step = Narrow<S["Step"], { input: JsonObject | null; output: JsonObject | null }>;
export type Run = Narrow<S["Run"], { output: JsonObject | null; steps: Step[] }>;

export type ApprovalState = S["ApprovalStateEnum"];
export type ApprovalDecision = S["ApprovalDecision"];
export type Notice = S["Notice"];
export type Approval = Narrow<S["Approval"], { fields: JsonSchema }>;
export type Pause = S["Pause"];

export type Misfire = S["MisfireEnum"];
export type Overlap = S["OverlapEnum"];
/** One moment of a schedule and what came of it. */
export type Moment = S["Tick"];
export type Schedule = Narrow<S["Schedule"], { input: JsonObject }>;
export type NewSchedule = Given<S["NewScheduleRequest"], "workflow" | "name" | "cron">;
export type Trigger = Narrow<S["Trigger"], { input: JsonObject }>;
export type NewTrigger = Given<S["NewTriggerRequest"], "workflow" | "name">;
/** The secret is in the answers that make it and nowhere else. */
export type TriggerWithSecret = Narrow<S["TriggerWithSecret"], { input: JsonObject }>;

export type Webhook = S["Webhook"];
export type NewWebhook = Given<S["ChangeWebhookRequest"], "name" | "url" | "events">;
export type WebhookWithSecret = S["WebhookWithSecret"];
export type WebhookKind = S["WebhookKind"];
export type WebhookTest = S["WebhookTest"];
export type DeliveryState = S["DeliveryStateEnum"];
export type WebhookDelivery = S["WebhookDelivery"];
export type WebhookDeliveryDetail = Narrow<S["WebhookDeliveryDetail"], { body: JsonObject }>;
