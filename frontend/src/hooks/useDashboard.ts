/**
 * The dashboard's data. Each query is filled by the one snapshot request and then kept current by the
 * socket, so nothing here polls.
 */
import { useQuery } from "@tanstack/react-query";
import { loadSnapshot } from "@/app/live";
import { queryClient } from "@/app/query";
import { keys } from "@/lib/api/keys";
import type { DashboardAgent, DashboardWorkflow, OpenAlert, Snapshot, Stats } from "@/lib/api/types";

function part<K extends "stats" | "agents" | "workflows" | "alerts">(name: K) {
  return {
    queryKey: keys.dashboard[name],
    queryFn: async (): Promise<Snapshot[K]> => (await loadSnapshot())[name],
    // The socket keeps it current; comparing 10,000 rows deeply per event would cost the frame.
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false as const,
    // Four queries share one request; their retries should end together, and the socket polls anyway.
    retry: 1,
    retryDelay: 1000,
  };
}

export const useDashboardStats = () => useQuery<Stats>(part("stats"), queryClient);
export const useAgentStatus = () => useQuery<DashboardAgent[]>(part("agents"), queryClient);
/** The newest 100 runs, newest first. */
export const useRecentWorkflows = () => useQuery<DashboardWorkflow[]>(part("workflows"), queryClient);
export const useOpenAlerts = () => useQuery<OpenAlert[]>(part("alerts"), queryClient);
