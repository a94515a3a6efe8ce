/** API keys and the state of the server. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { ApiError } from "./errors";
import { keys } from "./keys";
import type { ApiKey, Health, NewApiKey, Page } from "./types";

export type Scope = ApiKey["scopes"][number];

export const apiKeysQuery = queryOptions({
  queryKey: keys.apiKeys,
  // The document names the row; the answer is a page of rows.
  queryFn: ({ signal }) => unwrap(api.GET("/api/v1/keys/", { signal })) as unknown as Promise<Page<ApiKey>>,
  select: (page) => page.results,
});

export function useCreateKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { name: string; scopes: Scope[] }): Promise<NewApiKey> =>
      unwrap(api.POST("/api/v1/keys/", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.apiKeys }),
  });
}

export function useRevokeKey() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (key_id: string): Promise<unknown> =>
      unwrap<unknown>(api.DELETE("/api/v1/keys/{key_id}/", { params: { path: { key_id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.apiKeys }),
  });
}

export const projectQuery = queryOptions({
  queryKey: keys.project,
  queryFn: ({ signal }) => unwrap(api.GET("/api/v1/project/", { signal })),
  // What is at work moves all the time; only the limits are told live.
  refetchInterval: 10_000,
});

export function useChangeLimits() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { max_runs: number | null; max_command_runs: number | null }) =>
      unwrap(api.PATCH("/api/v1/project/", { body })),
    onSuccess: (project) => client.setQueryData(keys.project, project),
  });
}

/** An unhealthy server answers 503 with the same shape; that is an answer, not an error. */
export const healthQuery = queryOptions({
  queryKey: keys.dashboard.health,
  queryFn: async ({ signal }): Promise<Health> => {
    try {
      return await unwrap(api.GET("/api/v1/monitoring/dashboard/health/", { signal }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 503 && "database" in error.problem) {
        return error.problem as unknown as Health;
      }
      throw error;
    }
  },
  refetchInterval: 15_000,
});
