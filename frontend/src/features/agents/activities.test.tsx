import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/agent.lazy";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { Activity, AgentDetail } from "@/lib/api/types";
import { makeAgent, makeSnapshot } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { page } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const api = "*/api/v1";
const shown = makeAgent({ name: "Lab" });
const at = "2026-11-23T04:00:00.000000Z";
const later = "2026-11-23T04:00:04.000000Z";

const detail: AgentDetail = {
  ...shown,
  slug: "lab",
  description: "",
  connector: "pull",
  status_reason: "",
  last_error: "",
  paused: false,
  model: "",
  demo: false,
  provenance: "event",
  signal_at: later,
  external_id: "lab",
  facts: {},
  instructions: "",
  max_parallel: 1,
  endpoint: "",
  counts: { completed_24h: 0, failed_24h: 0 },
  tokens_24h: { input: null, output: null },
  current_command_run: null,
};

const activity: Activity = {
  trace_id: "5b8efff798038103d269b633813fc60c",
  span_id: "eee19b7ec3c1b174",
  agent: { id: shown.id, name: "Lab", type: "agent" },
  title: "Compare three stores",
  name: "invoke_agent Lab",
  session: "",
  status: "ok",
  source: "span",
  started_at: at,
  ended_at: later,
  error_type: "",
  error: "",
  span_count: 2,
  llm_count: 1,
  tool_count: 0,
  tokens: { input: 1200, output: 300, cache_read: null, cache_write: null, reasoning: null },
  cost_usd: null,
  cost_source: "unknown",
  unpriced_calls: 1,
  run_id: null,
  command_run_id: null,
};

const span = (id: number, depth: number, name: string) => ({
  id,
  depth,
  name,
  tool: "",
  kind: depth ? "llm" : "agent",
  model: depth ? "gpt-5-mini" : "",
  status: "ok",
  started_at: at,
  ended_at: later,
});

function answers(activities: Activity[]) {
  server.use(
    http.get("*/dashboard/snapshot/", () => HttpResponse.json(makeSnapshot({ agents: [shown] }))),
    http.get(`${api}/agents/:id/`, () => HttpResponse.json(detail)),
    http.get(`${api}/agents/:id/command-runs/`, () => HttpResponse.json(page([]))),
    http.get(`${api}/agents/:id/activities/`, () => HttpResponse.json(page(activities))),
    http.get(`${api}/activities/:trace/:span/`, () =>
      HttpResponse.json({
        ...activity,
        truncated: false,
        spans: [span(1, 0, "invoke_agent Lab"), span(2, 1, "chat gpt-5-mini")],
      }),
    ),
  );
}

it("shows what telemetry tells of, how it is known, and a cost that nobody knows as unknown", async () => {
  answers([activity]);
  renderApp(`/agents/${shown.id}`);
  const row = await screen.findByRole("button", { name: /Compare three stores/ });
  expect(row).toHaveTextContent("1 model call, 0 tool calls");
  expect(within(row).getByTitle(/no known price/)).toHaveTextContent("–");
  expect(screen.getByText(/its telemetry told of a start or an end/)).toBeInTheDocument();
});

it("opens to its spans", async () => {
  answers([activity]);
  renderApp(`/agents/${shown.id}`);
  await userEvent.click(await screen.findByRole("button", { name: /Compare three stores/ }));
  const spans = await screen.findByRole("list", { name: "Spans" });
  expect(within(spans).getByText("chat gpt-5-mini")).toBeInTheDocument();
  expect(within(spans).getByText("model, gpt-5-mini")).toBeInTheDocument();
});

it("says so when nothing was told of yet", async () => {
  answers([]);
  renderApp(`/agents/${shown.id}`);
  expect(await screen.findByText("No activity told of yet")).toBeInTheDocument();
});
