/** The project and the state of the server. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { ApiError } from "./errors";
import { keys } from "./keys";
import type { components } from "./schema";
import type { Health } from "./types";

export const projectQuery = queryOptions({
  queryKey: keys.project,
  queryFn: ({ signal }) => unwrap(api.GET("/api/v1/project/", { signal })),
  // What is at work moves all the time; only the limits are told live.
  refetchInterval: 10_000,
});

export type NoticeSecret = components["schemas"]["NoticeSecret"];

/** Read when somebody looks at it, never before, and not kept afterwards. */
export const noticeSecretQuery = queryOptions({
  queryKey: keys.noticeSecret,
  queryFn: ({ signal }) => unwrap(api.GET("/api/v1/project/notice-secret/", { signal })),
  gcTime: 0,
});

export function useRotateNoticeSecret() {
  return useMutation({
    mutationFn: (overlap_hours: number) =>
      unwrap(api.POST("/api/v1/project/notice-secret/", { body: { overlap_hours } })),
  });
}

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
