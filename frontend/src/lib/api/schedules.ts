/** Schedules: reading, making, changing, running one now, and what a cron expression means. */
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, idempotencyKey, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { Moment, NewSchedule, Page, Schedule } from "./types";

export type StartsFilter = { workflow?: string };

export const schedulesQuery = (filter: StartsFilter = {}) =>
  cursorList(
    keys.schedules.list(filter),
    (cursor, signal) =>
      unwrap(api.GET("/api/v1/schedules/", { params: { query: { ...filter, cursor } }, signal })) as Promise<
        Page<Schedule>
      >,
  );

/** A schedule's moments have no id of their own: each is there once. */
export const momentsQuery = (id: string) =>
  cursorList<Moment>(keys.schedules.moments(id), (cursor, signal) =>
    unwrap(
      api.GET("/api/v1/schedules/{schedule_id}/runs/", {
        params: { path: { schedule_id: id }, query: { cursor } },
        signal,
      }),
    ),
  );

/** The next five moments, or an error that says what is wrong; the last answer stays while one types. */
export const cronQuery = (cron: string, zone: string) =>
  queryOptions({
    queryKey: keys.cron(cron, zone),
    queryFn: ({ signal }) =>
      unwrap(api.POST("/api/v1/schedules/preview/", { body: { cron, time_zone: zone }, signal })),
    enabled: cron !== "",
    placeholderData: keepPreviousData,
    retry: false,
  });

export function useCreateSchedule() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: NewSchedule) =>
      unwrap(api.POST("/api/v1/schedules/", { body: body as Required<NewSchedule> })),
    onSuccess: refresh,
  });
}

export function useChangeSchedule(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: Partial<NewSchedule>) =>
      unwrap(
        api.PATCH("/api/v1/schedules/{schedule_id}/", {
          params: { path: { schedule_id: id } },
          body: body as Required<NewSchedule>,
        }),
      ),
    onSettled: refresh,
  });
}

export function useDeleteSchedule(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () =>
      unwrap<unknown>(
        api.DELETE("/api/v1/schedules/{schedule_id}/", { params: { path: { schedule_id: id } } }),
      ),
    onSuccess: refresh,
  });
}

export function useRunSchedule(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/schedules/{schedule_id}/run/", {
          params: { path: { schedule_id: id }, header: { "Idempotency-Key": idempotencyKey() } },
        }),
      ),
    onSuccess: refresh,
  });
}

function useRefresh() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.schedules.all });
}
