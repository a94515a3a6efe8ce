import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/components/dag/dag-canvas";
import "@/components/work/markdown";
import "@/routes/run.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { keys } from "@/lib/api/keys";
import { session } from "@/lib/api/session";
import type { Run } from "@/lib/api/types";
import { applyEvents, applyTicks } from "@/lib/live";
import { stepEvent } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeCommandRun, makeRunDetail, makeStep } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const answers = (run: Run) => http.get(`*/api/v1/runs/${run.id}/`, () => HttpResponse.json(run));
const timeline = () => screen.findByRole("list", { name: "Steps over time" });

describe("the page of a run", () => {
  it("shows each step, and the chosen one in the address", async () => {
    const fix = makeStep({ key: "fix", name: "Propose a fix", output: { text: "Limit the length." } });
    const run = makeRunDetail({ steps: [makeStep(), fix] });
    server.use(answers(run));
    const { router } = renderApp(`/runs/${run.id}`);
    const steps = within(await timeline());
    await userEvent.click(steps.getByRole("button", { name: /Propose a fix/ }));
    expect(await screen.findByText("Limit the length.")).toBeInTheDocument();
    await waitFor(() => expect(router.state.location.search).toEqual({ step: "fix" }));
    expect(steps.getByRole("button", { name: /Propose a fix/ })).toHaveAttribute("aria-pressed", "true");
  });

  it("follows the steps and what an agent writes, without asking again", async () => {
    const work = makeCommandRun();
    const step = makeStep({
      status: "running",
      completed_at: null,
      output: null,
      command_run_id: work.id,
      progress: 10,
    });
    const run = makeRunDetail({ steps: [step] });
    server.use(
      answers(run),
      http.get(`*/api/v1/command-runs/${work.id}/`, () => HttpResponse.json(work)),
    );
    renderApp(`/runs/${run.id}?step=triage`);
    await screen.findByText(/Nothing written yet/);
    act(() =>
      applyTicks(queryClient, [
        {
          type: "command_run_progress",
          command_run_id: work.id,
          run_id: run.id,
          step_id: step.id,
          agent_id: null,
          progress: 70,
          message: "Writing",
          text: "The cause is",
        },
      ]),
    );
    expect(await screen.findByText("The cause is")).toBeInTheDocument();
    expect(screen.getByRole("progressbar", { name: "Progress of this step" })).toHaveAttribute(
      "aria-valuenow",
      "70",
    );
    act(() => {
      applyEvents(queryClient, [
        stepEvent(11, {
          run_id: run.id,
          step_id: step.id,
          status: "failed",
          error: { code: "model_timeout", message: "No answer within 120 s" },
        }),
      ]);
    });
    expect(await screen.findByText("No answer within 120 s")).toBeInTheDocument();
    expect(screen.getByText("model_timeout")).toBeInTheDocument();
  });

  it("says why a step waits", async () => {
    const reason = "waiting for an agent with review: Code Reviewer is paused";
    const step = makeStep({ status: "queued", wait_reason: reason, started_at: null, completed_at: null });
    const run = makeRunDetail({ steps: [step] });
    server.use(answers(run));
    renderApp(`/runs/${run.id}?step=triage`);
    expect(await screen.findByText(/^Waiting for an agent with review/)).toBeInTheDocument();
  });

  it("ends with the outcome", async () => {
    const run = makeRunDetail({ status: "completed", output: { summary: "All **fixed**." } });
    server.use(answers(run));
    renderApp(`/runs/${run.id}`);
    expect(await screen.findByRole("heading", { name: "Outcome" })).toBeInTheDocument();
    expect(await screen.findByText("fixed")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Cancel run" })).toBeNull();
  });

  it("asks before it cancels", async () => {
    let cancelled = 0;
    const run = makeRunDetail();
    server.use(
      answers(run),
      http.post(`*/api/v1/runs/${run.id}/cancellation/`, () => {
        cancelled++;
        return HttpResponse.json(run, { status: 202 });
      }),
    );
    renderApp(`/runs/${run.id}`);
    await userEvent.click(await screen.findByRole("button", { name: "Cancel run" }));
    const dialog = await screen.findByRole("dialog", { name: "Cancel run #7?" });
    expect(cancelled).toBe(0);
    await userEvent.click(within(dialog).getByRole("button", { name: "Cancel run" }));
    await waitFor(() => expect(cancelled).toBe(1));
  });

  it("says what is wrong with an unknown run, and loads again on request", async () => {
    const run = makeRunDetail();
    server.use(
      http.get(`*/api/v1/runs/${run.id}/`, () =>
        HttpResponse.json({ status: 404, detail: "No run with this id." }, { status: 404 }),
      ),
    );
    renderApp(`/runs/${run.id}`);
    expect(await screen.findByText("No run with this id.")).toBeInTheDocument();
    server.use(answers(run));
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await timeline();
    expect(queryClient.getQueryData(keys.runs.detail(run.id))).toEqual(run);
  });
});
