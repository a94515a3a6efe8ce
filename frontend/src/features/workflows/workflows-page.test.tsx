import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/run.lazy";
import "@/routes/workflows.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeRunDetail, makeWorkflow, page } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

describe("starting a run", () => {
  it("checks the form, shows the server's objections at their fields, and leads to the run", async () => {
    const run = makeRunDetail();
    const seen: { key: string | null; body: unknown }[] = [];
    server.use(
      http.get("*/api/v1/workflows/", () => HttpResponse.json(page([makeWorkflow()]))),
      http.get(`*/api/v1/runs/${run.id}/`, () => HttpResponse.json(run)),
      http.post("*/api/v1/workflows/bug-lifecycle/runs/", async ({ request }) => {
        seen.push({ key: request.headers.get("Idempotency-Key"), body: await request.json() });
        if (seen.length > 1) return HttpResponse.json(run, { status: 201 });
        const problem = {
          status: 400,
          detail: "The input does not fit.",
          errors: { "input.report": "Too vague." },
        };
        return HttpResponse.json(problem, { status: 400 });
      }),
    );
    renderApp("/workflows");
    await userEvent.click(await screen.findByRole("button", { name: "Run Bug Lifecycle" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Run Bug Lifecycle" }));
    await userEvent.click(dialog.getByRole("button", { name: "Start run" }));
    expect(dialog.getByText("Bug report is required.")).toBeInTheDocument();
    expect(seen).toEqual([]);
    const field = dialog.getByRole("textbox", { name: /Bug report/ });
    await userEvent.type(field, "Broken");
    await userEvent.click(dialog.getByRole("button", { name: "Start run" }));
    expect(await dialog.findByText("Too vague.")).toBeInTheDocument();
    expect(field).toHaveAccessibleDescription("Too vague.");
    await userEvent.type(field, " since 4.12");
    await userEvent.click(dialog.getByRole("button", { name: "Start run" }));
    expect(await screen.findByRole("heading", { name: /Bug Lifecycle #7/ })).toBeInTheDocument();
    expect(seen[1]?.body).toEqual({ input: { report: "Broken since 4.12" } });
    expect(seen[1]?.key).not.toBe(seen[0]?.key);
  });
});

it("says that there are no workflows", async () => {
  server.use(http.get("*/api/v1/workflows/", () => HttpResponse.json(page([]))));
  renderApp("/workflows");
  expect(await screen.findByText("No workflows yet")).toBeInTheDocument();
});
