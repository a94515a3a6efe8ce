/** What travels on /ws/dashboard/ after `hello`. Events carry a position; ticks do not. */
import type { components } from "../api/schema";
import type { AgentStatus, ApprovalState, CommandRunStatus, RunStatus, StepStatus } from "../api/types";

type S = components["schemas"];
type Place = { seq: number; prev: number; at: string; kind: string };
type Moves<Status> = { status: Status; previous_status: Status | null };
type Event<Body, Known = unknown> = Place & Omit<Body, keyof Known> & Known;

export type AgentEvent = Event<S["AgentChanged"], { status: AgentStatus }>;
export type AgentRemovedEvent = Event<S["AgentRemoved"]>;
export type CommandRunEvent = Event<S["CommandRunChanged"], Moves<CommandRunStatus>>;
export type CatalogueEvent = Event<S["CatalogueChanged"]>;
export type WorkflowEvent = Event<S["RunChanged"], Moves<RunStatus>>;
export type StepEvent = Event<S["StepChanged"], Moves<StepStatus>>;
export type AlertEvent = Event<S["AlertRaised"]>;
export type ApprovalEvent = Event<S["ApprovalChanged"], { state: ApprovalState }>;
export type PauseEvent = Event<S["PauseChanged"]>;
export type LiveEvent =
  | AgentEvent
  | AgentRemovedEvent
  | CommandRunEvent
  | CatalogueEvent
  | WorkflowEvent
  | StepEvent
  | AlertEvent
  | ApprovalEvent
  | PauseEvent;

export type CommandRunTick = {
  type: "command_run_progress";
  command_run_id: string;
  run_id: string | null;
  step_id: string | null;
  agent_id: string | null;
  progress: number;
  message?: string;
  text?: string | null;
};
export type MetricsTick = { type: "metrics_sample"; at: string | number } & {
  [Name in keyof S["Series"]]?: number | null;
};
/** A heartbeat that changed nothing but the time. */
export type SeenTick = { type: "agent_seen"; agent_id: string; last_active: string };
export type Tick = CommandRunTick | MetricsTick | SeenTick;

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
export function isTick(frame: Frame): frame is Tick {
  return (
    frame.type === "command_run_progress" || frame.type === "metrics_sample" || frame.type === "agent_seen"
  );
}
