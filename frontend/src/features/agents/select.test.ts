import { describe, expect, it } from "vitest";
import type { DashboardAgent } from "@/lib/api/types";
import { countByStatus, found, ordered, presentWords } from "./select";

const agent = (
  name: string,
  status: DashboardAgent["status"],
  more: Partial<DashboardAgent> = {},
): DashboardAgent => ({
  id: name,
  name,
  type: "coder",
  status,
  current_task: null,
  last_active: "",
  capabilities: [],
  connector: "llm",
  status_reason: "",
  last_error: "",
  paused: false,
  provenance: "",
  signal_at: null,
  ...more,
});
const agents = [
  agent("Beta 10", "idle", { last_active: "2026-01-01T00:00:02Z" }),
  agent("Beta 9", "idle", { last_active: "2026-01-01T00:00:01Z" }),
  agent("Alpha", "busy", { current_task: "Reviewing the login", capabilities: ["code.review"] }),
  agent("Gamma", "error", { last_error: "No key", type: "tester" }),
];
const namesOf = (list: DashboardAgent[]) => list.map(({ name }) => name);

describe("order", () => {
  it("puts what needs attention first, then the alphabet with numbers as numbers", () => {
    expect(namesOf(ordered(agents))).toEqual(["Gamma", "Alpha", "Beta 9", "Beta 10"]);
  });

  it("can be by last activity", () => {
    expect(namesOf(ordered(agents, "active")).slice(0, 2)).toEqual(["Beta 10", "Beta 9"]);
  });
});

describe("search", () => {
  it("looks at name, type, task and capabilities", () => {
    expect(namesOf(found(agents, { q: "review LOGIN" }))).toEqual(["Alpha"]);
    expect(namesOf(found(agents, { type: "tester" }))).toEqual(["Gamma"]);
  });
});

it("counts by status", () => {
  expect(countByStatus(agents).get("idle")).toBe(2);
});

it("says what fits the status", () => {
  expect(presentWords(agent("x", "error", { last_error: "No key", current_task: "old" }))).toBe("No key");
  expect(presentWords(agent("x", "busy", { current_task: "Testing" }))).toBe("Testing");
});
