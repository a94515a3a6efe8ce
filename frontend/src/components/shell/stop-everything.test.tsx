import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "./stop-everything";
import "@/routes/workflows.lazy";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { applyEvents } from "@/lib/live";
import { pauseEvent } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const banner = () => screen.findByRole("region", { name: "Everything is paused" });

it("stops everything after asking, and resumes from the banner", async () => {
  let pause: { paused: boolean; by: string | null; at: string | null } = {
    paused: false,
    by: null,
    at: null,
  };
  server.use(
    http.get("*/api/v1/pause/", () => HttpResponse.json(pause)),
    http.post("*/api/v1/pause/", () => {
      pause = { paused: true, by: "ada", at: new Date().toISOString() };
      return HttpResponse.json(pause);
    }),
    http.delete("*/api/v1/pause/", () => {
      pause = { paused: false, by: null, at: null };
      return HttpResponse.json(pause);
    }),
  );
  renderApp("/workflows");
  await userEvent.click(await screen.findByRole("button", { name: "Stop everything" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Stop everything?" }));
  expect(pause.paused).toBe(false);
  await userEvent.click(dialog.getByRole("button", { name: "Stop everything" }));
  expect(await banner()).toHaveTextContent(/Everything is paused by ada since \d\d:\d\d/);
  expect(screen.queryByRole("button", { name: "Stop everything" })).not.toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Resume" }));
  await waitFor(() => expect(screen.queryByRole("button", { name: "Resume" })).not.toBeInTheDocument());
});

it("shows what somebody else stopped as soon as the event comes", async () => {
  renderApp("/workflows");
  await screen.findByRole("button", { name: "Stop everything" });
  act(() => void applyEvents(queryClient, [pauseEvent(11, { by: "grace", workflow: "bug-lifecycle" })]));
  expect(screen.queryByRole("region", { name: "Everything is paused" })).not.toBeInTheDocument();
  act(() => void applyEvents(queryClient, [pauseEvent(12, { by: "grace" })]));
  expect(await banner()).toHaveTextContent(/by grace/);
});
