/** Holding work back, letting it go on, and trying again: runs, workflows and the whole project. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, idempotencyKey, unwrap } from "./client";
import { keys } from "./keys";
import type { JsonObject } from "./types";

export const pauseQuery = () =>
  queryOptions({
    queryKey: keys.pause,
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/pause/", { signal })),
    // The banner must not outlive a pause somebody else ended while this tab was offline.
    staleTime: 30_000,
  });

/** `true` holds everything of the project, `false` lets it go on. */
export function usePauseProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (pause: boolean) => unwrap(pause ? api.POST("/api/v1/pause/") : api.DELETE("/api/v1/pause/")),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.pause }),
        client.invalidateQueries({ queryKey: keys.runs.all }),
      ]),
  });
}

export const workflowPauseQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.workflows.pause(slug),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/workflows/{slug}/pause/", { params: { path: { slug } }, signal })),
  });

export function usePauseWorkflow(slug: string) {
  const client = useQueryClient();
  const at = { params: { path: { slug } } };
  return useMutation({
    mutationFn: (pause: boolean) =>
      unwrap(
        pause
          ? api.POST("/api/v1/workflows/{slug}/pause/", at)
          : api.DELETE("/api/v1/workflows/{slug}/pause/", at),
      ),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.workflows.all }),
        client.invalidateQueries({ queryKey: keys.runs.all }),
      ]),
  });
}

export function usePauseRun(id: string) {
  const client = useQueryClient();
  const at = { params: { path: { run_id: id } } };
  return useMutation({
    mutationFn: (pause: boolean) =>
      unwrap(
        pause ? api.POST("/api/v1/runs/{run_id}/pause/", at) : api.DELETE("/api/v1/runs/{run_id}/pause/", at),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.runs.detail(id) }),
  });
}

/** Another attempt for what did not succeed, or for the named step and everything after it. */
export function useRetryRun(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (step: string | undefined) =>
      unwrap(
        api.POST("/api/v1/runs/{run_id}/retry/", {
          params: { path: { run_id: id } },
          body: step === undefined ? {} : { step },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.runs.detail(id) }),
  });
}

/** The same workflow once more; the caller keeps one key per filled form. */
export function useRerun(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ input, key = idempotencyKey() }: { input: JsonObject; key?: string }) =>
      unwrap(
        api.POST("/api/v1/runs/{run_id}/rerun/", {
          params: { path: { run_id: id }, header: { "Idempotency-Key": key } },
          body: { input },
        }),
      ),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.runs.lists }),
        client.invalidateQueries({ queryKey: keys.workflows.all }),
      ]),
  });
}
