import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "./settings-page";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import { makeMe } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const address = "*/api/v1/project/notice-secret/";

function as(role: string) {
  const me = makeMe();
  const project = { ...me.project, role };
  server.use(http.get("*/api/v1/me/", () => HttpResponse.json({ ...me, project } as typeof me)));
}

describe("the secret of approval notices", () => {
  it("is asked for when an admin wants to see it, and said to be missing when it cannot be had", async () => {
    as("admin");
    let asked = 0;
    server.use(
      http.get(address, () =>
        ++asked === 1
          ? HttpResponse.json({ status: 403, detail: "Only admins may." }, { status: 403 })
          : HttpResponse.json({ secret: "whsec_b2xk", version: 1, old_secret_until: null }),
      ),
    );
    renderApp("/settings");
    const show = await screen.findByRole("button", { name: "Show the secret" });
    expect(asked).toBe(0);
    await userEvent.click(show);
    expect(await screen.findByText("The secret could not be loaded")).toBeInTheDocument();
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("whsec_b2xk")).toBeInTheDocument();
    expect(screen.getByText("Secret, number 1")).toBeInTheDocument();
    expect(screen.getByText(/signed with this one only/)).toBeInTheDocument();
  });

  it("is replaced with a while in which both sign", async () => {
    as("admin");
    const sent: unknown[] = [];
    server.use(
      http.post(address, async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json({
          secret: "whsec_bmV3",
          version: 2,
          old_secret_until: "2999-01-01T00:00:00Z",
        });
      }),
    );
    renderApp("/settings");
    await userEvent.click(await screen.findByRole("button", { name: "New secret for approval notices" }));
    await userEvent.selectOptions(screen.getByLabelText(/Sign with the old one/), "72");
    await userEvent.click(screen.getByRole("button", { name: "Make a new secret" }));
    expect(await screen.findByText("whsec_bmV3")).toBeInTheDocument();
    expect(screen.getByText(/carry the old signature, too, until/)).toBeInTheDocument();
    expect(sent).toEqual([{ overlap_hours: 72 }]);
  });

  it("is not for operators", async () => {
    as("operator");
    renderApp("/settings");
    expect(await screen.findByText("Limits of the project")).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Show the secret" })).not.toBeInTheDocument();
  });
});
