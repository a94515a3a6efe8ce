/** Reading workflow definitions. */
import { queryOptions } from "@tanstack/react-query";
import { api, cursorOf, unwrap } from "./client";
import { keys } from "./keys";
import type { Workflow } from "./types";

/** All definitions of the project: a page of cards, not a long list. */
export const workflowsQuery = () =>
  queryOptions({
    queryKey: keys.workflows.list,
    queryFn: async ({ signal }) => {
      const workflows: Workflow[] = [];
      let cursor: string | undefined;
      do {
        const query = { cursor, limit: 100 };
        const page = await unwrap(api.GET("/api/v1/workflows/", { params: { query }, signal }));
        workflows.push(...page.results);
        cursor = cursorOf(page.next);
      } while (cursor);
      return workflows;
    },
  });

export const workflowQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.workflows.detail(slug),
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/workflows/{slug}/", { params: { path: { slug } }, signal })),
  });
