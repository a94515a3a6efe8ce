import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/workflow.lazy";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { makeMe } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeWorkflow, page } from "@/testing/work";
import { diffLines } from "./text-diff";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const at = "2026-11-22T12:00:00.000000Z";
const row = (number: number) => ({ number, by: "grace", at, checksum: String(number) });

it("lists versions, shows what changed between two, and uses an old one again", async () => {
  const used: string[] = [];
  const asked: string[] = [];
  server.use(
    http.get("*/api/v1/me/", () => HttpResponse.json(makeMe())),
    http.get("*/api/v1/workflows/bug-lifecycle/", () => HttpResponse.json(makeWorkflow({ version: 3 }))),
    http.get("*/api/v1/workflows/bug-lifecycle/versions/", () =>
      HttpResponse.json(page([row(3), row(2), row(1)])),
    ),
    http.get("*/api/v1/workflows/bug-lifecycle/versions/:from/diff/", ({ request, params }) => {
      asked.push(`${params.from}→${new URL(request.url).searchParams.get("to")}`);
      return HttpResponse.json({
        from_version: Number(params.from),
        to_version: 3,
        changes: [],
        steps: [
          { key: "fix", name: "Fix", kind: "added", changes: [] },
          {
            key: "triage",
            name: "Triage",
            kind: "changed",
            changes: [{ path: "retry.attempts", kind: "changed", before: 2, after: 4 }],
          },
        ],
        text: "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n",
        text_only: false,
      });
    }),
    http.post("*/api/v1/workflows/bug-lifecycle/versions/:number/current/", ({ params }) => {
      used.push(String(params.number));
      const saved = { slug: "bug-lifecycle", name: "N", version: 4, is_new_version: true };
      return HttpResponse.json(saved, { status: 201 });
    }),
  );
  const { router } = renderApp("/workflows/bug-lifecycle?tab=versions");
  const rows = within(await screen.findByRole("list", { name: "Versions" }));
  expect(rows.getAllByRole("listitem")).toHaveLength(3);
  const changes = await screen.findByRole("list", { name: "Changes" });
  expect(changes).toHaveTextContent("addedFixfix");
  expect(changes).toHaveTextContent("changedretry.attempts2→4");
  const lines = screen.getByRole("region", { name: "Lines added and removed" });
  expect(within(lines).getByText("Added:").parentElement).toHaveTextContent("Added: new");
  await userEvent.selectOptions(screen.getByLabelText("From"), "Version 1");
  await waitFor(() => expect(router.state.location.search).toMatchObject({ from: 1, to: 3 }));
  expect(asked).toEqual(["2→3", "1→3"]);
  const first = rows.getAllByRole("listitem")[2];
  if (!first) throw new Error("there is no first version");
  await userEvent.click(await within(first).findByRole("button", { name: "Use again" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Use version 1 again?" }));
  await userEvent.click(dialog.getByRole("button", { name: "Use again" }));
  await waitFor(() => expect(used).toEqual(["1"]));
});

it("takes a unified diff apart", () => {
  expect(diffLines("--- a\n+++ b\n@@ -1,2 +1,2 @@\n--- x\n+y\n z\n")).toEqual([
    { mark: "@", text: "@@ -1,2 +1,2 @@" },
    { mark: "-", text: "-- x" },
    { mark: "+", text: "y" },
    { mark: " ", text: "z" },
  ]);
});
