import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/agent.lazy";
import "@/routes/agents.lazy";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { AgentDetail, AgentWithSecret, NewEndpointAgent } from "@/lib/api/types";
import { makeAgent, makeMe, makeSnapshot } from "@/testing/factories";
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
const SECRET = "whsec_c2VjcmV0";
const shown = makeAgent({ name: "Remote" });

const detail: AgentDetail = {
  ...shown,
  slug: "remote",
  description: "",
  connector: "http",
  status_reason: "",
  last_error: "",
  paused: false,
  model: "",
  demo: false,
  provenance: "",
  signal_at: null,
  external_id: null,
  facts: {},
  instructions: "",
  max_parallel: 2,
  endpoint: "https://agents.example.org/work",
  counts: { completed_24h: 0, failed_24h: 0 },
  tokens_24h: { input: null, output: null },
  current_command_run: null,
};

function answers(role = "admin") {
  const me = makeMe();
  const calls: { method: string; path: string; body?: NewEndpointAgent }[] = [];
  const noted = async (request: Request) => {
    const text = await request.text();
    const path = new URL(request.url).pathname.replace(/^.*\/api\/v1\//, "");
    calls.push({ method: request.method, path, ...(text && { body: JSON.parse(text) }) });
  };
  const project = { ...me.project, role };
  server.use(
    http.get(`${api}/me/`, () => HttpResponse.json({ ...me, project } as typeof me)),
    http.get("*/dashboard/snapshot/", () => HttpResponse.json(makeSnapshot({ agents: [shown] }))),
    http.get(`${api}/agents/:id/`, () => HttpResponse.json(detail)),
    http.get(`${api}/agents/:id/command-runs/`, () => HttpResponse.json(page([]))),
    http.post(`${api}/agents/`, async ({ request }) => {
      await noted(request);
      return HttpResponse.json({ ...detail, secret: SECRET } as unknown as AgentWithSecret, { status: 201 });
    }),
    http.patch(`${api}/agents/:id/`, async ({ request }) => {
      await noted(request);
      return HttpResponse.json(detail);
    }),
    http.post(`${api}/agents/:id/secret/`, async ({ request }) => {
      await noted(request);
      return HttpResponse.json({ secret: SECRET });
    }),
    http.post(`${api}/agents/:id/test/`, async ({ request }) => {
      await noted(request);
      return HttpResponse.json({ ok: false, status: null, milliseconds: 12, said: "There is no such host." });
    }),
  );
  return calls;
}

it("makes an agent at an address and shows its secret once", async () => {
  const calls = answers();
  renderApp("/agents");
  await userEvent.click(await screen.findByRole("button", { name: "New HTTP agent" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.click(dialog.getByRole("button", { name: "Create agent" }));
  expect(dialog.getByText("Give it a name.")).toBeInTheDocument();
  expect(dialog.getByText("Say where to post its work to.")).toBeInTheDocument();
  await userEvent.type(dialog.getByRole("textbox", { name: /^Name/ }), "Remote");
  await userEvent.type(dialog.getByRole("textbox", { name: /^Endpoint/ }), "https://agents.example.org/work");
  await userEvent.type(dialog.getByRole("textbox", { name: /^Capabilities/ }), "coding, review,");
  await userEvent.click(dialog.getByRole("button", { name: "Create agent" }));
  expect(await dialog.findByText(SECRET)).toBeInTheDocument();
  expect(calls[0]?.body).toEqual({
    name: "Remote",
    type: "external",
    endpoint: "https://agents.example.org/work",
    description: "",
    capabilities: ["coding", "review"],
    max_parallel: 1,
  });
  await userEvent.click(dialog.getByRole("button", { name: "Test call" }));
  expect(await dialog.findByText("The test call failed")).toBeInTheDocument();
  expect(dialog.getByText("There is no such host.")).toBeInTheDocument();
  await userEvent.click(dialog.getByRole("button", { name: "Done" }));
  expect(screen.queryByText(SECRET)).not.toBeInTheDocument();
});

it("says what the server found wrong beside its field", async () => {
  answers();
  server.use(
    http.post(`${api}/agents/`, () =>
      HttpResponse.json(
        {
          status: 400,
          title: "Bad Request",
          detail: "endpoint: …",
          errors: { endpoint: ["Not allowed here."] },
        },
        { status: 400 },
      ),
    ),
  );
  renderApp("/agents");
  await userEvent.click(await screen.findByRole("button", { name: "New HTTP agent" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.type(dialog.getByRole("textbox", { name: /^Name/ }), "Remote");
  await userEvent.type(dialog.getByRole("textbox", { name: /^Endpoint/ }), "http://10.0.0.1/");
  await userEvent.click(dialog.getByRole("button", { name: "Create agent" }));
  expect(await dialog.findByText("Not allowed here.")).toBeInTheDocument();
  expect(dialog.getByRole("textbox", { name: /^Endpoint/ })).toBeInvalid();
});

it("changes the address and gives another secret", async () => {
  const calls = answers();
  renderApp(`/agents/${shown.id}`);
  const section = within(await screen.findByRole("region", { name: "Endpoint" }));
  await userEvent.click(await section.findByRole("button", { name: "Change" }));
  const form = within(await screen.findByRole("dialog"));
  const address = form.getByRole("textbox", { name: /^Endpoint/ });
  await userEvent.clear(address);
  await userEvent.type(address, "https://agents.example.org/moved");
  await userEvent.click(form.getByRole("button", { name: "Save" }));
  await userEvent.click(await section.findByRole("button", { name: "New secret" }));
  await userEvent.click(await screen.findByRole("button", { name: "Make a new secret" }));
  expect(await screen.findByText(SECRET)).toBeInTheDocument();
  expect(calls.map(({ method }) => method)).toEqual(["PATCH", "POST"]);
  expect(calls[0]?.body?.endpoint).toBe("https://agents.example.org/moved");
});

it("is for admins only", async () => {
  answers("operator");
  renderApp("/agents");
  await screen.findByRole("link", { name: "Connect an agent" });
  await screen.findByRole("list", { name: "Agents" });
  expect(screen.queryByRole("button", { name: "New HTTP agent" })).not.toBeInTheDocument();
});
