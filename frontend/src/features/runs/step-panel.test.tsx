import { act, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/components/dag/dag-canvas";
import "@/components/work/markdown";
import "@/routes/run.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { LogLine, Run } from "@/lib/api/types";
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
const page = (results: unknown[]) => HttpResponse.json({ next: null, previous: null, results });
const line = (number: number, text: string, level: LogLine["level"] = "info"): LogLine => ({
  number,
  attempt: 1,
  level,
  text,
  at: "2026-11-22T12:00:00.000000Z",
});

describe("the panel of a step", () => {
  it("shows its holder, and its log as lines arrive; what is missed is asked for", async () => {
    const work = makeCommandRun({ holder: "vm:7", fence: 3, heartbeat_at: new Date().toISOString() });
    const step = makeStep({ status: "running", completed_at: null, output: null, command_run_id: work.id });
    const run = makeRunDetail({ steps: [step] });
    const all = [
      line(1, "Attempt 1 started"),
      line(2, "It broke", "error"),
      line(3, "Third"),
      line(4, "Fourth"),
    ];
    let known = 1;
    server.use(
      answers(run),
      http.get(`*/api/v1/command-runs/${work.id}/`, () => HttpResponse.json(work)),
      http.get(`*/api/v1/command-runs/${work.id}/logs/`, ({ request }) => {
        const after = Number(new URL(request.url).searchParams.get("after"));
        return page(all.slice(after, known));
      }),
    );
    renderApp(`/runs/${run.id}?step=triage`);
    expect(await screen.findByText("vm:7")).toBeInTheDocument();
    const log = within(await screen.findByRole("region", { name: "Lines of the log" }));
    const tick = (lines: LogLine[]) =>
      applyTicks(queryClient, [
        { type: "command_run_log", command_run_id: work.id, run_id: run.id, step_id: step.id, lines },
      ]);
    act(() => void tick(all.slice(1, 2)));
    expect(await log.findByText("It broke")).toBeInTheDocument();
    known = 4;
    const lacking = tick(all.slice(3));
    await act(() => queryClient.invalidateQueries({ queryKey: lacking[0] ?? [] }));
    expect(await log.findByText("Fourth")).toBeInTheDocument();
    expect(log.getByText("Third")).toBeInTheDocument();
    await userEvent.selectOptions(screen.getByLabelText("Level"), "error");
    expect(log.queryByText("Third")).not.toBeInTheDocument();
    expect(screen.getByText("1 of 4 lines")).toBeInTheDocument();
  });

  it("lists the items of a map, counts them as they end, and opens one", async () => {
    const counts = { total: 2, waiting: 0, running: 2, completed: 0, failed: 0, cancelled: 0 };
    const parent = makeStep({
      key: "each",
      name: "Each file",
      kind: "map",
      status: "running",
      completed_at: null,
      items: counts,
    });
    const run = makeRunDetail({ steps: [parent] });
    const items = [0, 1].map((place) =>
      makeStep({
        key: "each",
        name: "Each file",
        parent_id: parent.id,
        map_index: place,
        item: `file-${place}.py`,
        status: "running",
        completed_at: null,
      }),
    );
    server.use(
      answers(run),
      http.get(`*/api/v1/runs/${run.id}/steps/`, () => page(items)),
      http.get(`*/api/v1/runs/${run.id}/steps/each/`, () => HttpResponse.json(items[1])),
    );
    const { router } = renderApp(`/runs/${run.id}?step=each`);
    const list = within(await screen.findByRole("region", { name: "Items" }));
    expect(await list.findByText("0 of 2 done, 2 running")).toBeInTheDocument();
    act(() => {
      applyEvents(queryClient, [
        stepEvent(11, {
          run_id: run.id,
          step_id: items[0]?.id ?? "",
          key: "each",
          parent_id: parent.id,
          map_index: 0,
          status: "failed",
          previous_status: "running",
        }),
      ]);
    });
    expect(await list.findByText("1 of 2 done, 1 failed, 1 running")).toBeInTheDocument();
    await userEvent.click(await list.findByRole("button", { name: /file-1\.py/ }));
    expect(await screen.findByRole("button", { name: "All items" })).toBeInTheDocument();
    expect(router.state.location.search).toEqual({ step: "each", item: 1 });
  });

  it("links to the run that a workflow step started, and that run back to it", async () => {
    const parent = { id: "11111111-1111-4111-8111-111111111111", workflow: "ship", number: 4, step: "sub" };
    const child = makeRunDetail({ number: 12, status: "waiting", parent_run: parent });
    const step = makeStep({
      key: "sub",
      kind: "workflow",
      workflow: "bug-lifecycle",
      child_run_id: child.id,
    });
    const run = makeRunDetail({ steps: [step] });
    server.use(answers(run), answers(child));
    const { router } = renderApp(`/runs/${run.id}?step=sub`);
    await userEvent.click(await screen.findByRole("link", { name: "Bug Lifecycle #12" }));
    expect(await screen.findByRole("link", { name: "Ship #4" })).toHaveAttribute(
      "href",
      `/runs/${parent.id}?step=sub`,
    );
    expect(router.state.location.pathname).toBe(`/runs/${child.id}`);
  });
});
