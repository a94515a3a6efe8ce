import { describe, expect, it } from "vitest";
import {
  agentEvent,
  alertEvent,
  commandRunEvent,
  makeAgent,
  makeAlert,
  makeRun,
  makeSnapshot,
  workflowEvent,
} from "@/testing/factories";
import { maxWorkflows, reduce } from "./reducer";

describe("agents", () => {
  it("change in place and keep everyone else's identity", () => {
    const [a, b] = [makeAgent({ name: "A" }), makeAgent({ name: "B" })];
    const before = makeSnapshot({ agents: [a, b] });
    const after = reduce(before, [agentEvent(11, { agent_id: b.id, name: "B", current_task: "Reading" })]);
    expect(after.agents[0]).toBe(a);
    expect(after.agents[1]).toMatchObject({ name: "B", status: "busy", current_task: "Reading" });
    expect(after.stats).toBe(before.stats);
    expect(after.workflows).toBe(before.workflows);
    expect(before.agents[1]).toBe(b);
  });

  it("count as active unless they are offline or paused", () => {
    const agent = makeAgent();
    let state = reduce(makeSnapshot({ agents: [agent] }), [
      agentEvent(11, { agent_id: agent.id, status: "offline" }),
    ]);
    expect(state.stats).toMatchObject({ total_agents: 1, active_agents: 0 });
    state = reduce(state, [agentEvent(12, { agent_id: agent.id, status: "paused" })]);
    expect(state.stats.active_agents).toBe(0);
    state = reduce(state, [agentEvent(13, { agent_id: agent.id, status: "error" })]);
    expect(state.stats.active_agents).toBe(1);
  });

  it("join, change and leave within one batch", () => {
    const old = makeAgent({ name: "M" });
    const before = makeSnapshot({ agents: [old] });
    const join = agentEvent(11, {
      agent_id: "new",
      name: "A",
      agent_type: "coder",
      status: "idle",
      is_new: true,
    });
    const joined = reduce(before, [join, agentEvent(12, { agent_id: "new", name: "A", status: "busy" })]);
    expect(joined.agents.map(({ name, status }) => [name, status])).toEqual([
      ["A", "busy"],
      ["M", "idle"],
    ]);
    expect(joined.stats).toMatchObject({ total_agents: 2, active_agents: 2 });
    const gone = reduce(joined, [
      { type: "agent_removed", seq: 13, prev: 12, at: "", kind: "agent.removed", agent_id: "new" },
      agentEvent(14, { agent_id: old.id, status: "busy" }),
    ]);
    expect(gone.agents).toHaveLength(1);
    expect(gone.agents[0]?.status).toBe("busy");
    expect(gone.stats).toMatchObject({ total_agents: 1, active_agents: 1 });
  });
});

describe("runs", () => {
  it("appear first, and move the counts", () => {
    const before = makeSnapshot({ workflows: [makeRun()] });
    const event = workflowEvent(11, {
      workflow_id: "r2",
      name: "Release",
      previous_status: null,
      started_at: null,
      created_at: "2026-11-22T12:30:00Z",
      status: "queued",
    });
    const after = reduce(before, [event]);
    expect(after.workflows[0]).toMatchObject({
      id: "r2",
      name: "Release",
      started_at: "2026-11-22T12:30:00Z",
    });
    expect(after.stats).toMatchObject({ total_workflows: 2, running_workflows: 1 });
  });

  it("finish once, however often that is said", () => {
    const run = makeRun();
    const done = { workflow_id: run.id, status: "completed" as const, previous_status: "running" as const };
    const after = reduce(makeSnapshot({ workflows: [run] }), [
      workflowEvent(11, done),
      workflowEvent(12, done),
    ]);
    expect(after.stats).toMatchObject({ total_workflows: 1, running_workflows: 0 });
  });

  it("older than the newest hundred only move the counts", () => {
    const after = reduce(makeSnapshot({ workflows: [] }), [
      workflowEvent(11, { workflow_id: "old", status: "running", previous_status: "queued" }),
    ]);
    expect(after.workflows).toEqual([]);
    expect(after.stats).toMatchObject({ total_workflows: 0, running_workflows: 1 });
  });

  it("are kept up to a hundred", () => {
    const workflows = Array.from({ length: maxWorkflows }, () => makeRun());
    const after = reduce(makeSnapshot({ workflows }), [
      workflowEvent(11, { workflow_id: "new", previous_status: null }),
    ]);
    expect(after.workflows).toHaveLength(maxWorkflows);
    expect(after.workflows[0]?.id).toBe("new");
  });
});

describe("command runs", () => {
  it("count as executed when they end, not before and not twice", () => {
    const after = reduce(makeSnapshot(), [
      commandRunEvent(11, { status: "running", previous_status: "queued" }),
      commandRunEvent(12, { status: "failed", previous_status: "running" }),
      commandRunEvent(13, { status: "failed", previous_status: "failed" }),
    ]);
    expect(after.stats.commands_executed_today).toBe(1);
  });
});

describe("alerts", () => {
  it("are listed while open", () => {
    const held = makeAlert();
    const opened = reduce(makeSnapshot({ alerts: [held] }), [
      alertEvent(11, { alert_id: "a2", message: "Disk" }),
    ]);
    expect(opened.alerts.map(({ id }) => id)).toContain("a2");
    const closed = reduce(opened, [
      alertEvent(12, { alert_id: "a2", state: "acknowledged" }),
      alertEvent(13, { alert_id: held.id, state: "resolved" }),
    ]);
    expect(closed.alerts).toEqual([]);
  });
});
