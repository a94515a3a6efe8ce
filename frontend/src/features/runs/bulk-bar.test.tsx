import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/runs.lazy";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeRunDetail } from "@/testing/work";

const runs = [5, 4, 3, 2, 1].map((number) => makeRunDetail({ number }));
type Body = {
  filter: { ids?: string[]; status?: string };
  dry_run: boolean;
  limit: number;
  priority?: number;
};
let sent: { verb: string; body: Body }[] = [];

/** Answers every verb on many: of what is chosen all is possible but what `refused` names. */
function answers(refused: { id: string; why: string }[] = [], matching = 5) {
  server.use(
    http.get("*/api/v1/runs/", () => HttpResponse.json({ next: null, previous: null, results: runs })),
    http.post<{ verb: string }, Body>("*/api/v1/runs/:verb/", async ({ params, request }) => {
      const body = await request.json();
      sent.push({ verb: params.verb, body });
      const matched = body.filter.ids?.length ?? matching;
      return HttpResponse.json({ matched, done: matched - refused.length, left: 0, refused });
    }),
  );
}

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
beforeEach(() => {
  sent = [];
});
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const box = (number: number) => screen.findByRole("checkbox", { name: `Choose Bug Lifecycle #${number}` });
/** What was asked for in earnest. */
const real = (verb: string) =>
  sent.filter((one) => one.verb === verb && !one.body.dry_run).map(({ body }) => body);
const bar = () => screen.findByRole("region", { name: "Chosen runs" });

describe("runs chosen in the list", () => {
  it("are counted, a range with Shift, and let go with Escape", async () => {
    answers();
    renderApp("/runs");
    const user = userEvent.setup();
    await user.click(await box(5));
    expect(within(await bar()).getByText("1 run chosen")).toBeInTheDocument();
    await user.keyboard("{Shift>}");
    await user.click(await box(3));
    await user.keyboard("{/Shift}");
    expect(within(await bar()).getByText("3 runs chosen")).toBeInTheDocument();
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("region", { name: "Chosen runs" })).not.toBeInTheDocument();
    await user.click(screen.getByRole("checkbox", { name: "Choose all 5 that are shown" }));
    expect(within(await bar()).getByText("5 runs chosen")).toBeInTheDocument();
  });

  it("are paused after saying how many will be and which refuse", async () => {
    const [first, second] = runs;
    answers([{ id: second?.id ?? "", why: "It is paused already." }]);
    renderApp("/runs");
    await userEvent.click(await box(5));
    await userEvent.click(await box(4));
    await userEvent.click(within(await bar()).getByRole("button", { name: "Pause" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Pause these runs?" }));
    expect(await dialog.findByText("1 run")).toBeInTheDocument();
    expect(dialog.getByText("It is paused already.")).toBeInTheDocument();
    expect(dialog.getByText("Bug Lifecycle #4")).toBeInTheDocument();
    await userEvent.click(dialog.getByRole("button", { name: "Pause" }));
    expect(await dialog.findByRole("button", { name: "Done" })).toBeVisible();
    expect(dialog.getByText(/paused\./)).toBeInTheDocument();
    expect(real("pauses").map(({ filter }) => filter.ids)).toEqual([[first?.id, second?.id]]);
  });

  it("can be all that match the filter, on the server", async () => {
    answers([], 1234);
    renderApp("/runs?status=running");
    await userEvent.click(await box(1));
    await userEvent.click(within(await bar()).getByRole("button", { name: "All 1,234 that match" }));
    await userEvent.click(within(await bar()).getByRole("button", { name: "Cancel" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Cancel these runs?" }));
    await userEvent.click(await dialog.findByRole("button", { name: "Cancel runs" }));
    await waitFor(() => expect(real("cancellations")).toHaveLength(1));
    expect(real("cancellations")[0]?.filter).toEqual({ status: "running" });
  });

  it("get the priority that is typed, and no other", async () => {
    answers();
    renderApp("/runs");
    await userEvent.click(await box(2));
    await userEvent.click(within(await bar()).getByRole("button", { name: "Priority…" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Change their priority?" }));
    const field = dialog.getByRole("spinbutton", { name: "Priority" });
    await userEvent.clear(field);
    await userEvent.type(field, "101");
    expect(dialog.getByRole("button", { name: "Set priority" })).toBeDisabled();
    await userEvent.clear(field);
    await userEvent.type(field, "-5");
    await waitFor(() => expect(dialog.getByRole("button", { name: "Set priority" })).toBeEnabled());
    await userEvent.click(dialog.getByRole("button", { name: "Set priority" }));
    await waitFor(() => expect(real("priorities")[0]).toMatchObject({ priority: -5 }));
  });
});
