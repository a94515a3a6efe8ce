/** Definitions as people write them: checking a text, saving it, and the versions there were. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, cursorOf, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { AgentRow, JsonSchema, Validation } from "./types";

interface Asked {
  source: string;
  /** The slug of the workflow it is meant for, empty for a new one. */
  workflow: string;
  /** Also say how it differs from the current version. */
  compare?: boolean;
}

export const validate = (asked: Asked, signal?: AbortSignal): Promise<Validation> =>
  unwrap(
    api.POST("/api/v1/workflows/validation/", {
      body: { compare: false, ...asked },
      ...(signal && { signal }),
    }),
  );

export const definitionSchemaQuery = () =>
  queryOptions({
    queryKey: keys.definitions.schema,
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/workflows/schema/", { signal }))) as JsonSchema,
    staleTime: Number.POSITIVE_INFINITY,
  });

const MOST_AGENTS = 500;

/** Agents to choose from while writing; a fleet of thousands is not offered whole. */
export const agentNamesQuery = () =>
  queryOptions({
    queryKey: keys.definitions.agents,
    queryFn: async ({ signal }) => {
      const agents: Pick<AgentRow, "slug" | "name">[] = [];
      let cursor: string | undefined;
      do {
        const query = { cursor, limit: 100 };
        const page = await unwrap(api.GET("/api/v1/agents/", { params: { query }, signal }));
        agents.push(...page.results);
        cursor = cursorOf(page.next);
      } while (cursor && agents.length < MOST_AGENTS);
      return agents;
    },
  });

export const versionsQuery = (slug: string) =>
  cursorList(keys.workflows.versions(slug), (cursor, signal) =>
    unwrap(
      api.GET("/api/v1/workflows/{slug}/versions/", {
        params: { path: { slug }, query: { cursor } },
        signal,
      }),
    ),
  );

export const diffQuery = (slug: string, from: number, to: number) =>
  queryOptions({
    queryKey: keys.definitions.diff(slug, from, to),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/workflows/{slug}/versions/{number}/diff/", {
          params: { path: { slug, number: from }, query: { to } },
          signal,
        }),
      ),
    // Versions never change.
    staleTime: Number.POSITIVE_INFINITY,
  });

export interface Saving {
  source: string;
  /** The version it was written from; null for a new workflow. */
  base: number | null;
}

/** Saves the next version of the workflow, or a new workflow when the slug is empty. */
export function useSaveDefinition(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ source, base }: Saving) =>
      unwrap(
        slug === ""
          ? api.POST("/api/v1/workflows/", { body: { source } })
          : api.POST("/api/v1/workflows/{slug}/versions/", {
              params: { path: { slug } },
              body: { source, ...(base !== null && { base_version: base }) },
            }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.workflows.all }),
  });
}

export function useVersionAgain(slug: string, number: number) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/workflows/{slug}/versions/{number}/current/", {
          params: { path: { slug, number } },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.workflows.all }),
  });
}
