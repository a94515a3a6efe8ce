import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/components/work/markdown";
import "@/routes/approvals.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { keys } from "@/lib/api/keys";
import { session } from "@/lib/api/session";
import type { Approval } from "@/lib/api/types";
import { applyEvents } from "@/lib/live";
import { approvalEvent, makeSnapshot } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeApproval, page } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

/** The server as it stands: open ones in the open list, each by its id. */
function answers(state: { approvals: Approval[] }) {
  const waiting = () => state.approvals.filter((each) => each.state === "open");
  server.use(
    http.get("*/api/v1/approvals/", ({ request }) => {
      const wanted = new URL(request.url).searchParams.get("state");
      return HttpResponse.json(
        page(wanted === "open" ? waiting() : state.approvals.filter((each) => each.state !== "open")),
      );
    }),
    http.get("*/api/v1/approvals/:id/", ({ params }) =>
      HttpResponse.json(state.approvals.find(({ id }) => id === params.id)),
    ),
    http.get("*/api/v1/monitoring/dashboard/snapshot/", () =>
      HttpResponse.json(makeSnapshot({ open_approvals: waiting().length })),
    ),
  );
}

const fields = {
  type: "object",
  required: ["channel"],
  properties: { channel: { type: "string", title: "Release channel", enum: ["stable", "beta"] } },
};

describe("the approvals page", () => {
  it("shows first what I can decide, and why I cannot decide the rest", async () => {
    const mine = makeApproval();
    const other = makeApproval({
      title: "Open port 443?",
      can_decide: false,
      why_not: "Whoever started the run cannot decide this; ask somebody else.",
    });
    answers({ approvals: [other, mine] });
    renderApp("/approvals");
    const needsMe = within(await screen.findByRole("region", { name: "Needs me" }));
    expect(needsMe.getByRole("article", { name: "Ship the fix?" })).toBeInTheDocument();
    expect(await needsMe.findByText("length")).toBeInTheDocument();
    const needsOthers = within(screen.getByRole("region", { name: "Needs others" }));
    const approve = needsOthers.getByRole("button", { name: "Approve" });
    expect(approve).toHaveAttribute("aria-disabled", "true");
    expect(approve).toHaveAccessibleDescription(other.why_not);
    await waitFor(() =>
      expect(screen.getByTitle("Approvals that wait for a person")).toHaveTextContent("2 approvals"),
    );
  });

  it("sends the form and the comment, and keeps the answered question in sight", async () => {
    const state = { approvals: [makeApproval({ fields })] };
    const sent: unknown[] = [];
    answers(state);
    server.use(
      http.post("*/api/v1/approvals/:id/decision/", async ({ request }) => {
        const body = (await request.json()) as { comment: string };
        sent.push(body);
        state.approvals = state.approvals.map((each) => ({
          ...each,
          state: "approved",
          can_decide: false,
          decisions: [
            {
              by: "ada",
              approved: true,
              option: "",
              comment: body.comment,
              fields: {},
              at: each.created_at,
            },
          ],
        }));
        return HttpResponse.json(state.approvals[0]);
      }),
    );
    renderApp("/approvals");
    const card = within(await screen.findByRole("article", { name: "Ship the fix?" }));
    await userEvent.click(card.getByRole("button", { name: "Approve" }));
    expect(card.getByText("Release channel is required.")).toBeInTheDocument();
    expect(sent).toEqual([]);
    await userEvent.selectOptions(card.getByRole("combobox", { name: /Release channel/ }), "beta");
    await userEvent.type(card.getByRole("textbox", { name: "Comment" }), "Tested by hand");
    await userEvent.click(card.getByRole("button", { name: "Approve" }));
    expect(await card.findByText("Approved")).toBeInTheDocument();
    expect(sent).toEqual([
      { approved: true, option: "", comment: "Tested by hand", fields: { channel: "beta" } },
    ]);
    expect(card.getByText("Tested by hand")).toBeInTheDocument();
    expect(card.queryByRole("button", { name: "Approve" })).not.toBeInTheDocument();
  });

  it("asks before it rejects, and says who was first when somebody else decided", async () => {
    answers({ approvals: [makeApproval({ fields })] });
    server.use(
      http.post("*/api/v1/approvals/:id/decision/", () =>
        HttpResponse.json({ status: 409, detail: "grace approved this at 12:01." }, { status: 409 }),
      ),
    );
    renderApp("/approvals");
    const card = within(await screen.findByRole("article", { name: "Ship the fix?" }));
    await userEvent.click(card.getByRole("button", { name: "Reject" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Reject this?" }));
    await userEvent.click(dialog.getByRole("button", { name: "Reject" }));
    expect(await dialog.findByText("grace approved this at 12:01.")).toBeInTheDocument();
  });

  it("follows events: the count at once, and the list after them", async () => {
    const first = makeApproval();
    const state = { approvals: [first] };
    answers(state);
    renderApp("/approvals");
    await screen.findByRole("article", { name: "Ship the fix?" });
    const second = makeApproval({ title: "Open port 443?" });
    state.approvals = [second, first];
    act(() => {
      const event = approvalEvent(11, { approval_id: second.id, open_approvals: 2 });
      const stale = applyEvents(queryClient, [event]);
      for (const queryKey of stale) void queryClient.invalidateQueries({ queryKey });
    });
    expect(queryClient.getQueryData(keys.approvals.openCount)).toBe(2);
    expect(await screen.findByRole("tab", { name: "Open 2" })).toBeInTheDocument();
    expect(await screen.findByRole("article", { name: "Open port 443?" })).toBeInTheDocument();
  });
});
