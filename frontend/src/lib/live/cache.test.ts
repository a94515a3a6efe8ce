import { QueryClient } from "@tanstack/query-core";
import { describe, expect, it } from "vitest";
import {
  agentEvent,
  makeAgent,
  makeSnapshot,
  noticeSecretEvent,
  stepEvent,
  workflowEvent,
} from "@/testing/factories";
import { keys } from "../api/keys";
import type { EventPage, Metrics, Run } from "../api/types";
import { applyEvents, applyTicks, writeSnapshot } from "./cache";

const run = {
  id: "r1",
  status: "running",
  progress: 10,
  steps: [
    { id: "s1", status: "queued", progress: 0, completed_at: null },
    { id: "s2", status: "pending", progress: 0, completed_at: null },
  ],
} as unknown as Run;

describe("events in the cache", () => {
  it("patch the dashboard's parts and leave the others alone", () => {
    const cache = new QueryClient();
    const snapshot = makeSnapshot({ agents: [makeAgent({ id: "a1" })] });
    writeSnapshot(cache, snapshot);
    applyEvents(cache, [agentEvent(11, { agent_id: "a1", status: "error", last_error: "boom" })]);
    expect(cache.getQueryData(keys.dashboard.agents)).toMatchObject([
      { status: "error", last_error: "boom" },
    ]);
    expect(cache.getQueryData(keys.dashboard.workflows)).toBe(snapshot.workflows);
  });

  it("patch the steps of an open run and ask for what they do not hold", () => {
    const cache = new QueryClient();
    cache.setQueryData(keys.runs.detail("r1"), run);
    const stale = applyEvents(cache, [
      stepEvent(11, { run_id: "r1", step_id: "s1", status: "running", progress: 5 }),
      workflowEvent(12, { workflow_id: "r1", status: "running", previous_status: "running", progress: 40 }),
    ]);
    const after = cache.getQueryData<Run>(keys.runs.detail("r1"));
    expect(after?.progress).toBe(40);
    expect(after?.steps[0]).toMatchObject({ status: "running", progress: 5 });
    expect(after?.steps[1]).toBe(run.steps[1]);
    expect(stale).toContainEqual(keys.runs.detail("r1"));
    expect(stale).not.toContainEqual(keys.runs.lists);
  });

  it("have the secret of notices read again, if somebody looks at it", () => {
    const cache = new QueryClient();
    expect(applyEvents(cache, [noticeSecretEvent(11)])).toContainEqual(keys.noticeSecret);
  });

  it("extend the feed once each, newest first", () => {
    const cache = new QueryClient();
    cache.setQueryData<EventPage>(keys.events.recent, { results: [], next: null });
    const events = [agentEvent(11, { agent_id: "a" }), agentEvent(12, { agent_id: "a" })];
    applyEvents(cache, events);
    applyEvents(cache, events);
    const feed = cache.getQueryData<EventPage>(keys.events.recent)?.results;
    expect(feed?.map(({ seq }) => seq)).toEqual([12, 11]);
    expect(feed?.[0]).toMatchObject({ entity: "agent", entity_id: "a" });
  });
});

describe("ticks in the cache", () => {
  it("move a step's progress, the newest winning, and never reopen a finished one", () => {
    const cache = new QueryClient();
    const done = { ...run, steps: [{ ...run.steps[0], completed_at: "2026-11-22T12:00:00Z" }, run.steps[1]] };
    cache.setQueryData(keys.runs.detail("r1"), done);
    const tick = { type: "command_run_progress" as const, run_id: "r1", agent_id: null };
    applyTicks(cache, [
      { ...tick, command_run_id: "c1", step_id: "s1", progress: 50 },
      { ...tick, command_run_id: "c2", step_id: "s2", progress: 20 },
      { ...tick, command_run_id: "c2", step_id: "s2", progress: 60, message: "Reading" },
    ]);
    const after = cache.getQueryData<Run>(keys.runs.detail("r1"));
    expect(after?.steps.map(({ progress }) => progress)).toEqual([0, 60]);
  });

  it("move the time an agent was last heard of, forwards only", () => {
    const cache = new QueryClient();
    const [early, late] = ["2026-11-22T12:00:00.000000Z", "2026-11-22T12:00:09.000000Z"];
    const agents = [
      { id: "a1", last_active: early },
      { id: "a2", last_active: late },
    ];
    cache.setQueryData(keys.dashboard.agents, agents);
    const tick = { type: "agent_seen" as const };
    applyTicks(cache, [
      { ...tick, agent_id: "a1", last_active: late },
      { ...tick, agent_id: "a2", last_active: early },
    ]);
    expect(cache.getQueryData(keys.dashboard.agents)).toEqual(
      agents.map((a) => ({ ...a, last_active: late })),
    );
  });

  it("append a sample to every series, a missing one as a gap", () => {
    const cache = new QueryClient();
    const at = 1_700_000_000;
    const metrics = { step_seconds: 5, at: [at - 2000, at], series: { cpu: [1, 2], api_ms: [3, 4] } };
    cache.setQueryData(keys.metrics("15m"), metrics);
    applyTicks(cache, [{ type: "metrics_sample", at: at + 5, cpu: 9 }]);
    const after = cache.getQueryData<Metrics>(keys.metrics("15m"));
    expect(after?.at).toEqual([at, at + 5]);
    expect(after?.series).toEqual({ cpu: [2, 9], api_ms: [4, null] });
  });
});
