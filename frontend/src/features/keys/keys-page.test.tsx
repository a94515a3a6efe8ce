import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
// Compiled before the clock of a test starts.
import "@/routes/keys.lazy";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { ApiKey } from "@/lib/api/types";
import { makeApiKey } from "@/testing/api-keys";
import { makeMe } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
beforeEach(() => role("admin"));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

function role(is: "admin" | "viewer") {
  const me = makeMe();
  server.use(
    http.get("*/api/v1/me/", () => HttpResponse.json({ ...me, project: { ...me.project, role: is } })),
  );
}

function answer(pages: Record<string, ApiKey[]>) {
  const asked: string[] = [];
  server.use(
    http.get("*/api/v1/keys/", ({ request }) => {
      const { searchParams } = new URL(request.url);
      asked.push(searchParams.toString());
      const cursor = searchParams.get("cursor") ?? "first";
      const next = cursor === "first" && pages.second ? "/api/v1/keys/?cursor=second" : null;
      return HttpResponse.json({ next, previous: null, results: pages[cursor] ?? [] });
    }),
  );
  return asked;
}

it("lists keys in use, further pages on demand, and others when asked", async () => {
  const asked = answer({ first: [makeApiKey({ name: "ci" })], second: [makeApiKey({ name: "older" })] });
  renderApp("/keys");
  expect(await screen.findByRole("heading", { name: /^ci/ })).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Load more" }));
  expect(await screen.findByRole("heading", { name: /^older/ })).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Revoked or expired" }));
  await screen.findByRole("button", { name: "Revoked or expired", pressed: true });
  expect(asked[0]).toBe("state=usable");
  expect(asked.at(-1)).toBe("state=over");
});

it("rotates a key, shows the new one once and says until when the old one works", async () => {
  const key = makeApiKey({ name: "ci" });
  answer({ first: [key] });
  let sent: unknown;
  server.use(
    http.post(`*/api/v1/keys/${key.id}/rotation/`, async ({ request }) => {
      sent = await request.json();
      const made = makeApiKey({ name: "ci", replaces: key.id, created_at: "2026-11-22T13:00:00Z" });
      return HttpResponse.json({ ...made, key: "mc_new_once" }, { status: 201 });
    }),
  );
  renderApp("/keys");
  await userEvent.click(await screen.findByRole("button", { name: "Rotate ci" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.selectOptions(within(dialog).getByLabelText("The old key goes on"), "For three days");
  await userEvent.click(within(dialog).getByRole("button", { name: "Rotate key" }));
  expect(await screen.findByText("mc_new_once")).toBeInTheDocument();
  expect(screen.getByText(/The old key works until .*25/)).toBeInTheDocument();
  expect(sent).toEqual({ overlap_hours: 72 });
  await userEvent.click(screen.getByRole("button", { name: "Done" }));
  expect(screen.queryByText("mc_new_once")).not.toBeInTheDocument();
});

it("names the chain, and offers no second rotation", async () => {
  const [old, fresh] = [makeApiKey({ name: "old" }), makeApiKey({ name: "new" })];
  answer({
    first: [
      { ...fresh, replaces: old.id },
      { ...old, replaced_by: fresh.id, expires_at: "2027-01-01T00:00:00Z" },
    ],
  });
  renderApp("/keys");
  expect(await screen.findByText(/Replaced by/)).toHaveTextContent(`mc_${fresh.prefix}_…; works until`);
  expect(screen.getByText(/Replaces/)).toHaveTextContent(`mc_${old.prefix}_…`);
  expect(screen.queryByRole("button", { name: "Rotate old" })).not.toBeInTheDocument();
  expect(screen.getByRole("button", { name: "Rotate new" })).toBeInTheDocument();
});

it("keeps keys from those who are no admins", async () => {
  role("viewer");
  const asked = answer({ first: [makeApiKey()] });
  renderApp("/keys");
  expect(await screen.findByText("Only admins of the project see its keys")).toBeInTheDocument();
  expect(asked).toEqual([]);
});
