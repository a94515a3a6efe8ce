import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/schedules.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { Schedule, Trigger } from "@/lib/api/types";
import { applyEvents } from "@/lib/live";
import { makeMe } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeSchedule, makeTrigger, scheduleEvent } from "@/testing/starts";
import { makeWorkflow, page } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const api = "*/api/v1";
const moments = [1, 2, 3, 4, 5].map((day) => `2027-03-0${day}T08:00:00Z`);

function answers(state: { schedules?: Schedule[]; triggers?: Trigger[]; role?: string }) {
  const { schedules = [], triggers = [], role = "admin" } = state;
  const me = makeMe();
  server.use(
    http.get(`${api}/me/`, () => HttpResponse.json({ ...me, project: { ...me.project, role } } as typeof me)),
    http.get(`${api}/schedules/`, () => HttpResponse.json(page(state.schedules ?? schedules))),
    http.get(`${api}/triggers/`, () => HttpResponse.json(page(state.triggers ?? triggers))),
    http.get(`${api}/workflows/`, () => HttpResponse.json(page([makeWorkflow()]))),
    http.post(`${api}/schedules/preview/`, async ({ request }) => {
      const { cron } = (await request.json()) as { cron: string };
      return cron.startsWith("61")
        ? HttpResponse.json(
            { status: 400, detail: "no", errors: { cron: ["'61' is no minute: write 0 to 59"] } },
            { status: 400 },
          )
        : HttpResponse.json({ description: "At 09:00 every day", next_times: moments });
    }),
  );
}

