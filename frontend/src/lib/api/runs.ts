/** Reading, starting and cancelling runs. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, idempotencyKey, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { JsonObject, Run, RunStatus } from "./types";

export type RunFilter = {
  status?: string;
  workflow?: string;
  /** The id of what started them; verbs on many runs know no such filter. */
  schedule?: string;
  trigger?: string;
};

export const runsQuery = (filter: RunFilter = {}) =>
  cursorList(keys.runs.list(filter), (cursor, signal) =>
    unwrap(
      api.GET("/api/v1/runs/", {
        params: { query: { ...filter, status: filter.status as RunStatus, cursor } },
        signal,
      }),
    ),
  );

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: keys.runs.detail(id),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/runs/{run_id}/", { params: { path: { run_id: id } }, signal })) as Promise<Run>,
  });

/** A retry of the same submit must not start a second run: the caller keeps one key per filled form. */
export function useStartRun(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ input, key = idempotencyKey() }: { input: JsonObject; key?: string }) =>
      unwrap(
        api.POST("/api/v1/workflows/{slug}/runs/", {
          params: { path: { slug }, header: { "Idempotency-Key": key } },
          body: { input },
        }),
      ),
    onSuccess: (run) => {
      client.setQueryData(keys.runs.detail(run.id), run);
      void client.invalidateQueries({ queryKey: keys.runs.lists });
      void client.invalidateQueries({ queryKey: keys.workflows.all });
    },
  });
}

export function useCancelRun(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/runs/{run_id}/cancellation/", { params: { path: { run_id: id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.runs.detail(id) }),
  });
}
