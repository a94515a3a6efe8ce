/** Reading measurements over time, and reading and acknowledging alerts. */
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { AlertState, MetricsRange } from "./types";

export const metricsQuery = (range: MetricsRange) =>
  queryOptions({
    queryKey: keys.metrics(range),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/monitoring/metrics/", { params: { query: { range } }, signal })),
    placeholderData: keepPreviousData,
  });

export const alertsQuery = (state: AlertState) =>
  cursorList(keys.alerts.list({ state }), (cursor, signal) =>
    unwrap(api.GET("/api/v1/monitoring/alerts/", { params: { query: { state, cursor } }, signal })),
  );

export function useAcknowledgeAlert() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(
        api.POST("/api/v1/monitoring/alerts/{alert_id}/acknowledgement/", {
          params: { path: { alert_id: id } },
        }),
      ),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.alerts.all }),
        client.invalidateQueries({ queryKey: keys.dashboard.alerts }),
        client.invalidateQueries({ queryKey: keys.dashboard.attention }),
      ]),
  });
}