describe("the schedules", () => {
  it("say when each fires next by its own clock, and what came of the last moment", async () => {
    const next_at = new Date(Date.now() + 3_725_000).toISOString();
    const good = makeSchedule({ next_at });
    const off = makeSchedule({ name: "Old one", enabled: false, next_at: null, next_times: [], last: null });
    const bad = makeSchedule({ name: "Refused", last_problem: "input.what: this field is required" });
    answers({ schedules: [good, off, bad] });
    renderApp("/schedules");
    const list = within(await screen.findByRole("list", { name: "Schedules" }));
    const [first, second, third] = list.getAllByRole("listitem").map((row) => within(row));
    expect(first?.getByText(/^in 1 h 02 m$/)).toBeInTheDocument();
    expect(first?.getByText(/every day · Europe\/Berlin|At 09:00 every day/)).toBeInTheDocument();
    expect(first?.getByRole("link", { name: /Completed.*#3/ })).toHaveAttribute("href", "/runs/run-3");
    expect(first?.getByRole("switch", { name: "Nightly is enabled" })).toBeChecked();
    expect(second?.getByText("Disabled")).toBeInTheDocument();
    expect(second?.getByText("Never")).toBeInTheDocument();
    expect(third?.getByText(/The last run could not start: input.what/)).toBeInTheDocument();
  });

  it("are enabled, disabled and run at once, without leaving the list for the first two", async () => {
    const state = { schedules: [makeSchedule()] };
    answers(state);
    const sent: unknown[] = [];
    server.use(
      http.patch(`${api}/schedules/:id/`, async ({ request }) => {
        sent.push(await request.json());
        state.schedules = [makeSchedule({ enabled: false, next_at: null })];
        return HttpResponse.json(state.schedules[0]);
      }),
      http.post(`${api}/schedules/:id/run/`, () =>
        HttpResponse.json({ status: 400, detail: "input.what: this field is required" }, { status: 400 }),
      ),
    );
    renderApp("/schedules");
    await waitFor(() => expect(screen.getByRole("switch", { name: "Nightly is enabled" })).toBeEnabled());
    await userEvent.click(screen.getByRole("switch", { name: "Nightly is enabled" }));
    expect(await screen.findByRole("switch", { name: "Nightly is disabled" })).not.toBeChecked();
    expect(sent).toEqual([{ enabled: false }]);
    await userEvent.click(screen.getByRole("button", { name: "Run Nightly now" }));
    expect(await screen.findByText("input.what: this field is required")).toBeInTheDocument();
  });

  it("are only read by viewers", async () => {
    answers({ schedules: [makeSchedule()], role: "viewer" });
    renderApp("/schedules");
    expect(await screen.findByRole("switch", { name: "Nightly is enabled" })).toBeDisabled();
    expect(screen.queryByRole("button", { name: "New schedule" })).not.toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Run Nightly now" })).not.toBeInTheDocument();
    expect(screen.getByRole("button", { name: "Moments of Nightly" })).toBeInTheDocument();
  });

  it("are made with a preview of their moments and the form of their workflow", async () => {
    answers({});
    const sent: Record<string, unknown>[] = [];
    server.use(
      http.post(`${api}/schedules/`, async ({ request }) => {
        const body = (await request.json()) as Record<string, unknown>;
        sent.push(body);
        return sent.length === 1
          ? HttpResponse.json(
              { status: 400, detail: "no", errors: { name: ["another schedule has this name"] } },
              { status: 400 },
            )
          : HttpResponse.json(makeSchedule(), { status: 201 });
      }),
    );
    renderApp("/schedules");
    await userEvent.click(await screen.findByRole("button", { name: "New schedule" }));
    const dialog = within(await screen.findByRole("dialog", { name: "New schedule" }));
    await dialog.findByRole("option", { name: "Bug Lifecycle" });
    await userEvent.click(dialog.getByRole("button", { name: "Create schedule" }));
    expect(dialog.getByText("Choose a workflow.")).toBeInTheDocument();
    expect(dialog.getByText("Say when.")).toBeInTheDocument();
    await userEvent.selectOptions(dialog.getByRole("combobox", { name: /Workflow/ }), "bug-lifecycle");
    await userEvent.type(dialog.getByRole("textbox", { name: /Name/ }), "Nightly");
    const when = dialog.getByRole("textbox", { name: /When/ });
    await userEvent.type(when, "61 * * * *");
    expect(await dialog.findByText("'61' is no minute: write 0 to 59")).toBeInTheDocument();
    await userEvent.click(dialog.getByRole("button", { name: "Daily at 9" }));
    expect(when).toHaveValue("0 9 * * *");
    const preview = within(dialog.getByRole("status", { name: "The next five moments" }));
    expect(await preview.findByText("At 09:00 every day")).toBeInTheDocument();
    expect(preview.getAllByRole("listitem")).toHaveLength(5);
    await userEvent.click(dialog.getByRole("radio", { name: /Start when it is over/ }));
    await userEvent.type(dialog.getByRole("textbox", { name: /Bug report/ }), "It broke");
    await userEvent.click(dialog.getByRole("button", { name: "Create schedule" }));
    expect(await dialog.findByText("another schedule has this name")).toBeInTheDocument();
    expect(sent[0]).toMatchObject({
      workflow: "bug-lifecycle",
      name: "Nightly",
      cron: "0 9 * * *",
      overlap: "queue",
      misfire: "once",
      input: { report: "It broke" },
    });
    await userEvent.click(dialog.getByRole("button", { name: "Create schedule" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  });

  it("show each of their moments and what came of it", async () => {
    answers({ schedules: [makeSchedule()] });
    const missed = { outcome: "missed", detail: "", run: null, at: moments[0] };
    const refused = { outcome: "refused", detail: "input.what: this field is required", run: null };
    server.use(
      http.get(`${api}/schedules/:id/runs/`, () =>
        HttpResponse.json(
          page([
            { ...missed, scheduled_for: moments[1] },
            { ...refused, scheduled_for: moments[0], at: moments[0] },
          ]),
        ),
      ),
    );
    renderApp("/schedules");
    await userEvent.click(await screen.findByRole("button", { name: "Moments of Nightly" }));
    const list = within(await screen.findByRole("list", { name: "Moments" }));
    expect(list.getByText("Missed")).toBeInTheDocument();
    expect(list.getByText("Could not start")).toBeInTheDocument();
    expect(list.getByText("input.what: this field is required")).toBeInTheDocument();
  });

  it("follow events", async () => {
    const state = { schedules: [makeSchedule()] };
    answers(state);
    renderApp("/schedules");
    await screen.findByRole("switch", { name: "Nightly is enabled" });
    state.schedules = [makeSchedule({ name: "Renamed" })];
    act(() => {
      for (const queryKey of applyEvents(queryClient, [scheduleEvent(11)]))
        void queryClient.invalidateQueries({ queryKey });
    });
    expect(await screen.findByRole("switch", { name: "Renamed is enabled" })).toBeInTheDocument();
  });
});

describe("the triggers", () => {
  it("show where to post, for which requests, and what came of the last one", async () => {
    answers({ triggers: [makeTrigger()], role: "operator" });
    renderApp("/schedules?tab=triggers");
    const row = within(await screen.findByRole("list", { name: "Triggers" }));
    expect(row.getByText("http://localhost:3000/api/v1/hooks/t-1/")).toBeInTheDocument();
    expect(row.getByText("body.action == 'opened'")).toBeInTheDocument();
    expect(row.getByText(/Started Bug Lifecycle #4/)).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "New trigger" })).not.toBeInTheDocument();
    expect(row.queryByRole("button", { name: /^New secret/ })).not.toBeInTheDocument();
  });

  it("give their secret once, with a script that signs", async () => {
    answers({});
    const sent: unknown[] = [];
    server.use(
      http.post(`${api}/triggers/`, async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json({ ...makeTrigger(), secret: "whsec_abc" }, { status: 201 });
      }),
    );
    renderApp("/schedules?tab=triggers");
    await userEvent.click(await screen.findByRole("button", { name: "New trigger" }));
    const dialog = within(await screen.findByRole("dialog", { name: "New trigger" }));
    await dialog.findByRole("option", { name: "Bug Lifecycle" });
    await userEvent.selectOptions(dialog.getByRole("combobox", { name: /Workflow/ }), "bug-lifecycle");
    await userEvent.type(dialog.getByRole("textbox", { name: /Name/ }), "Issues");
    const input = dialog.getByRole("textbox", { name: /Input of its runs/ });
    await userEvent.type(input, "nonsense");
    await userEvent.click(dialog.getByRole("button", { name: "Create trigger" }));
    expect(dialog.getByText("Write a JSON object, or nothing.")).toBeInTheDocument();
    await userEvent.clear(input);
    await userEvent.click(dialog.getByRole("button", { name: "Create trigger" }));
    const shown = within(await screen.findByRole("dialog", { name: "Issues" }));
    expect(shown.getByText("whsec_abc")).toBeInTheDocument();
    expect(
      within(shown.getByRole("region", { name: "Try it" })).getByText(/webhook-signature/),
    ).toBeVisible();
    expect(sent).toEqual([{ workflow: "bug-lifecycle", name: "Issues", condition: "", input: {} }]);
    await userEvent.click(shown.getByRole("button", { name: "Done" }));
    expect(screen.queryByText("whsec_abc")).not.toBeInTheDocument();
  });

  it("ask before a new secret replaces the old one", async () => {
    answers({ triggers: [makeTrigger()] });
    server.use(
      http.post(`${api}/triggers/:id/secret/`, () =>
        HttpResponse.json({ ...makeTrigger(), secret: "whsec_new", secret_version: 2 }),
      ),
    );
    renderApp("/schedules?tab=triggers");
    await userEvent.click(await screen.findByRole("button", { name: "New secret for Issues" }));
    const ask = within(await screen.findByRole("dialog", { name: "A new secret for Issues?" }));
    expect(ask.getByLabelText("Take requests signed with the old one, too, for")).toHaveValue("24");
    await userEvent.click(ask.getByRole("button", { name: "Make a new secret" }));
    const shown = within(await screen.findByRole("dialog", { name: "The new secret of Issues" }));
    expect(shown.getByText("whsec_new")).toBeInTheDocument();
  });
});
