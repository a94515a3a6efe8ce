/** Reading agents, pausing them and sending them commands. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, idempotencyKey, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { ActivityDetail, AgentDetail, JsonObject } from "./types";

export const agentQuery = (id: string) =>
  queryOptions({
    queryKey: keys.agents.detail(id),
    queryFn: ({ signal }): Promise<AgentDetail> =>
      unwrap(api.GET("/api/v1/agents/{agent_id}/", { params: { path: { agent_id: id } }, signal })),
  });

export const agentCommandRunsQuery = (id: string) =>
  cursorList(keys.agents.commandRuns(id), (cursor, signal) =>
    unwrap(
      api.GET("/api/v1/agents/{agent_id}/command-runs/", {
        params: { path: { agent_id: id }, query: { cursor } },
        signal,
      }),
    ),
  );

/** What the agent's telemetry tells it did: the newest first. */
export const activitiesQuery = (id: string) =>
  cursorList(keys.agents.activities(id), (cursor, signal) =>
    unwrap(
      api.GET("/api/v1/agents/{agent_id}/activities/", {
        params: { path: { agent_id: id }, query: { cursor } },
        signal,
      }),
    ),
  );

/** One of them with its spans, each after its parent. */
export const activityQuery = (traceId: string, spanId: string) =>
  queryOptions({
    queryKey: keys.agents.activity(traceId, spanId),
    queryFn: ({ signal }): Promise<ActivityDetail> =>
      unwrap(
        api.GET("/api/v1/activities/{trace_id}/{span_id}/", {
          params: { path: { trace_id: traceId, span_id: spanId } },
          signal,
        }),
      ),
  });

/** Pauses or resumes: a paused agent finishes what it does and gets nothing new. */
export function usePauseAgent(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (pause: boolean) => {
      const target = { params: { path: { agent_id: id } } };
      return pause
        ? unwrap<unknown>(api.POST("/api/v1/agents/{agent_id}/pause/", target))
        : unwrap<unknown>(api.DELETE("/api/v1/agents/{agent_id}/pause/", target));
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.agents.detail(id) }),
  });
}

/** A retry of the same submit must not send the command twice: the caller keeps one key per filled form. */
export function useSendCommand(agentId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ key = idempotencyKey(), ...body }: { command: string; input: JsonObject; key?: string }) =>
      unwrap(
        api.POST("/api/v1/agents/{agent_id}/command-runs/", {
          params: { path: { agent_id: agentId }, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    onSuccess: (commandRun) => {
      client.setQueryData(keys.commandRuns.detail(commandRun.id), commandRun);
      void client.invalidateQueries({ queryKey: keys.agents.commandRuns(agentId) });
      void client.invalidateQueries({ queryKey: keys.commandRuns.lists });
    },
  });
}
