import { act, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
// Compiled before the clock of a test starts.
import "@/routes/agents.lazy";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { applyEvents } from "@/lib/live";
import { agentEvent, makeAgent, makeSnapshot } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const agents = [
  makeAgent({ name: "Alpha", status: "idle" }),
  makeAgent({ name: "Beta", status: "error", last_error: "No key" }),
  makeAgent({ name: "Gamma", status: "busy", current_task: "Testing the login" }),
];
const shows = () =>
  server.use(http.get("*/dashboard/snapshot/", () => HttpResponse.json(makeSnapshot({ agents }))));
const namesShown = async () => {
  const list = await screen.findByRole("list", { name: "Agents" });
  return within(list)
    .getAllByRole("link")
    .map((link) => link.textContent);
};

it("puts what needs attention first and follows each change", async () => {
  shows();
  renderApp("/agents");
  expect(await namesShown()).toEqual(["Beta", "Gamma", "Alpha"]);
  expect(screen.getByText("No key")).toBeInTheDocument();
  act(() => {
    applyEvents(queryClient, [
      agentEvent(11, { agent_id: agents[1]?.id ?? "", name: "Beta", status: "idle", last_error: "" }),
    ]);
  });
  await screen.findByRole("button", { name: "Error 0" });
  expect(await namesShown()).toEqual(["Gamma", "Alpha", "Beta"]);
});

it("filters by status and text in the address", async () => {
  shows();
  const { router } = renderApp("/agents");
  await userEvent.click(await screen.findByRole("button", { name: "Busy 1" }));
  expect(await namesShown()).toEqual(["Gamma"]);
  expect(router.state.location.search).toEqual({ status: "busy" });
  await userEvent.type(screen.getByRole("searchbox", { name: "Search agents" }), "nobody");
  expect(await screen.findByText("No agent matches")).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Clear filters" }));
  expect(await namesShown()).toHaveLength(3);
});
