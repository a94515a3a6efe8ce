import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/sessions.lazy";
import "@/routes/session.lazy";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session as signedIn } from "@/lib/api/session";
import type { SessionRow } from "@/lib/api/types";
import { makeAgent, makeSnapshot } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { page } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  signedIn.end();
});
afterAll(() => server.close());

const api = "*/api/v1";
const lab = makeAgent({ name: "Lab" });
const at = "2026-11-23T04:00:00.000000Z";
const row: SessionRow = {
  id: "chat-7",
  agents: [{ id: lab.id, name: "Lab" }],
  activities: 3,
  errors: 1,
  first_at: at,
  last_at: at,
  status: "ended",
  input_tokens: 1200,
  output_tokens: 300,
  cache_read_tokens: null,
  cache_write_tokens: null,
  reasoning_tokens: null,
  cost_usd: null,
  cost_source: "unknown",
  unpriced_calls: 2,
};

function answers(rows: SessionRow[], asked: string[] = []) {
  server.use(
    http.get("*/dashboard/snapshot/", () => HttpResponse.json(makeSnapshot({ agents: [lab] }))),
    http.get(`${api}/sessions/`, ({ request }) => {
      asked.push(new URL(request.url).search);
      return HttpResponse.json(page(rows));
    }),
    http.get(`${api}/sessions/:id/`, () =>
      HttpResponse.json({ ...row, activities: [], activity_count: 3, more: false }),
    ),
  );
}

it("lists sessions with who took part and what they used; an unknown cost is no zero", async () => {
  answers([row]);
  renderApp("/sessions");
  const link = await screen.findByRole("link", { name: /chat-7/ });
  expect(link).toHaveTextContent("Lab");
  expect(link).toHaveTextContent("3 activities");
  expect(within(link).getByText("1 failed")).toBeInTheDocument();
  expect(within(link).getByTitle(/no known price/)).toHaveTextContent("–");
});

it("asks for those of one agent, and shows all again", async () => {
  const asked: string[] = [];
  answers([], asked);
  renderApp(`/sessions?agent=${lab.id}`);
  await userEvent.click(await screen.findByRole("button", { name: "Show all" }));
  expect(await screen.findByText("No sessions yet")).toBeInTheDocument();
  expect(asked[0]).toContain(lab.id);
  expect(asked.at(-1)).not.toContain("agent=");
});

it("opens one with its agents and sums", async () => {
  answers([row]);
  renderApp("/sessions/chat-7");
  expect(await screen.findByRole("heading", { name: "Session chat-7" })).toBeInTheDocument();
  expect(await screen.findByText("3, 1 failed")).toBeInTheDocument();
});
