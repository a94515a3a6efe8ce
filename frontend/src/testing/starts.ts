/** Schedules and triggers with sensible defaults; a test names only what it is about. */
import type { Schedule, Trigger } from "@/lib/api/types";
import type { LiveEvent } from "@/lib/live";

const at = "2026-11-22T08:00:00.000000Z";

export const makeSchedule = (over: Partial<Schedule> = {}): Schedule => ({
  id: `s-${over.name ?? "Nightly"}`,
  name: "Nightly",
  workflow: "bug-lifecycle",
  workflow_name: "Bug Lifecycle",
  cron: "0 9 * * *",
  description: "At 09:00 every day",
  time_zone: "Europe/Berlin",
  input: { report: "It broke" },
  priority: 0,
  enabled: true,
  misfire: "once",
  catch_up_limit: 10,
  overlap: "skip",
  next_at: "2027-03-01T08:00:00Z",
  next_times: ["2027-03-01T08:00:00Z", "2027-03-02T08:00:00Z", "2027-03-03T08:00:00Z"],
  last: {
    scheduled_for: at,
    at,
    outcome: "started",
    detail: "",
    run: { id: "run-3", number: 3, name: "Bug Lifecycle", status: "completed" },
  },
  last_problem: "",
  owner: "ada",
  created_at: at,
  ...over,
});

export const makeTrigger = (over: Partial<Trigger> = {}): Trigger => ({
  id: "t-1",
  name: "Issues",
  workflow: "bug-lifecycle",
  workflow_name: "Bug Lifecycle",
  address: "/api/v1/hooks/t-1/",
  input: {},
  condition: "body.action == 'opened'",
  priority: 0,
  enabled: true,
  secret_version: 1,
  old_secret_until: null,
  last_at: at,
  last_result: "started Bug Lifecycle #4",
  owner: "ada",
  created_at: at,
  ...over,
});

export const scheduleEvent = (seq: number): LiveEvent => ({
  type: "schedule_update",
  kind: "schedule.fired",
  seq,
  prev: seq - 1,
  at,
  schedule_id: "s-Nightly",
  name: "Nightly",
  workflow: "bug-lifecycle",
  enabled: true,
  next_at: at,
  last_at: at,
  last_problem: "",
  outcome: "started",
  run_id: "run-3",
});
