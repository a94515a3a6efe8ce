import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
// Compiled before the clock of a test starts.
import "@/routes/connect.lazy";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { makeApiKey } from "@/testing/api-keys";
import { makeMe } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const me = (role: "admin" | "viewer") => {
  const found = makeMe();
  return http.get("*/api/v1/me/", () => HttpResponse.json({ ...found, project: { ...found.project, role } }));
};

it("fills a new key into what is pasted and turns green when its agent comes", async () => {
  const key = makeApiKey({ name: "shell-agent", scopes: ["agent"] });
  let asked: unknown;
  let looks = 0;
  server.use(
    me("admin"),
    http.post("*/api/v1/keys/", async ({ request }) => {
      asked = await request.json();
      return HttpResponse.json({ ...key, key: "mc_shown_once" }, { status: 201 });
    }),
    http.get(`*/api/v1/keys/${key.id}/`, () => {
      looks += 1;
      const agents = looks > 2 ? [{ id: "a1", name: "shell-agent" }] : [];
      return HttpResponse.json({ ...key, agents, last_used_at: looks > 1 ? key.created_at : null });
    }),
  );
  renderApp("/connect");
  await userEvent.click(await screen.findByRole("button", { name: "Make a key" }));
  expect(await screen.findByText("Waiting for the first signal")).toBeInTheDocument();
  expect(asked).toEqual({ name: "shell-agent", scopes: ["agent"], agent_id: null });
  expect(screen.getByText(/MC_KEY=mc_shown_once sh agent.sh/)).toBeInTheDocument();
  expect(await screen.findByText("Your agent is here", {}, { timeout: 9_000 })).toBeInTheDocument();
  const signal = screen.getByRole("region", { name: "4. Its first signal" });
  expect(within(signal).getByRole("link", { name: "shell-agent" })).toHaveAttribute("href", "/agents/a1");
}, 15_000);

it("asks for another key where the one that was made may not do what is needed", async () => {
  const key = makeApiKey({ scopes: ["agent"] });
  server.use(
    me("admin"),
    http.post("*/api/v1/keys/", () => HttpResponse.json({ ...key, key: "mc_shown_once" }, { status: 201 })),
    http.get(`*/api/v1/keys/${key.id}/`, () => HttpResponse.json({ ...key, agents: [] })),
  );
  renderApp("/connect");
  await userEvent.click(await screen.findByRole("button", { name: "Make a key" }));
  await screen.findByText(/mc_shown_once/);
  await userEvent.click(screen.getByRole("radio", { name: /OpenTelemetry/ }));
  expect(await screen.findByRole("button", { name: "Make a key" })).toBeInTheDocument();
  expect(screen.queryByText(/mc_shown_once/)).not.toBeInTheDocument();
});

it("tells who may not make keys whom to ask", async () => {
  server.use(me("viewer"));
  renderApp("/connect?way=codex");
  expect(await screen.findByText(/Only admins of the project make keys/)).toBeInTheDocument();
  expect(screen.getByText(/otlp-http/)).toBeInTheDocument();
});
