/**
 * Every query key of the app. The live layer patches or invalidates by these, so a page that reads
 * through them is live without knowing the socket.
 */
type Filter = Record<string, string | number | undefined>;

export const keys = {
  me: ["me"] as const,
  apiKeys: {
    all: ["api-keys"] as const,
    list: (filter: Filter) => ["api-keys", "list", filter] as const,
    details: ["api-keys", "detail"] as const,
    detail: (id: string) => ["api-keys", "detail", id] as const,
  },
  dashboard: {
    all: ["dashboard"] as const,
    stats: ["dashboard", "stats"] as const,
    agents: ["dashboard", "agents"] as const,
    workflows: ["dashboard", "workflows"] as const,
    alerts: ["dashboard", "alerts"] as const,
    health: ["dashboard", "health"] as const,
    attention: ["dashboard", "attention"] as const,
  },
  agents: {
    all: ["agents"] as const,
    lists: ["agents", "list"] as const,
    list: (filter: Filter) => ["agents", "list", filter] as const,
    detail: (id: string) => ["agents", "detail", id] as const,
    commandRuns: (id: string) => ["agents", "command-runs", id] as const,
    activities: (id: string) => ["agents", "activities", id] as const,
    span: (id: number) => ["agents", "span", id] as const,
    activity: (traceId: string, spanId: string) => ["agents", "activity", traceId, spanId] as const,
  },
  sessions: {
    list: (filter: Filter) => ["sessions", "list", filter] as const,
    detail: (id: string) => ["sessions", "detail", id] as const,
  },
  commands: {
    all: ["commands"] as const,
    list: (filter: Filter) => ["commands", "list", filter] as const,
    detail: (name: string) => ["commands", "detail", name] as const,
  },
  commandRuns: {
    all: ["command-runs"] as const,
    lists: ["command-runs", "list"] as const,
    list: (filter: Filter) => ["command-runs", "list", filter] as const,
    detail: (id: string) => ["command-runs", "detail", id] as const,
    logs: ["command-runs", "log"] as const,
    log: (id: string) => ["command-runs", "log", id] as const,
  },
  workflows: {
    all: ["workflows"] as const,
    list: ["workflows", "list"] as const,
    detail: (slug: string) => ["workflows", "detail", slug] as const,
    pause: (slug: string) => ["workflows", "pause", slug] as const,
    versions: (slug: string) => ["workflows", "versions", slug] as const,
  },
  /** What never changes, or seldom: nothing live asks for it again. */
  definitions: {
    schema: ["definitions", "schema"] as const,
    agents: ["definitions", "agents"] as const,
    version: (slug: string, number: number) => ["definitions", "version", slug, number] as const,
    diff: (slug: string, from: number, to: number) => ["definitions", "diff", slug, from, to] as const,
  },
  runs: {
    all: ["runs"] as const,
    lists: ["runs", "list"] as const,
    list: (filter: Filter) => ["runs", "list", filter] as const,
    detail: (id: string) => ["runs", "detail", id] as const,
    spans: (id: string) => ["runs", "spans", id] as const,
    step: (id: string, key: string, item: number | undefined) =>
      ["runs", "step", id, key, item ?? null] as const,
    itemsOf: (id: string, parent: string) => ["runs", "items", id, parent] as const,
    items: (id: string, parent: string, status: string | undefined) =>
      ["runs", "items", id, parent, status ?? null] as const,
    /** How many fit a filter. */
    matching: (filter: Filter) => ["runs", "matching", filter] as const,
  },
  approvals: {
    lists: ["approvals", "list"] as const,
    details: ["approvals", "detail"] as const,
    list: (filter: Filter) => ["approvals", "list", filter] as const,
    detail: (id: string) => ["approvals", "detail", id] as const,
    openCount: ["approvals", "open-count"] as const,
  },
  schedules: {
    all: ["schedules"] as const,
    lists: ["schedules", "list"] as const,
    list: (filter: Filter) => ["schedules", "list", filter] as const,
    moments: (id: string) => ["schedules", "moments", id] as const,
  },
  /** What a cron expression means; no event changes it. */
  cron: (cron: string, zone: string) => ["cron", cron, zone] as const,
  triggers: {
    all: ["triggers"] as const,
    list: (filter: Filter) => ["triggers", "list", filter] as const,
  },
  webhooks: {
    all: ["webhooks"] as const,
    list: ["webhooks", "list"] as const,
    detail: (id: string) => ["webhooks", "detail", id] as const,
    deliveries: (id: string, state: string | undefined) =>
      ["webhooks", "deliveries", id, state ?? null] as const,
    delivery: (id: string, deliveryId: string) => ["webhooks", "delivery", id, deliveryId] as const,
  },
  /** What webhooks can ask for; no event changes it. */
  webhookKinds: ["webhook-kinds"] as const,
  /** The project's limits and what is at work. */
  project: ["project"] as const,
  noticeSecret: ["notice-secret"] as const,
  /** Whether the whole project is held. */
  pause: ["pause"] as const,
  events: {
    all: ["events"] as const,
    recent: ["events", "recent"] as const,
  },
  metrics: (range: string) => ["metrics", range] as const,
  alerts: {
    all: ["alerts"] as const,
    list: (filter: Filter) => ["alerts", "list", filter] as const,
  },
};
