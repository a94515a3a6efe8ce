import { useSyncExternalStore } from "react";
import { live } from "@/app/live";

/** The connection as the screen shows it, and a way to stop waiting for the next attempt. */
export function useWebSocket() {
  const status = useSyncExternalStore(live.subscribe, live.read);
  return { ...status, connected: status.phase === "live", retryNow: live.retryNow };
}
