/** What travels on /ws/dashboard/ after `hello`. Events carry a position; ticks do not. */
import type {
  AgentStatus,
  AlertLevel,
  AlertState,
  CommandRunStatus,
  ErrorInfo,
  RunStatus,
  StepStatus,
} from "../api/types";

type Positioned<Type extends string, Body> = {
  type: Type;
  seq: number;
  prev: number;
  at?: string;
  kind?: string;
} & Body;

export type AgentEvent = Positioned<
  "agent_status_change",
  {
    agent_id: string;
    status: AgentStatus;
    current_task: string | null;
    name?: string;
    agent_type?: string;
    capabilities?: string[];
    connector?: string;
    status_reason?: string;
    last_active?: string | null;
    last_error?: string | null;
    paused?: boolean;
    is_new?: boolean;
  }
>;
export type AgentRemovedEvent = Positioned<"agent_removed", { agent_id: string }>;
export type CommandRunEvent = Positioned<
  "command_run_update",
  {
    command_run_id: string;
    agent_id: string | null;
    command: string;
    title: string;
    status: CommandRunStatus;
    previous_status: CommandRunStatus | null;
    attempt: number;
    wait_reason: string;
    progress: number;
    run_id: string | null;
    step_id: string | null;
    queued_at: string;
    started_at: string | null;
    finished_at: string | null;
    input_tokens: number | null;
    output_tokens: number | null;
    model: string;
    demo: boolean;
  }
>;
export type CatalogueEvent = Positioned<"catalogue_change", { total_commands: number }>;
export type WorkflowEvent = Positioned<
  "workflow_update",
  {
    workflow_id: string;
    status: RunStatus;
    progress: number;
    current_step: number;
    name?: string;
    number?: number;
    workflow?: string;
    started_at?: string | null;
    completed_at?: string | null;
    created_at?: string;
    previous_status?: RunStatus | null;
    total_steps?: number;
    status_reason?: string;
  }
>;
export type StepEvent = Positioned<
  "step_update",
  {
    run_id: string;
    step_id: string;
    key: string;
    name: string;
    index: number;
    status: StepStatus;
    previous_status: StepStatus | null;
    wait_reason: string;
    attempt: number;
    agent_id: string | null;
    agent_name: string | null;
    command_run_id: string | null;
    progress: number;
    error: ErrorInfo | null;
    started_at: string | null;
    completed_at: string | null;
  }
>;
export type AlertEvent = Positioned<
  "system_alert",
  {
    level: AlertLevel;
    message: string;
    alert_id?: string;
    rule?: string;
    url?: string;
    state?: AlertState;
    opened_at?: string;
  }
>;
export type LiveEvent =
  | AgentEvent
  | AgentRemovedEvent
  | CommandRunEvent
  | CatalogueEvent
  | WorkflowEvent
  | StepEvent
  | AlertEvent;

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
export type MetricsTick = {
  type: "metrics_sample";
  at: string | number;
  throughput?: number | null;
  api_ms?: number | null;
  cpu?: number | null;
  memory?: number | null;
  queue_depth?: number | null;
  active_agents?: number | null;
  running_workflows?: number | null;
};
export type Tick = CommandRunTick | MetricsTick;

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
  return frame.type === "command_run_progress" || frame.type === "metrics_sample";
}
