/** Reading single steps and the items of maps, which the run itself does not hold. */
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { Page, Step, StepStatus } from "./types";

/** A step by its key, or one item of the map of that key by its place. */
export const stepQuery = (runId: string, key: string, item: number | undefined) =>
  queryOptions({
    queryKey: keys.runs.step(runId, key, item),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/steps/{key}/", {
          params: { path: { run_id: runId, key }, query: { item } },
          signal,
        }),
      ) as Promise<Step>,
  });

const ITEMS_ON_PAGE = 100;

/** The items of a map in the order of its list, of one status or of all. */
export const itemsQuery = (runId: string, parent: string, status: StepStatus | undefined) =>
  cursorList(
    keys.runs.items(runId, parent, status),
    (cursor, signal) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/steps/", {
          params: {
            path: { run_id: runId },
            query: { parent, cursor, limit: ITEMS_ON_PAGE, ...(status && { status }) },
          },
          signal,
        }),
      ) as Promise<Page<Step>>,
  );
