import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
// Compiled before the clock of a test starts.
import "@/routes/alerts.lazy";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { makeAlert } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { page } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

it("shows open alerts with a link to their cause until somebody takes them on", async () => {
  const alert = makeAlert({ message: "Three runs failed" });
  let open = [alert];
  server.use(
    http.get("*/api/v1/monitoring/alerts/", () => HttpResponse.json(page(open))),
    http.post(`*/api/v1/monitoring/alerts/${alert.id}/acknowledgement/`, () => {
      open = [];
      return HttpResponse.json({ ...alert, state: "acknowledged" });
    }),
  );
  renderApp("/alerts");
  expect(await screen.findByText("Three runs failed")).toBeInTheDocument();
  expect(screen.getByRole("link", { name: "Look at it" })).toHaveAttribute("href", "/runs?status=failed");
  await userEvent.click(await screen.findByRole("button", { name: "Acknowledge" }));
  expect(await screen.findByText("All clear")).toBeInTheDocument();
});
