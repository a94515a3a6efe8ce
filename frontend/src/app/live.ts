/**
 * Joins the socket, the reducer and the query cache, once for the whole app. Pages never see this:
 * they read the cache through the hooks.
 */

import { announce } from "@/components/shell/announcer";
import { toast } from "@/components/ui/toast";
import { api, project, unwrap } from "@/lib/api/client";
import { keys } from "@/lib/api/keys";
import { session } from "@/lib/api/session";
import type { Snapshot, Stats } from "@/lib/api/types";
import {
  applyEvents,
  applyTicks,
  Batch,
  type LiveEvent,
  LiveSocket,
  type LiveStatus,
  type Tick,
  writeSnapshot,
} from "@/lib/live";
import { queryClient } from "./query";

type Position = { epoch: string; seq: number };
type Listener = () => void;

let status: LiveStatus = { phase: "idle", retryAt: null, staleSince: null, attempt: 0 };
let bootSnapshotUsed = false;
let snapshotInFlight: Promise<Snapshot> | null = null;
/** Where the cache stands until the socket takes over. */
let startAt: Position | null = null;
const listeners = new Set<Listener>();

async function fetchSnapshot(): Promise<Snapshot> {
  if (!bootSnapshotUsed && window.__boot) {
    bootSnapshotUsed = true;
    const early = await window.__boot.snapshot.catch(() => null);
    if (early) return early;
  }
  return unwrap(api.GET("/api/v1/monitoring/dashboard/snapshot/")) as Promise<Snapshot>;
}

/** One request for all who ask at once: the four hooks at start, the socket, the poll. */
export async function loadSnapshot(): Promise<Snapshot> {
  snapshotInFlight ??= fetchSnapshot()
    .then((snapshot) => {
      batch.clear();
      writeSnapshot(queryClient, snapshot);
      startAt = { epoch: snapshot.epoch, seq: snapshot.seq };
      return snapshot;
    })
    .finally(() => {
      snapshotInFlight = null;
    });
  return snapshotInFlight;
}

const stale = new Map<string, readonly unknown[]>();
let invalidation: ReturnType<typeof setTimeout> | null = null;
function invalidateSoon(list: (readonly unknown[])[]): void {
  for (const key of list) stale.set(JSON.stringify(key), key);
  if (stale.size === 0 || invalidation) return;
  invalidation = setTimeout(() => {
    invalidation = null;
    const due = [...stale.values()];
    stale.clear();
    for (const queryKey of due) void queryClient.invalidateQueries({ queryKey });
  }, 1000);
}

function tell(events: readonly LiveEvent[]): void {
  for (const event of events) {
    if (event.type === "system_alert" && event.state === "open") {
      toast({
        level: event.level,
        title: event.message,
        key: event.alert_id,
        link: { to: event.url.startsWith("/") ? event.url : "/alerts", label: "Look at it" },
      });
    } else if (event.type === "approval_update" && event.kind === "approval.opened") {
      announce("approval waiting");
    } else if (event.type === "agent_status_change" && event.status === "error") announce("agent failed");
    else if (event.type === "workflow_update" && event.previous_status !== event.status) {
      if (event.status === "completed") announce("run completed");
      else if (event.status === "failed") announce("run failed");
    }
  }
}

const isTick = (item: LiveEvent | Tick): item is Tick => !("seq" in item);
const batch = new Batch<LiveEvent | Tick>(
  (items) => {
    const events: LiveEvent[] = [];
    const ticks: Tick[] = [];
    for (const item of items) isTick(item) ? ticks.push(item) : events.push(item);
    if (events.length > 0) {
      invalidateSoon(applyEvents(queryClient, events));
      tell(events);
    }
    if (ticks.length > 0) invalidateSoon(applyTicks(queryClient, ticks));
  },
  () => socket.resync(),
);

async function snapshotForSocket(): Promise<Position> {
  const { epoch, seq } = await loadSnapshot();
  invalidateSoon([
    keys.agents.all,
    keys.runs.all,
    keys.commandRuns.all,
    keys.events.all,
    keys.alerts.all,
    keys.approvals.lists,
    keys.approvals.details,
    keys.pause,
  ]);
  return { epoch, seq };
}

const socket = new LiveSocket({
  connect: () => {
    const scheme = window.location.protocol === "https:" ? "wss" : "ws";
    // The browser's class has wider event types than the four fields read here.
    return new WebSocket(`${scheme}://${window.location.host}/ws/dashboard/`, ["dashboard"]) as never;
  },
  ticket: async () => (await unwrap(api.POST("/api/v1/auth/socket-ticket/"))).ticket,
  project: project.get,
  snapshot: snapshotForSocket,
  onEvent: (event) => batch.push(event),
  onTick: (tick) => batch.push(tick),
  onStatus: (next) => {
    // Events are replayed after a pause, ticks are not: logs read on from their last line.
    if (next.phase === "live" && status.phase !== "live") invalidateSoon([keys.commandRuns.logs]);
    status = next;
    for (const listener of listeners) listener();
  },
});

/**
 * Storage, response time and midnight are not events: once a minute the server's figures are read.
 * The counts are taken only when they were read at the very position the screen stands at.
 */
async function refreshFigures(): Promise<void> {
  if (document.visibilityState !== "visible" || status.phase !== "live") return;
  const { data, response } = await api.GET("/api/v1/monitoring/dashboard/stats/");
  if (!data) return;
  batch.run();
  queryClient.setQueryData<Stats>(keys.dashboard.stats, (before) => {
    if (!before || Number(response.headers.get("X-Journal-Seq")) === socket.at?.seq) return data;
    const { storage_used_mb, api_response_time_ms, timestamp } = data;
    return { ...before, storage_used_mb, api_response_time_ms, timestamp };
  });
}
let figures: ReturnType<typeof setInterval> | undefined;

let wanted = false;
const wake = () => {
  if (document.visibilityState === "visible") socket.wake();
};

// Another user or project starts from nothing.
session.subscribe((signedIn) => {
  if (!signedIn) startAt = null;
});

export const live = {
  /** Called by the shell once the user is known. */
  async start(): Promise<void> {
    wanted = true;
    figures = setInterval(() => void refreshFigures().catch(() => undefined), 60_000);
    window.addEventListener("online", wake);
    document.addEventListener("visibilitychange", wake);
    if (!startAt) await loadSnapshot().catch(() => undefined);
    // The first paint goes before the handshake; events since then are replayed.
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (wanted && session.signedIn) socket.start(startAt);
  },
  stop(): void {
    wanted = false;
    clearInterval(figures);
    window.removeEventListener("online", wake);
    document.removeEventListener("visibilitychange", wake);
    // Kept for a return to the same session only: another user starts from nothing.
    startAt = session.signedIn ? (socket.at ?? startAt) : null;
    socket.stop();
    batch.run();
  },
  retryNow: () => socket.retryNow(),
  read: (): LiveStatus => status,
  subscribe(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
