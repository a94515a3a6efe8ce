/** Rows with sensible defaults; a test names only what it is about. */
import type { DashboardAgent, DashboardWorkflow, Me, OpenAlert, Run, Snapshot, Stats } from "@/lib/api/types";
import type {
  AgentEvent,
  AlertEvent,
  ApprovalEvent,
  CommandRunEvent,
  PauseEvent,
  StepEvent,
  WorkflowEvent,
} from "@/lib/live";

const at = "2026-11-22T12:00:00.000000Z";
let next = 0;
const id = (): string => `00000000-0000-4000-8000-${String(++next).padStart(12, "0")}`;

export const makeStats = (over: Partial<Stats> = {}): Stats => ({
  total_agents: 0,
  active_agents: 0,
  total_workflows: 0,
  running_workflows: 0,
  total_commands: 38,
  commands_executed_today: 0,
  storage_used_mb: 12.5,
  api_response_time_ms: 2.4,
  timestamp: at,
  ...over,
});
export const makeAgent = (over: Partial<DashboardAgent> = {}): DashboardAgent => ({
  id: id(),
  name: "Code Reviewer",
  type: "reviewer",
  status: "idle",
  current_task: null,
  last_active: at,
  capabilities: ["code.review"],
  connector: "llm",
  status_reason: "",
  last_error: "",
  paused: false,
  ...over,
});
export const makeRun = (over: Partial<DashboardWorkflow> = {}): DashboardWorkflow => ({
  id: id(),
  name: "Bug Lifecycle",
  status: "running",
  progress: 20,
  started_at: at,
  completed_at: null,
  current_step: 2,
  number: 7,
  workflow: "bug-lifecycle",
  total_steps: 6,
  status_reason: "",
  ...over,
});
/** A run as its own page reads it. */
export const makeRunDetail = (over: Partial<Run> = {}): Run => ({
  id: id(),
  number: 9,
  name: "Bug Lifecycle",
  workflow: "bug-lifecycle",
  workflow_name: "Bug Lifecycle",
  status: "running",
  status_reason: "",
  progress: 0,
  current_step: 1,
  total_steps: 0,
  created_at: at,
  started_at: at,
  completed_at: null,
  requested_by: "ada",
  tokens: { input: null, output: null },
  version: 1,
  cancel_requested: false,
  deadline_at: null,
  input: {},
  output: null,
  error: null,
  origin: "user",
  origin_id: null,
  origin_name: "",
  parent_run: null,
  steps: [],
  ...over,
});
export const makeAlert = (over: Partial<OpenAlert> = {}): OpenAlert => ({
  id: id(),
  level: "warning",
  message: "Three runs failed",
  rule: "runs_failing",
  url: "/runs?status=failed",
  state: "open",
  opened_at: at,
  ...over,
});
export const makeSnapshot = (over: Partial<Snapshot> = {}): Snapshot => {
  const { agents = [], workflows = [] } = over;
  return {
    epoch: "e1",
    seq: 10,
    agents,
    workflows,
    alerts: [],
    open_approvals: 0,
    stats: makeStats({
      total_agents: agents.length,
      active_agents: agents.filter(({ status }) => status !== "offline" && status !== "paused").length,
      total_workflows: workflows.length,
      running_workflows: workflows.filter(({ status }) => status === "running").length,
    }),
    ...over,
  };
};
export const makeMe = (over: Partial<Me> = {}): Me => {
  const project = { id: id(), slug: "default", name: "Default", role: "admin" as const };
  return {
    id: 1,
    username: "ada",
    name: "Ada",
    project,
    projects: [project],
    server: { version: "0.1.0", mode: "embedded", time_zone: "UTC", model: { name: "demo", demo: true } },
    ...over,
  };
};

const place = (seq: number, kind: string) => ({ seq, prev: seq - 1, at, kind });
export const agentEvent = (seq: number, over: Partial<AgentEvent> & { agent_id: string }): AgentEvent => ({
  ...place(seq, "agent.changed"),
  type: "agent_status_change",
  status: "busy",
  current_task: null,
  name: "Code Reviewer",
  agent_type: "reviewer",
  capabilities: ["code.review"],
  connector: "llm",
  last_active: at,
  last_error: "",
  status_reason: "",
  paused: false,
  is_new: false,
  ...over,
});
export const workflowEvent = (
  seq: number,
  over: Partial<WorkflowEvent> & { workflow_id: string },
): WorkflowEvent => ({
  ...place(seq, "run.changed"),
  type: "workflow_update",
  status: "running",
  previous_status: "running",
  progress: 0,
  current_step: 1,
  name: "Bug Lifecycle",
  number: 7,
  workflow: "bug-lifecycle",
  total_steps: 6,
  status_reason: "",
  error_code: "",
  cancel_requested: false,
  created_at: at,
  started_at: at,
  completed_at: null,
  ...over,
});
export const alertEvent = (seq: number, over: Partial<AlertEvent> = {}): AlertEvent => ({
  ...place(seq, "alert.opened"),
  type: "system_alert",
  ...body(makeAlert()),
  ...over,
});
const body = ({ id: alert_id, ...rest }: OpenAlert) => ({ ...rest, alert_id });
export const commandRunEvent = (seq: number, over: Partial<CommandRunEvent> = {}): CommandRunEvent => ({
  ...place(seq, "command_run.finished"),
  type: "command_run_update",
  command_run_id: id(),
  agent_id: null,
  agent_name: null,
  command: "code.review",
  work_kind: "command",
  title: "Review a change",
  status: "completed",
  previous_status: "running",
  attempt: 1,
  wait_reason: "",
  error_code: "",
  progress: 100,
  run_id: null,
  step_id: null,
  queued_at: at,
  started_at: at,
  finished_at: at,
  input_tokens: 1,
  output_tokens: 1,
  model: "demo",
  demo: true,
  ...over,
});
export const stepEvent = (
  seq: number,
  over: Partial<StepEvent> & { run_id: string; step_id: string },
): StepEvent => ({
  ...place(seq, "step.changed"),
  type: "step_update",
  key: "triage",
  name: "Triage",
  index: 0,
  status: "running",
  previous_status: "queued",
  wait_reason: "",
  step_kind: "command",
  wakes_at: null,
  attempt: 1,
  agent_id: null,
  agent_name: "",
  command_run_id: null,
  child_run_id: null,
  parent_id: null,
  map_index: null,
  items: null,
  progress: 0,
  error: null,
  started_at: at,
  completed_at: null,
  ...over,
});
export const approvalEvent = (seq: number, over: Partial<ApprovalEvent> = {}): ApprovalEvent => ({
  ...place(seq, "approval.opened"),
  type: "approval_update",
  approval_id: id(),
  state: "open",
  title: "Ship the fix?",
  run_id: id(),
  step_id: id(),
  workflow: "bug-lifecycle",
  approvals: 0,
  min_approvals: 1,
  expires_at: null,
  open_approvals: 1,
  ...over,
});
export const pauseEvent = (seq: number, over: Partial<PauseEvent> = {}): PauseEvent => ({
  ...place(seq, "project.paused"),
  type: "pause_update",
  subject_id: id(),
  workflow: null,
  paused: true,
  by: "grace",
  ...over,
});
