/** One fact of the journal as a short sentence: who, what, and where to look. */
import { lookOf } from "@/components/status";
import type { JournalEvent } from "@/lib/api/types";

export type Described = { status: string; subject: string; text: string; to: string | null };
type Names = ReadonlyMap<string, string>;
type Payload = Record<string, unknown>;

const str = (value: unknown): string => (typeof value === "string" ? value : "");
const lower = (status: string): string => lookOf(status).label.toLowerCase();

/** "is busy", "failed", "timed out": status words are not all adjectives. */
const verbs: Record<string, string> = {
  error: "is in error",
  failed: "failed",
  timed_out: "timed out",
  completed: "completed",
  cancelled: "was cancelled",
  skipped: "was skipped",
};
const now = (status: string): string => verbs[status] ?? `is ${lower(status)}`;

const agentChanges: Record<string, string> = {
  "agent.added": "joined",
  "agent.secret_rotated": "has another secret",
};

function agent(payload: Payload, event: JournalEvent): Described {
  const status = str(payload.status);
  const task = str(payload.current_task);
  const reason = status === "error" ? str(payload.last_error) : "";
  return {
    status,
    subject: str(payload.name) || "An agent",
    text: agentChanges[event.kind] ?? [now(status), reason || task].filter(Boolean).join(": "),
    to: `/agents/${str(payload.agent_id) || str(event.entity_id)}`,
  };
}

function run(payload: Payload, event: JournalEvent): Described {
  const status = str(payload.status);
  const moved = payload.previous_status !== status;
  const step = `step ${Number(payload.current_step)} of ${Number(payload.total_steps)}`;
  return {
    status,
    subject: [str(payload.name), payload.number === undefined ? "" : `#${Number(payload.number)}`]
      .join(" ")
      .trim(),
    text:
      payload.previous_status === null
        ? status === "queued"
          ? "waits for a place"
          : "was started"
        : moved
          ? now(status)
          : `at ${step}`,
    to: `/runs/${str(payload.workflow_id) || str(event.entity_id)}`,
  };
}

function step(payload: Payload): Described {
  const status = str(payload.status);
  const who = str(payload.agent_name);
  return {
    status,
    subject: str(payload.name) || str(payload.key),
    text: now(status) + (who ? ` with ${who}` : ""),
    to: `/runs/${str(payload.run_id)}`,
  };
}

function commandRun(payload: Payload, names: Names): Described {
  const status = str(payload.status);
  const who = names.get(str(payload.agent_id));
  const runId = str(payload.run_id);
  return {
    status,
    subject: str(payload.title) || str(payload.command),
    text: now(status) + (who ? ` with ${who}` : ""),
    to: runId ? `/runs/${runId}` : "/commands",
  };
}

const keyChanges: Record<string, string> = {
  "key.made": "was made",
  "key.rotated": "was rotated",
  "key.revoked": "was revoked",
};

const decided: Record<string, string> = {
  approved: "was approved",
  rejected: "was rejected",
  expired: "expired before anybody decided",
  cancelled: "is no longer asked",
};

const asked: Record<string, string> = {
  "approval.escalated": "was escalated: nobody decided in time",
  "approval.undelivered": "waits, and somebody could not be told of it",
};

function approval(payload: Payload, event: JournalEvent): Described {
  const state = str(payload.state);
  return {
    status: state === "open" ? "approval" : state,
    subject: str(payload.title) || "An approval",
    text: decided[state] ?? asked[event.kind] ?? asks(payload),
    to: state === "open" ? "/approvals" : about(payload),
  };
}

const asks = ({ agent_name: agent }: Payload) =>
  str(agent) ? `is asked by ${str(agent)}` : "waits for a person";

/** The page of what a decided question was about: its run, else the agent that asked. */
function about({ run_id: run, agent_id: agent }: Payload): string {
  if (run) return `/runs/${str(run)}`;
  return agent ? `/agents/${str(agent)}` : "/approvals";
}

const outcomes: Record<string, [string, string]> = {
  started: ["running", "started a run"],
  skipped: ["skipped", "left out a run: the one before is still open"],
  queued: ["queued", "has a run that starts when the one before is over"],
  missed: ["warning", "missed a moment"],
  refused: ["failed", "could not start"],
};

function schedule(payload: Payload, event: JournalEvent): Described {
  const [status, text] = outcomes[str(payload.outcome)] ?? ["info", ""];
  const problem = status === "failed" ? str(payload.last_problem) : "";
  const changed = event.kind === "schedule.deleted" ? "was deleted" : "was changed";
  const runId = str(payload.run_id);
  return {
    status,
    subject: str(payload.name) || "A schedule",
    text: [text || changed, problem].filter(Boolean).join(": "),
    to: runId ? `/runs/${runId}` : "/schedules",
  };
}

