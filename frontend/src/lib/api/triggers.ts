/** Triggers: addresses to which other systems post signed requests, each of which starts a run. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { StartsFilter } from "./schedules";
import type { NewTrigger, Page, Trigger, TriggerWithSecret } from "./types";

export const triggersQuery = (filter: StartsFilter = {}) =>
  cursorList(
    keys.triggers.list(filter),
    (cursor, signal) =>
      unwrap(api.GET("/api/v1/triggers/", { params: { query: { ...filter, cursor } }, signal })) as Promise<
        Page<Trigger>
      >,
  );

export function useCreateTrigger() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: NewTrigger) =>
      unwrap(
        api.POST("/api/v1/triggers/", { body: body as Required<NewTrigger> }),
      ) as Promise<TriggerWithSecret>,
    onSuccess: refresh,
  });
}

export function useChangeTrigger(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: Partial<NewTrigger>) =>
      unwrap(
        api.PATCH("/api/v1/triggers/{trigger_id}/", {
          params: { path: { trigger_id: id } },
          body: body as Required<NewTrigger>,
        }),
      ),
    onSettled: refresh,
  });
}

export function useRotateTriggerSecret(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (overlap_hours: number) =>
      unwrap(
        api.POST("/api/v1/triggers/{trigger_id}/secret/", {
          params: { path: { trigger_id: id } },
          body: { overlap_hours },
        }),
      ) as Promise<TriggerWithSecret>,
    onSuccess: refresh,
  });
}

export function useDeleteTrigger(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () =>
      unwrap<unknown>(api.DELETE("/api/v1/triggers/{trigger_id}/", { params: { path: { trigger_id: id } } })),
    onSuccess: refresh,
  });
}

function useRefresh() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.triggers.all });
}
