/** What travels on /ws/dashboard/ after `hello`. Events carry a position; ticks do not. */
import type { components } from "../api/schema";
import type { AgentStatus, ApprovalState, CommandRunStatus, RunStatus, StepStatus } from "../api/types";

type S = components["schemas"];
type Place = { seq: number; prev: number; at: string; kind: string };
type Moves<Status> = { status: Status; previous_status: Status | null };
type Event<Body, Known = unknown> = Place & Omit<Body, keyof Known> & Known;

export type AgentEvent = Event<
  S["AgentChanged"],
  { status: AgentStatus; provenance: S["AgentRow"]["provenance"] }
>;
export type AgentRemovedEvent = Event<S["AgentRemoved"]>;
export type CommandRunEvent = Event<S["CommandRunChanged"], Moves<CommandRunStatus>>;
export type KeyEvent = Event<S["KeyChanged"]>;
export type CatalogueEvent = Event<S["CatalogueChanged"]>;
export type WorkflowEvent = Event<S["RunChanged"], Moves<RunStatus>>;
export type StepEvent = Event<S["StepChanged"], Moves<StepStatus>>;
export type AlertEvent = Event<S["AlertRaised"]>;
export type ApprovalEvent = Event<S["ApprovalChanged"], { state: ApprovalState }>;
export type PauseEvent = Event<S["PauseChanged"]>;
export type LimitsEvent = Event<S["LimitsChanged"]>;
export type NoticeSecretEvent = Event<S["NoticeSecretRotated"]>;
export type WorkflowSavedEvent = Event<S["WorkflowSaved"]>;
export type ScheduleEvent = Event<S["ScheduleChanged"]>;
export type TriggerEvent = Event<S["TriggerChanged"]>;
export type WebhookEvent = Event<S["WebhookChanged"]>;
export type LiveEvent =
  | AgentEvent
  | AgentRemovedEvent
  | CommandRunEvent
  | CatalogueEvent
  | KeyEvent
  | WorkflowEvent
  | StepEvent
  | AlertEvent
  | ApprovalEvent
  | PauseEvent
  | LimitsEvent
  | NoticeSecretEvent
  | WorkflowSavedEvent
  | ScheduleEvent
  | TriggerEvent
  | WebhookEvent;

export type CommandRunTick = {
  type: "command_run_progress";
  command_run_id: string;
  run_id: string | null;
  step_id: string | null;
  agent_id: string | null;
  progress: number;
  message?: string;
  text?: string | null;
  heartbeat_at?: string;
};
/** The newest lines of a log; a gap in their numbers is read over REST. */
export type LogTick = S["CommandRunLog"];
export type MetricsTick = { type: "metrics_sample"; at: string | number } & {
  [Name in keyof S["Series"]]?: number | null;
};
/** A heartbeat that changed nothing but the time. */
export type SeenTick = { type: "agent_seen"; agent_id: string; last_active: string };
/** A delivery was tried. */
export type WebhookTick = S["WebhookTried"];
export type Tick = CommandRunTick | LogTick | MetricsTick | SeenTick | WebhookTick;

export type Ready = {
  type: "ready";
  mode: "resumed" | "snapshot_required";
  epoch: string;
  seq: number;
  floor?: number;
  heartbeat_ms?: number;
};
export type Mark = { type: "mark"; seq: number };
export type Reset = { type: "reset"; reason: string };
export type Frame = Ready | Mark | Reset | { type: "pong" } | { type: "connection" } | LiveEvent | Tick;

export type Position = { epoch: string; seq: number };

export function isEvent(frame: Frame): frame is LiveEvent {
  return typeof (frame as LiveEvent).seq === "number" && typeof (frame as LiveEvent).prev === "number";
}
const ticks = new Set([
  "command_run_progress",
  "command_run_log",
  "metrics_sample",
  "agent_seen",
  "webhook_tried",
]);
export function isTick(frame: Frame): frame is Tick {
  return ticks.has(frame.type);
}
