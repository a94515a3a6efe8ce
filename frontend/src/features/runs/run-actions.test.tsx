import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/components/dag/dag-canvas";
import "@/components/work/markdown";
import "@/routes/run.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { Run } from "@/lib/api/types";
import { applyEvents } from "@/lib/live";
import { workflowEvent } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeApproval, makeRunDetail, makeStep, makeWorkflow } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const answers = (run: Run) => server.use(http.get(`*/api/v1/runs/${run.id}/`, () => HttpResponse.json(run)));
const button = (name: string | RegExp) => screen.findByRole("button", { name });

describe("the controls of a run", () => {
  it("pause and resume it; what is shown comes from the server", async () => {
    const run = makeRunDetail();
    const sent: string[] = [];
    answers(run);
    server.use(
      http.all(`*/api/v1/runs/${run.id}/pause/`, ({ request }) => {
        sent.push(request.method);
        return HttpResponse.json(run);
      }),
    );
    renderApp(`/runs/${run.id}`);
    await userEvent.click(await button("Pause"));
    await waitFor(() => expect(sent).toEqual(["POST"]));
    expect(screen.queryByRole("button", { name: "Resume" })).not.toBeInTheDocument();
    answers({ ...run, status: "paused", status_reason: "Paused by grace." });
    act(() => {
      applyEvents(queryClient, [
        workflowEvent(11, { workflow_id: run.id, status: "paused", status_reason: "Paused by grace." }),
      ]);
    });
    expect(await screen.findByText("Paused by grace")).toBeInTheDocument();
    await userEvent.click(await button("Resume"));
    await waitFor(() => expect(sent).toEqual(["POST", "DELETE"]));
  });

  it("retry from the chosen step, after saying what is done again", async () => {
    const failed = makeStep({ key: "fix", name: "Propose a fix", needs: ["triage"], status: "failed" });
    const run = makeRunDetail({ status: "failed", steps: [makeStep(), failed] });
    const sent: unknown[] = [];
    answers(run);
    server.use(
      http.post(`*/api/v1/runs/${run.id}/retry/`, async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json(run, { status: 202 });
      }),
    );
    renderApp(`/runs/${run.id}?step=triage`);
    await userEvent.click(await button("Retry"));
    const dialog = within(await screen.findByRole("dialog", { name: "Retry run #7?" }));
    const again = () => within(dialog.getByRole("list")).getAllByRole("listitem").length;
    expect(again()).toBe(1);
    await userEvent.click(dialog.getByRole("radio", { name: /Triage the report/ }));
    expect(again()).toBe(2);
    await userEvent.click(dialog.getByRole("button", { name: "Retry 2 steps" }));
    await waitFor(() => expect(sent).toEqual([{ step: "triage" }]));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  it("say why a retry is not possible", async () => {
    const run = makeRunDetail();
    answers(run);
    renderApp(`/runs/${run.id}`);
    const retry = await button("Retry");
    expect(retry).toHaveAttribute("aria-disabled", "true");
    expect(retry).toHaveAccessibleDescription(/still going/);
    await userEvent.click(retry);
    expect(screen.queryByRole("dialog")).not.toBeInTheDocument();
  });

  it("run it again with a changed input, the form filled with what it was given", async () => {
    const run = makeRunDetail({ status: "completed", version: 1 });
    const next = makeRunDetail({ number: 8 });
    const sent: unknown[] = [];
    answers(run);
    answers(next);
    server.use(
      http.get("*/api/v1/workflows/bug-lifecycle/", () => HttpResponse.json(makeWorkflow({ version: 2 }))),
      http.post(`*/api/v1/runs/${run.id}/rerun/`, async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json(next, { status: 201 });
      }),
    );
    const { router } = renderApp(`/runs/${run.id}`);
    await userEvent.click(await button("Run again"));
    const dialog = within(await screen.findByRole("dialog", { name: "Run Bug Lifecycle again" }));
    const field = await dialog.findByRole("textbox", { name: /Bug report/ });
    expect(field).toHaveValue("It broke");
    expect(dialog.getByText(/The workflow has changed since/)).toBeInTheDocument();
    await userEvent.type(field, " twice");
    await userEvent.click(dialog.getByRole("button", { name: "Start run" }));
    await waitFor(() => expect(router.state.location.pathname).toBe(`/runs/${next.id}`));
    expect(sent).toEqual([{ input: { report: "It broke twice" } }]);
  });
});

it("a step that asks people is answered on the page of its run", async () => {
  const approval = makeApproval();
  const step = makeStep({
    key: "approve",
    name: "Approve the fix",
    kind: "approval",
    command: null,
    agent: null,
    status: "waiting",
    wait_reason: "waiting for approval",
    approval_id: approval.id,
    completed_at: null,
    output: null,
  });
  const run = makeRunDetail({ status: "waiting", steps: [step] });
  answers(run);
  server.use(http.get(`*/api/v1/approvals/${approval.id}/`, () => HttpResponse.json(approval)));
  renderApp(`/runs/${run.id}?step=approve`);
  const card = within(await screen.findByRole("article", { name: "Ship the fix?" }));
  expect(card.getByRole("button", { name: "Approve" })).toBeEnabled();
  expect(card.getByRole("button", { name: "Reject" })).toBeEnabled();
});
