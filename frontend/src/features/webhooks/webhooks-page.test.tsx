import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
// Compiled before the clock of a test starts.
import "@/routes/webhook.lazy";
import "@/routes/webhooks.lazy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queryClient } from "@/app/query";
import { session } from "@/lib/api/session";
import type { Webhook, WebhookDelivery } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { applyTicks } from "@/lib/live";
import { makeMe } from "@/testing/factories";
import { renderApp } from "@/testing/render";
import { server } from "@/testing/server";
import { makeDelivery, makeDeliveryDetail, makeWebhook, webhookKinds } from "@/testing/webhooks";
import { page } from "@/testing/work";

beforeAll(() => server.listen({ onUnhandledRequest: "bypass" }));
afterEach(() => {
  server.resetHandlers();
  queryClient.clear();
  session.end();
});
afterAll(() => server.close());

const api = "*/api/v1";

interface State {
  webhooks?: Webhook[];
  deliveries?: WebhookDelivery[];
  role?: string;
}

function answers(state: State) {
  const me = makeMe();
  const project = { ...me.project, role: state.role ?? "admin" };
  const all = () => state.webhooks ?? [];
  server.use(
    http.get(`${api}/me/`, () => HttpResponse.json({ ...me, project } as typeof me)),
    http.get(`${api}/webhooks/`, () => HttpResponse.json(page(all()))),
    http.get(`${api}/webhooks/kinds/`, () => HttpResponse.json(webhookKinds)),
    http.get(`${api}/webhooks/:id/`, ({ params }) => {
      const found = all().find(({ id }) => id === params.id);
      return found
        ? HttpResponse.json(found)
        : HttpResponse.json({ status: 404, detail: "There is no such webhook." }, { status: 404 });
    }),
    http.get(`${api}/webhooks/:id/deliveries/`, ({ request }) => {
      const wanted = new URL(request.url).searchParams.get("state");
      return HttpResponse.json(
        page((state.deliveries ?? []).filter((one) => !wanted || one.state === wanted)),
      );
    }),
  );
}

