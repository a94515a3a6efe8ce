/** Webhooks and their deliveries with sensible defaults; a test names only what it is about. */
import type { Webhook, WebhookDelivery, WebhookDeliveryDetail, WebhookKind } from "@/lib/api/types";

const at = "2026-11-22T08:00:00.000000Z";

export const makeWebhook = (over: Partial<Webhook> = {}): Webhook => ({
  id: "w-1",
  name: "Build server",
  url: "https://build.example.org/hooks/mc",
  events: ["run.finished", "alert.*"],
  enabled: true,
  disabled_reason: "",
  failing_since: null,
  last_success_at: at,
  waiting: 0,
  dead: 0,
  secret_version: 1,
  old_secret_until: null,
  owner: "ada",
  created_at: at,
  ...over,
});

export const makeDelivery = (over: Partial<WebhookDelivery> = {}): WebhookDelivery => ({
  id: "d-1",
  event_id: "e-1",
  type: "mc.run.finished",
  subject: "run/r-1",
  state: "sent",
  attempts: 1,
  next_at: null,
  last_status: 200,
  last_ms: 41.5,
  error: "",
  created_at: at,
  sent_at: at,
  ...over,
});

export const makeDeliveryDetail = (over: Partial<WebhookDeliveryDetail> = {}): WebhookDeliveryDetail => ({
  ...makeDelivery(),
  body: { specversion: "1.0", id: "e-1", type: "mc.run.finished", data: { run_id: "r-1" } },
  last_answer: "ok",
  ...over,
});

export const webhookKinds: WebhookKind[] = [
  {
    kind: "run.started",
    type: "mc.run.started",
    says: "A run of a workflow began or was queued",
    often: false,
  },
  { kind: "run.changed", type: "mc.run.changed", says: "A run moved on", often: true },
  { kind: "run.finished", type: "mc.run.finished", says: "A run completed or failed", often: false },
  { kind: "alert.opened", type: "mc.alert.opened", says: "A rule fired", often: false },
];
