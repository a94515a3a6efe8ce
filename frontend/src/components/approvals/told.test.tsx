import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/components/work/markdown";
import "@/routes/approvals.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { Approval, Notice } from "@/lib/api/types";
import { makeMe, makeSnapshot } from "@/testing/factories";
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

const at = new Date().toISOString();
const notice = (over: Partial<Notice> = {}): Notice => ({
  id: crypto.randomUUID(),
  kind: "email",
  target: "ada@example.org",
  state: "sent",
  attempts: 1,
  error: "",
  next_at: null,
  created_at: at,
  sent_at: at,
  ...over,
});
const dead = notice({
  kind: "webhook",
  target: "hooks.example.org",
  state: "dead",
  attempts: 10,
  error: "The receiver answered 500.",
  sent_at: null,
});

function answers(approval: () => Approval, role: "viewer" | "operator" = "operator") {
  const me = makeMe();
  server.use(
    http.get("*/api/v1/me/", () => HttpResponse.json({ ...me, project: { ...me.project, role } })),
    http.get("*/api/v1/monitoring/dashboard/snapshot/", () => HttpResponse.json(makeSnapshot())),
    http.get("*/api/v1/approvals/", () => HttpResponse.json(page([approval()]))),
    http.get("*/api/v1/approvals/:id/", () => HttpResponse.json(approval())),
  );
}

describe("who was told of an approval", () => {
  it("is folded away while all went well, and is there to be looked at", async () => {
    answers(() => makeApproval({ notices: [notice(), notice({ target: "bob@example.org" })] }));
    renderApp("/approvals");
    const card = within(await screen.findByRole("article", { name: "Ship the fix?" }));
    const summary = card.getByText("2 notices");
    expect(summary.closest("details")).not.toHaveAttribute("open");
    await userEvent.click(summary);
    expect(card.getByText("bob@example.org")).toBeVisible();
    expect(card.getAllByText("Sent")).toHaveLength(2);
  });

  it("is open when somebody could not be told, with why, and can be sent again", async () => {
    let current = makeApproval({ escalated_at: at, notices: [notice(), dead] });
    const sent: string[] = [];
    answers(() => current);
    server.use(
      http.post("*/api/v1/approvals/:id/notices/:notice/delivery/", ({ params }) => {
        sent.push(String(params.notice));
        const again = { ...dead, state: "pending" as const, attempts: 0, error: "", next_at: at };
        current = { ...current, notices: [notice(), again] };
        return HttpResponse.json(current, { status: 202 });
      }),
    );
    renderApp("/approvals");
    const card = within(await screen.findByRole("article", { name: "Ship the fix?" }));
    expect(card.getByText(/Escalated/)).toBeInTheDocument();
    expect(card.getByText("· 1 not delivered")).toBeInTheDocument();
    expect(card.getByText("The receiver answered 500.")).toBeVisible();
    await userEvent.click(await card.findByRole("button", { name: "Send again to hooks.example.org" }));
    expect(await card.findByText("On its way")).toBeInTheDocument();
    expect(sent).toEqual([dead.id]);
  });

  it("offers to send again to operators alone, and only while it is open", async () => {
    answers(() => makeApproval({ notices: [dead], can_decide: false, why_not: "No." }), "viewer");
    renderApp("/approvals");
    const card = within(await screen.findByRole("article", { name: "Ship the fix?" }));
    await waitFor(() => expect(card.getByText("Not delivered")).toBeInTheDocument());
    expect(card.queryByRole("button", { name: /Send again/ })).not.toBeInTheDocument();
  });
});