describe("the webhooks", () => {
  it("say where events go and how each does", async () => {
    answers({
      webhooks: [
        makeWebhook({ waiting: 2, dead: 3, failing_since: "2026-11-22T09:00:00Z" }),
        makeWebhook({
          id: "w-2",
          name: "Old",
          enabled: false,
          disabled_reason: "It took nothing for 5 days.",
        }),
        makeWebhook({ id: "w-3", name: "New", last_success_at: null, events: ["*"] }),
      ],
    });
    renderApp("/webhooks");
    const list = within(await screen.findByRole("list", { name: "Webhooks" }));
    expect(list.getByText("Failing")).toBeInTheDocument();
    expect(list.getByRole("link", { name: "2 waiting" })).toHaveAttribute(
      "href",
      "/webhooks/w-1?state=pending",
    );
    expect(list.getByRole("link", { name: "3 dead" })).toHaveAttribute("href", "/webhooks/w-1?state=dead");
    expect(list.getByText("It took nothing for 5 days.")).toBeInTheDocument();
    expect(list.getByText("Nothing sent yet")).toBeInTheDocument();
    expect(list.getByText("everything")).toBeInTheDocument();
    expect(list.getByRole("switch", { name: "Old is disabled" })).not.toBeChecked();
  });

  it("are read by operators, without any button that changes them, and not shown to viewers", async () => {
    answers({ webhooks: [makeWebhook()], role: "operator" });
    const { unmount } = renderApp("/webhooks");
    expect(await screen.findByRole("link", { name: "Build server" })).toBeInTheDocument();
    expect(screen.queryByRole("button", { name: /Change|Delete|New/ })).not.toBeInTheDocument();
    expect(screen.getByRole("switch", { name: "Build server is enabled" })).toBeDisabled();
    unmount();
    queryClient.clear();
    answers({ role: "viewer" });
    renderApp("/webhooks");
    expect(await screen.findByText("Webhooks are shown to operators and admins")).toBeInTheDocument();
  });

  it("say what failed and load again on request", async () => {
    let broken = true;
    answers({ webhooks: [makeWebhook()] });
    server.use(
      http.get(`${api}/webhooks/`, () =>
        broken
          ? HttpResponse.json({ status: 400, detail: "It broke." }, { status: 400 })
          : HttpResponse.json(page([makeWebhook()])),
      ),
    );
    renderApp("/webhooks");
    expect(await screen.findByText("The webhooks could not be loaded")).toBeInTheDocument();
    broken = false;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("link", { name: "Build server" })).toBeInTheDocument();
  });

  it("are made with a choice of kinds, and give their secret once", async () => {
    answers({ webhooks: [] });
    const sent: unknown[] = [];
    server.use(
      http.post(`${api}/webhooks/`, async ({ request }) => {
        sent.push(await request.json());
        return sent.length === 1
          ? HttpResponse.json(
              { status: 400, detail: "no", errors: { url: ["Requests to 10.0.0.1 are not allowed here."] } },
              { status: 400 },
            )
          : HttpResponse.json({ ...makeWebhook(), secret: "whsec_c2VjcmV0" }, { status: 201 });
      }),
    );
    renderApp("/webhooks");
    expect(await screen.findByText("No webhooks yet")).toBeInTheDocument();
    await userEvent.click(await screen.findByRole("button", { name: "New webhook" }));
    const dialog = within(await screen.findByRole("dialog", { name: "New webhook" }));
    await userEvent.click(dialog.getByRole("button", { name: "Create webhook" }));
    expect(dialog.getByText("Give it a name.")).toBeInTheDocument();
    await userEvent.type(dialog.getByLabelText(/^Name/), "Build server");
    await userEvent.type(dialog.getByLabelText(/^Address/), "http://10.0.0.1/");
    const runs = within(await dialog.findByRole("group", { name: "Run" }));
    await userEvent.click(runs.getByRole("checkbox", { name: /run\.\*/ }));
    expect(runs.getByRole("checkbox", { name: /run\.changed/ })).toBeDisabled();
    expect(runs.getByRole("checkbox", { name: /run\.changed/ })).toBeChecked();
    await userEvent.click(dialog.getByRole("button", { name: "Create webhook" }));
    expect(await dialog.findByText("Requests to 10.0.0.1 are not allowed here.")).toBeInTheDocument();
    await userEvent.click(dialog.getByRole("button", { name: "Create webhook" }));
    expect(await screen.findByText("whsec_c2VjcmV0")).toBeInTheDocument();
    expect(sent.at(-1)).toEqual({
      name: "Build server",
      url: "http://10.0.0.1/",
      events: ["alert.opened", "run.*"],
    });
    await userEvent.click(screen.getByRole("button", { name: "Done" }));
    await waitFor(() => expect(screen.queryByText("whsec_c2VjcmV0")).not.toBeInTheDocument());
  });

  it("are tried, and say what came back and how fast", async () => {
    answers({ webhooks: [makeWebhook()] });
    server.use(
      http.post(`${api}/webhooks/:id/test/`, () =>
        HttpResponse.json({
          ok: false,
          status: 503,
          ms: 35.2,
          answer: "come\u202eback",
          error: "The receiver answered 503.",
        }),
      ),
    );
    renderApp("/webhooks");
    await userEvent.click(await screen.findByRole("button", { name: "Send a test event to Build server" }));
    expect(await screen.findByText("The test event did not arrive")).toBeInTheDocument();
    expect(screen.getByText(/503 in 35/)).toBeInTheDocument();
    expect(screen.getByText(visibleText("come\u202eback"))).toBeInTheDocument();
  });

  it("get another secret, with a while in which both are valid", async () => {
    answers({ webhooks: [makeWebhook()] });
    const sent: unknown[] = [];
    server.use(
      http.post(`${api}/webhooks/:id/secret/`, async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json({
          ...makeWebhook({ secret_version: 2, old_secret_until: "2999-01-01T00:00:00Z" }),
          secret: "whsec_bmV3",
        });
      }),
    );
    renderApp("/webhooks/w-1");
    await userEvent.click(await screen.findByRole("button", { name: "New secret for Build server" }));
    await userEvent.selectOptions(screen.getByLabelText(/Sign with the old one/), "168");
    await userEvent.click(screen.getByRole("button", { name: "Make a new secret" }));
    expect(await screen.findByText("whsec_bmV3")).toBeInTheDocument();
    expect(screen.getByText(/both signatures/)).toBeInTheDocument();
    expect(sent).toEqual([{ overlap_hours: 168 }]);
  });
});

