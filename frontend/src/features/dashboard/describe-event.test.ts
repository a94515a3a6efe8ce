import { expect, it, describe as suite } from "vitest";
import { asJournalEvent } from "@/lib/live";
import {
  agentEvent,
  alertEvent,
  approvalEvent,
  commandRunEvent,
  makeAgent,
  noticeSecretEvent,
  pauseEvent,
  stepEvent,
  workflowEvent,
} from "@/testing/factories";
import { describe, worthReading } from "./describe-event";
import { byAttention, knownAttention, secondLine } from "./order";
import { breakdown } from "./stat-cards";

const names = new Map([["a1", "Triager"]]);
const say = (event: Parameters<typeof asJournalEvent>[0]) => {
  const { subject, text, to } = describe(asJournalEvent(event), names);
  return `${subject} ${text} -> ${to}`;
};

suite("an event", () => {
  it("is one sentence with its link", () => {
    expect(say(agentEvent(1, { agent_id: "a1", name: "Triager", status: "error", last_error: "boom" }))).toBe(
      "Triager is in error: boom -> /agents/a1",
    );
    expect(say({ ...agentEvent(1, { agent_id: "a1", name: "Far" }), kind: "agent.secret_rotated" })).toBe(
      "Far has another secret -> /agents/a1",
    );
    expect(say(noticeSecretEvent(2, { by: "grace" }))).toBe(
      "Approval notices have another secret, made by grace -> /settings",
    );
    expect(say(approvalEvent(2))).toBe("Ship the fix? waits for a person -> /approvals");
    expect(say(approvalEvent(3, { state: "rejected", run_id: "r1" }))).toBe(
      "Ship the fix? was rejected -> /runs/r1",
    );
    const asked = { run_id: null, step_id: null, agent_id: "a1", agent_name: "Triager" };
    expect(say(approvalEvent(3, asked))).toBe("Ship the fix? is asked by Triager -> /approvals");
    expect(say(approvalEvent(3, { ...asked, state: "approved" }))).toBe(
      "Ship the fix? was approved -> /agents/a1",
    );
    expect(say(pauseEvent(4))).toBe("Everything was paused by grace -> null");
    expect(say(workflowEvent(2, { workflow_id: "r1", previous_status: null }))).toBe(
      "Bug Lifecycle #7 was started -> /runs/r1",
    );
    expect(say(stepEvent(3, { run_id: "r1", step_id: "s1", status: "failed", agent_name: "Triager" }))).toBe(
      "Triage failed with Triager -> /runs/r1",
    );
    expect(say(commandRunEvent(4, { agent_id: "a1", run_id: null }))).toBe(
      "Review a change completed with Triager -> /commands",
    );
    expect(say(alertEvent(5, { message: "Disk", state: "resolved" }))).toBe(
      "Alert Disk (resolved) -> /alerts",
    );
  });

  it("is left out of the feed when another one says the same", () => {
    const kept = [
      stepEvent(1, { run_id: "r1", step_id: "s1", status: "completed", previous_status: "running" }),
      commandRunEvent(2, { run_id: "r1" }),
      workflowEvent(3, { workflow_id: "r1", progress: 40 }),
      agentEvent(4, { agent_id: "a1", status: "busy" }),
      agentEvent(5, { agent_id: "a1", status: "offline" }),
      { ...agentEvent(6, { agent_id: "a1", status: "idle" }), kind: "agent.secret_rotated" },
    ]
      .map(asJournalEvent)
      .filter(worthReading);
    expect(kept.map(({ seq }) => seq)).toEqual([1, 5, 6]);
  });
});

suite("agents", () => {
  const [idle, busy, failed, gone] = (["idle", "busy", "error", "offline"] as const).map((status) =>
    makeAgent({ name: status, status }),
  ) as [
    ReturnType<typeof makeAgent>,
    ReturnType<typeof makeAgent>,
    ReturnType<typeof makeAgent>,
    ReturnType<typeof makeAgent>,
  ];

  it("that need a human come first", () => {
    expect(byAttention([idle, busy, gone, failed]).map(({ name }) => name)).toEqual([
      "error",
      "offline",
      "busy",
      "idle",
    ]);
    expect(breakdown([idle, idle, busy, gone])).toBe("1 offline, 1 busy");
    expect(knownAttention([failed, gone, idle], []).map(({ title }) => title)).toEqual([
      "1 agent in error",
      "1 agent offline",
    ]);
  });

  it("say on their second line what their status means", () => {
    expect(secondLine({ ...failed, last_error: "boom", current_task: "old task" })).toBe("boom");
    expect(secondLine(gone)).toBe("Not heard from");
    expect(secondLine({ ...busy, current_task: "Reading" })).toBe("Reading");
    expect(secondLine(idle)).toBe("Ready for work");
  });
});
