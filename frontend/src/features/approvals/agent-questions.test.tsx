import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/components/work/markdown";
import "@/routes/approvals.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { Approval } from "@/lib/api/types";
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

const question = (over: Partial<Approval> = {}) =>
  makeApproval({
    title: "Which branch?",
    run: null,
    step: null,
    agent: { id: "a1", name: "Scout\u202e" },
    command_run: { id: "c1", title: "Look for <b>bugs</b>" },
    options: ["main", "next\u202e"],
    ...over,
  });

async function shown(approval: Approval) {
  const sent: unknown[] = [];
  server.use(
    http.get("*/api/v1/approvals/", () => HttpResponse.json(page([approval]))),
    http.post("*/api/v1/approvals/:id/decision/", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(approval);
    }),
  );
  renderApp("/approvals");
  return { card: within(await screen.findByRole("article", { name: approval.title })), sent };
}

describe("a question of an agent", () => {
  it("says which agent asks and at what it works, and links to no run", async () => {
    const { card } = await shown(question());
    expect(card.getByRole("link", { name: "Scout\\u202e" })).toHaveAttribute("href", "/agents/a1");
    expect(card.getByText("At work on Look for <b>bugs</b>")).toBeInTheDocument();
    expect(card.getByText("Ordered by grace")).toBeInTheDocument();
    expect(card.getAllByRole("link")).toHaveLength(1);
  });

  it("is approved with one of its options and no other way", async () => {
    const { card, sent } = await shown(question());
    const options = within(card.getByRole("group", { name: "Choose one" }));
    expect(options.getAllByRole("radio")).toHaveLength(2);
    await userEvent.click(card.getByRole("button", { name: "Approve" }));
    expect(card.getByText("Choose one of these to approve.")).toBeInTheDocument();
    expect(sent).toEqual([]);
    await userEvent.click(options.getByRole("radio", { name: "next\\u202e" }));
    await userEvent.click(card.getByRole("button", { name: "Approve" }));
    expect(sent).toEqual([{ approved: true, option: "next\u202e", comment: "", fields: {} }]);
  });

  it("is rejected without one, and says what that means", async () => {
    const { card, sent } = await shown(question());
    await userEvent.click(card.getByRole("button", { name: "Reject" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Reject this?" }));
    expect(dialog.getByText(/goes on as it sees fit/)).toBeInTheDocument();
    await userEvent.click(dialog.getByRole("button", { name: "Reject" }));
    expect(sent).toEqual([{ approved: false, option: "", comment: "" }]);
  });

  it("counts those who chose the same", async () => {
    const said = (by: string, option: string) => ({
      by,
      option,
      approved: true,
      comment: "",
      fields: {},
      at: "2026-11-22T12:00:00Z",
    });
    const decisions = [said("ada", "main"), said("bob", "next"), said("eve", "main")];
    const { card } = await shown(question({ min_approvals: 3, decisions }));
    expect(card.getByText("2 of 3 approvals given")).toBeInTheDocument();
    const items = within(card.getByRole("list", { name: "Decisions" })).getAllByRole("listitem");
    expect(items[1]).toHaveTextContent("next");
  });
});