describe("a webhook", () => {
  const dead = makeDelivery({
    id: "d-2",
    state: "dead",
    attempts: 10,
    last_status: 500,
    error: "The receiver answered 500.",
    sent_at: null,
  });

  it("shows each delivery, what was sent and what was answered, and sends it again", async () => {
    const state = { webhooks: [makeWebhook({ dead: 1 })], deliveries: [makeDelivery(), dead] };
    answers(state);
    const sent: string[] = [];
    server.use(
      http.get(`${api}/webhooks/:id/deliveries/d-2/`, () =>
        HttpResponse.json(makeDeliveryDetail({ ...dead, last_answer: "<b>no</b>" })),
      ),
      http.post(`${api}/webhooks/:id/deliveries/:delivery/resend/`, ({ params }) => {
        sent.push(String(params.delivery));
        return HttpResponse.json(makeDeliveryDetail({ ...dead, state: "pending", attempts: 0 }));
      }),
    );
    const { router } = renderApp("/webhooks/w-1");
    const list = within(await screen.findByRole("list", { name: "Deliveries" }));
    const rows = list.getAllByRole("listitem");
    expect(rows).toHaveLength(2);
    expect(within(rows[1] as HTMLElement).getByText("Dead")).toBeInTheDocument();
    expect(within(rows[1] as HTMLElement).getByText(/500 .* 10 tries/)).toBeInTheDocument();
    await userEvent.click(within(rows[1] as HTMLElement).getByRole("button", { name: "mc.run.finished" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(await dialog.findByText("<b>no</b>")).toBeInTheDocument();
    expect(dialog.getByText(/"run_id": "r-1"/)).toBeInTheDocument();
    expect(router.state.location.search).toEqual({ delivery: "d-2" });
    await userEvent.click(dialog.getByRole("button", { name: "Send again" }));
    await waitFor(() => expect(sent).toEqual(["d-2"]));
    await userEvent.keyboard("{Escape}");
    await waitFor(() => expect(router.state.location.search).toEqual({}));
  });

  it("sends the dead ones again after asking", async () => {
    const state = { webhooks: [makeWebhook({ dead: 1200 })], deliveries: [dead] };
    answers(state);
    server.use(
      http.post(`${api}/webhooks/:id/resend/`, () => {
        state.webhooks = [makeWebhook({ dead: 200, waiting: 1000 })];
        return HttpResponse.json({ resent: 1000, left: 200 });
      }),
    );
    renderApp("/webhooks/w-1?state=dead");
    await userEvent.click(await screen.findByRole("button", { name: "Send again" }));
    const dialog = within(await screen.findByRole("dialog"));
    await userEvent.click(dialog.getByRole("button", { name: "Send again" }));
    expect(await screen.findByRole("tab", { name: /Waiting 1,?000/ })).toBeInTheDocument();
  });

  it("shows one state at a time and follows what is tried", async () => {
    const waiting = makeDelivery({ state: "pending", attempts: 0, last_status: null, last_ms: null });
    const state = { webhooks: [makeWebhook({ waiting: 1 })], deliveries: [waiting] };
    answers(state);
    const { router } = renderApp("/webhooks/w-1");
    await userEvent.click(await screen.findByRole("tab", { name: /Waiting/ }));
    expect(router.state.location.search).toEqual({ state: "pending" });
    expect(await screen.findByRole("button", { name: "mc.run.finished" })).toBeInTheDocument();
    state.webhooks = [makeWebhook()];
    state.deliveries = [makeDelivery()];
    const lacking = applyTicks(queryClient, [
      { type: "webhook_tried", webhook_id: "w-1", delivery_id: "d-1", state: "sent" },
    ]);
    await act(async () => {
      for (const queryKey of lacking) await queryClient.invalidateQueries({ queryKey });
    });
    expect(await screen.findByText("None of these")).toBeInTheDocument();
  });

  it("is disabled, and deleted after asking", async () => {
    const state = { webhooks: [makeWebhook()] };
    answers(state);
    const sent: unknown[] = [];
    server.use(
      http.patch(`${api}/webhooks/w-1/`, async ({ request }) => {
        sent.push(await request.json());
        state.webhooks = [makeWebhook({ enabled: false })];
        return HttpResponse.json(state.webhooks[0]);
      }),
      http.delete(`${api}/webhooks/w-1/`, () => {
        state.webhooks = [];
        return new HttpResponse(null, { status: 204 });
      }),
    );
    const { router } = renderApp("/webhooks/w-1");
    const enabled = await screen.findByRole("switch", { name: "Build server is enabled" });
    await waitFor(() => expect(enabled).toBeEnabled());
    await userEvent.click(enabled);
    expect(await screen.findByRole("switch", { name: "Build server is disabled" })).not.toBeChecked();
    expect(sent).toEqual([{ enabled: false }]);
    await userEvent.click(screen.getByRole("button", { name: "Delete" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Delete Build server?" }));
    await userEvent.click(dialog.getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/webhooks"));
    expect(await screen.findByText("No webhooks yet")).toBeInTheDocument();
  });

  it("that does not exist says so", async () => {
    answers({});
    renderApp("/webhooks/w-9");
    expect(await screen.findByText("This webhook could not be loaded")).toBeInTheDocument();
    expect(screen.getByText("There is no such webhook.")).toBeInTheDocument();
  });
});
