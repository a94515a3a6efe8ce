/** Runs, workflows and command runs with sensible defaults; a test names only what it is about. */
import type { Approval, CommandRun, Run, Step, Workflow } from "@/lib/api/types";

const at = "2026-11-22T12:00:00.000000Z";
const later = "2026-11-22T12:00:08.000000Z";
let next = 0;
const id = (): string => `00000000-0000-4000-9000-${String(++next).padStart(12, "0")}`;

export const makeStep = (over: Partial<Step> = {}): Step => ({
  id: id(),
  key: "triage",
  name: "Triage the report",
  index: 0,
  status: "completed",
  wait_reason: "",
  needs: [],
  agent: { id: id(), name: "Triager" },
  kind: "command",
  wakes_at: null,
  approval_id: null,
  command: "bug.triage",
  command_run_id: null,
  attempt: 1,
  max_attempts: 3,
  progress: 100,
  message: "",
  input: { report: "It broke" },
  output: { text: "Severity: high" },
  error: null,
  tokens: { input: 120, output: 30 },
  model: "demo",
  demo: true,
  started_at: at,
  completed_at: later,
  ...over,
});

export const makeRunDetail = (over: Partial<Run> = {}): Run => {
  const steps = over.steps ?? [makeStep()];
  return {
    id: id(),
    number: 7,
    name: "Bug Lifecycle",
    workflow: "bug-lifecycle",
    workflow_name: "Bug Lifecycle",
    status: "running",
    status_reason: "",
    error_code: "",
    progress: 50,
    current_step: 1,
    total_steps: steps.length,
    started_at: at,
    completed_at: null,
    created_at: at,
    requested_by: "ada",
    tokens: { input: 120, output: 30 },
    version: 1,
    input: { report: "It broke" },
    output: null,
    error: null,
    ...over,
    steps,
  } as Run;
};

export const makeWorkflow = (over: Partial<Workflow> = {}): Workflow => ({
  slug: "bug-lifecycle",
  name: "Bug Lifecycle",
  description: "From a report to a fix.",
  version: 1,
  input: {
    type: "object",
    required: ["report"],
    properties: { report: { type: "string", title: "Bug report", maxLength: 4000 } },
  },
  steps: [
    {
      key: "triage",
      name: "Triage the report",
      kind: "command",
      command: "bug.triage",
      agent: null,
      needs: [],
    },
  ],
  paused: false,
  last_run: null,
  counts: { running: 0, completed: 0, failed: 0 },
  ...over,
});

export const makeCommandRun = (over: Partial<CommandRun> = {}): CommandRun =>
  ({
    id: id(),
    command: "bug.triage",
    title: "Triage a report",
    agent: { id: id(), name: "Triager", type: "triage" },
    status: "running",
    wait_reason: "",
    attempt: 1,
    max_attempts: 3,
    progress: 40,
    message: "Reading",
    input: { report: "It broke" },
    output: null,
    error: null,
    error_code: "",
    text: "",
    tokens: { input: null, output: null },
    cost_usd: null,
    model: "demo",
    demo: true,
    run_id: null,
    step_id: null,
    fence: 1,
    requested_by: "ada",
    queued_at: at,
    started_at: at,
    finished_at: null,
    lease_expires_at: null,
    attempts: [],
    ...over,
  }) as CommandRun;

export const makeApproval = (over: Partial<Approval> = {}): Approval => ({
  id: id(),
  title: "Ship the fix?",
  details: "Limits the **length** of a name.",
  fields: {},
  state: "open",
  min_approvals: 1,
  decisions: [],
  can_decide: true,
  why_not: "",
  run: { id: id(), name: "Bug Lifecycle", number: 7, workflow: "bug-lifecycle" },
  step: { id: id(), key: "approve", name: "Approve the fix" },
  requested_by: "grace",
  created_at: at,
  expires_at: null,
  decided_at: null,
  ...over,
});

export const page = <Row>(results: Row[]) => ({ next: null, previous: null, results });
