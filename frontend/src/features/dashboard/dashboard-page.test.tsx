import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http, ws } from "msw";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import {
  agentEvent,
  alertEvent,
  makeAgent,
  makeMe,
  makeRun,
  makeRunDetail,
  makeSnapshot,
  workflowEvent,
} from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";

const socket = ws.link("ws://localhost:3000/ws/dashboard/");
let push: (...frames: object[]) => void = () => undefined;
/** Resumes everyone at the position they name. */
const resumes = () =>
  socket.addEventListener("connection", ({ client }) => {
    push = (...frames) => {
      for (const frame of frames) client.send(JSON.stringify(frame));
    };
    client.addEventListener("message", ({ data }) => {
      const hello = JSON.parse(String(data)) as { type: string; epoch: string; seq: number };
      if (hello.type === "hello")
        push({ type: "ready", mode: "resumed", epoch: hello.epoch, seq: hello.seq });
    });
  });

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const snapshot = (body: ReturnType<typeof makeSnapshot>) =>
  http.get("*/dashboard/snapshot/", () => HttpResponse.json(body));

describe("the dashboard", () => {
  it("shows the snapshot, then what the socket says, and announces alerts", async () => {
    const agent = makeAgent({ name: "Code Reviewer" });
    const run = makeRun({ name: "Bug Lifecycle", progress: 20 });
    server.use(resumes(), snapshot(makeSnapshot({ agents: [agent], workflows: [run] })));
    renderApp("/");
    expect(await screen.findByText("Code Reviewer")).toBeInTheDocument();
    expect(screen.getByRole("progressbar", { name: "Bug Lifecycle progress" })).toHaveAttribute(
      "aria-valuenow",
      "20",
    );
    await screen.findByText("Connected");
    act(() =>
      push(
        agentEvent(11, { agent_id: agent.id, status: "error", last_error: "no answer\u202e within 120 s" }),
        workflowEvent(12, { workflow_id: run.id, progress: 60 }),
        alertEvent(13, { alert_id: "a1", message: "Disk almost full" }),
      ),
    );
    expect(await screen.findByText("no answer\\u202e within 120 s")).toBeInTheDocument();
    expect(screen.getByRole("progressbar", { name: "Bug Lifecycle progress" })).toHaveAttribute(
      "aria-valuenow",
      "60",
    );
    expect(await screen.findByText("Disk almost full")).toBeInTheDocument();
  });

  it("explains the first steps to a project without agents", async () => {
    server.use(resumes(), snapshot(makeSnapshot()));
    renderApp("/");
    expect(await screen.findByText("Connect your first agent")).toBeInTheDocument();
    expect(screen.getByText("Nothing has run yet")).toBeInTheDocument();
  });

  it("says what failed and loads again on request", async () => {
    let broken = true;
    server.use(
      resumes(),
      http.get("*/dashboard/snapshot/", () =>
        broken
          ? HttpResponse.json({ status: 500, detail: "The database is away." }, { status: 500 })
          : HttpResponse.json(makeSnapshot({ agents: [makeAgent({ name: "Planner" })] })),
      ),
    );
    renderApp("/");
    const block = await screen.findByRole("region", { name: "Agents" }, { timeout: 4000 });
    expect(
      await within(block).findByText("The database is away.", {}, { timeout: 4000 }),
    ).toBeInTheDocument();
    broken = false;
    await userEvent.click(within(block).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Planner")).toBeInTheDocument();
  });

  it("starts a workflow once, with the same key for the same form, and opens the run", async () => {
    const run = makeRunDetail({ id: "r9" });
    const sent: { key: string | null; body: unknown }[] = [];
    const schema = {
      type: "object",
      required: ["report"],
      properties: { report: { type: "string", title: "Bug report", default: "It breaks" } },
    };
    const steps = [{ key: "triage", name: "Triage", command: "bug.triage", agent: null, needs: [] }];
    const workflow = {
      slug: "bug",
      name: "Bug Lifecycle",
      description: "",
      version: 1,
      input: schema,
      steps,
    };
    server.use(
      resumes(),
      snapshot(makeSnapshot({ agents: [makeAgent()], workflows: [makeRun()] })),
      http.get("*/api/v1/workflows/", () =>
        HttpResponse.json({ next: null, previous: null, results: [workflow] }),
      ),
      http.post("*/workflows/bug/runs/", async ({ request }) => {
        sent.push({ key: request.headers.get("Idempotency-Key"), body: await request.json() });
        if (sent.length === 1) return HttpResponse.error();
        return HttpResponse.json(run, { status: 201 });
      }),
      http.get("*/api/v1/runs/r9/", () => HttpResponse.json(run)),
    );
    renderApp("/");
    await userEvent.click(await screen.findByRole("button", { name: "Run" }));
    const dialog = await screen.findByRole("dialog");
    const start = await within(dialog).findByRole("button", { name: "Run" });
    await userEvent.click(start);
    await within(dialog).findByText(/cannot be reached/);
    await userEvent.click(within(dialog).getByRole("button", { name: "Run" }));
    expect(await screen.findByRole("heading", { level: 1, name: /Bug Lifecycle/ })).toBeInTheDocument();
    expect(sent.map(({ body }) => body)).toEqual([
      { input: { report: "It breaks" } },
      { input: { report: "It breaks" } },
    ]);
    expect(sent[0]?.key).toBeTruthy();
    expect(sent[1]?.key).toBe(sent[0]?.key);
  });

  it("offers no Run button to a viewer", async () => {
    const me = makeMe();
    server.use(
      resumes(),
      snapshot(makeSnapshot({ agents: [makeAgent()], workflows: [makeRun()] })),
      http.get("*/api/v1/me/", () =>
        HttpResponse.json({ ...me, project: { ...me.project, role: "viewer" } }),
      ),
    );
    renderApp("/");
    await waitFor(() => expect(queryClient.getQueryData(["me"])).toBeDefined());
    expect(screen.queryByRole("button", { name: "Run" })).not.toBeInTheDocument();
  });
});

describe("signing in", () => {
  it("keeps the error in place, then goes where the user wanted", async () => {
    server.use(
      resumes(),
      snapshot(makeSnapshot({ agents: [makeAgent({ name: "Planner" })] })),
      http.post("*/auth/token/refresh/", () => HttpResponse.json({ status: 401 }, { status: 401 })),
      http.post("*/auth/token/", async ({ request }) => {
        const { password } = (await request.json()) as { password: string };
        return password === "right"
          ? HttpResponse.json({ access: "t", expires_in: 300 })
          : HttpResponse.json({ status: 401 }, { status: 401 });
      }),
    );
    renderApp("/");
    await userEvent.type(await screen.findByLabelText("User name"), "ada");
    await userEvent.type(screen.getByLabelText("Password"), "wrong");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByText("User name or password is wrong.")).toBeInTheDocument();
    await userEvent.clear(screen.getByLabelText("Password"));
    await userEvent.type(screen.getByLabelText("Password"), "right");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect(await screen.findByText("Planner")).toBeInTheDocument();
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("eyJ");
  });
});