function trigger(payload: Payload, event: JournalEvent): Described {
  const isFired = event.kind === "trigger.fired";
  const runId = str(payload.run_id);
  const changed = event.kind === "trigger.deleted" ? "was deleted" : "was changed";
  return {
    status: runId ? "running" : "info",
    subject: str(payload.name) || "A trigger",
    text: isFired ? str(payload.last_result) : changed,
    to: runId ? `/runs/${runId}` : "/schedules?tab=triggers",
  };
}

function webhook(payload: Payload, event: JournalEvent): Described {
  const isFailing = payload.enabled === true && payload.failing_since !== null;
  const off = str(payload.disabled_reason) ? `was given up: ${str(payload.disabled_reason)}` : "is disabled";
  return {
    status: isFailing ? "warning" : str(payload.disabled_reason) ? "error" : "info",
    subject: `Webhook ${str(payload.name)}`,
    text:
      event.kind === "webhook.deleted"
        ? "was deleted"
        : payload.enabled !== true
          ? off
          : isFailing
            ? "is failing"
            : "was changed or works again",
    to: event.kind === "webhook.deleted" ? "/webhooks" : `/webhooks/${str(payload.webhook_id)}`,
  };
}

const routine = new Set(["idle", "busy", "pending", "queued", "dispatched"]);
/**
 * What an operator wants to read. A step says what its command run and its agent would say again; a
 * run's progress and an agent's coming and going from work to work are on the screen already.
 */
export function worthReading(event: JournalEvent): boolean {
  const status = str(event.status);
  if (event.type === "command_run_update") return !event.run_id && !routine.has(status);
  if (event.type === "workflow_update") return event.previous_status !== status && status !== "queued";
  if (event.type === "step_update") return event.previous_status !== status && !routine.has(status);
  if (event.type === "approval_update") return event.kind !== "approval.changed";
  if (event.type === "agent_status_change") return event.kind in agentChanges || !routine.has(status);
  return true;
}

export function describe(event: JournalEvent, names: Names): Described {
  const payload: Payload = event;
  switch (event.type) {
    case "agent_status_change":
      return agent(payload, event);
    case "agent_removed":
      return {
        status: "offline",
        subject: names.get(str(event.entity_id)) ?? "An agent",
        text: "was removed",
        to: null,
      };
    case "workflow_update":
      return run(payload, event);
    case "step_update":
      return step(payload);
    case "command_run_update":
      return commandRun(payload, names);
    case "approval_update":
      return approval(payload, event);
    case "pause_update":
      return {
        status: payload.paused === true ? "paused" : "running",
        subject: str(payload.workflow) || "Everything",
        text: `was ${payload.paused === true ? "paused" : "resumed"}${str(payload.by) ? ` by ${str(payload.by)}` : ""}`,
        to: str(payload.workflow) ? `/workflows/${str(payload.workflow)}` : null,
      };
    case "limits_update":
      return {
        status: "info",
        subject: "The project’s limits",
        text: `were changed${str(payload.by) ? ` by ${str(payload.by)}` : ""}`,
        to: "/settings",
      };
    case "notice_secret_update":
      return {
        status: "info",
        subject: "Approval notices",
        text: `have another secret${str(payload.by) ? `, made by ${str(payload.by)}` : ""}`,
        to: "/settings",
      };
    case "workflow_saved":
      return {
        status: "info",
        subject: str(payload.name) || str(payload.workflow),
        text: `has version ${Number(payload.version)}${str(payload.by) ? `, saved by ${str(payload.by)}` : ""}`,
        to: `/workflows/${str(payload.workflow)}`,
      };
    case "key_update":
      return {
        status: "info",
        subject: "An API key",
        text: keyChanges[event.kind] ?? "was changed",
        to: "/keys",
      };
    case "schedule_update":
      return schedule(payload, event);
    case "trigger_update":
      return trigger(payload, event);
    case "webhook_update":
      return webhook(payload, event);
    case "system_alert": {
      const state = str(payload.state);
      return {
        status: state === "open" || !state ? str(payload.level) : state,
        subject: "Alert",
        text: str(payload.message) + (state && state !== "open" ? ` (${lower(state)})` : ""),
        to: "/alerts",
      };
    }
    case "catalogue_change":
      return {
        status: "info",
        subject: "Catalogue",
        text: `has ${Number(payload.total_commands)} commands`,
        to: "/commands",
      };
    default:
      return { status: "info", subject: event.kind, text: "", to: null };
  }
}
