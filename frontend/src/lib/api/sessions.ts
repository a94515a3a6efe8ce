/** Sessions: what agents did in one conversation, as their telemetry tells it; and the spans of a run. */
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { RunSpans, Session, Span } from "./types";

export type SessionFilter = { agent?: string | undefined; q?: string | undefined };

export const sessionsQuery = (filter: SessionFilter) =>
  cursorList(keys.sessions.list(filter), (cursor, signal) =>
    unwrap(api.GET("/api/v1/sessions/", { params: { query: { ...filter, cursor } }, signal })),
  );

export const sessionQuery = (id: string) =>
  queryOptions({
    queryKey: keys.sessions.detail(id),
    queryFn: ({ signal }): Promise<Session> =>
      unwrap(api.GET("/api/v1/sessions/{session}/", { params: { path: { session: id } }, signal })),
  });

export const runSpansQuery = (id: string) =>
  queryOptions({
    queryKey: keys.runs.spans(id),
    queryFn: ({ signal }): Promise<RunSpans> =>
      unwrap(api.GET("/api/v1/runs/{run_id}/spans/", { params: { path: { run_id: id } }, signal })),
  });

/** One span with its attributes, events, input and output. */
export const spanQuery = (id: number) =>
  queryOptions({
    queryKey: keys.agents.span(id),
    queryFn: ({ signal }): Promise<Span> =>
      unwrap(api.GET("/api/v1/spans/{span_id}/", { params: { path: { span_id: id } }, signal })),
  });
