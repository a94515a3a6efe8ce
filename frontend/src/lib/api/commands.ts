/** Reading the command catalogue and command runs. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, cursorOf, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type { Command, CommandRun, CommandRunStatus } from "./types";

export type CommandRunFilter = { status?: string; agent?: string; command?: string };

/** The whole catalogue: it is short, and searched while typing. */
export const commandsQuery = () =>
  queryOptions({
    queryKey: keys.commands.list({}),
    queryFn: async ({ signal }) => {
      const commands: Command[] = [];
      let cursor: string | undefined;
      do {
        const query = { cursor, limit: 100 };
        const page = await unwrap(api.GET("/api/v1/commands/", { params: { query }, signal }));
        commands.push(...(page.results as Command[]));
        cursor = cursorOf(page.next);
      } while (cursor);
      return commands;
    },
  });

export const commandRunsQuery = (filter: CommandRunFilter = {}) =>
  cursorList(keys.commandRuns.list(filter), (cursor, signal) =>
    unwrap(
      api.GET("/api/v1/command-runs/", {
        params: { query: { ...filter, status: filter.status as CommandRunStatus, cursor } },
        signal,
      }),
    ),
  );

export const commandRunQuery = (id: string) =>
  queryOptions({
    queryKey: keys.commandRuns.detail(id),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/command-runs/{command_run_id}/", {
          params: { path: { command_run_id: id } },
          signal,
        }),
      ) as Promise<CommandRun>,
  });

export function useCancelCommandRun(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/command-runs/{command_run_id}/cancellation/", {
          params: { path: { command_run_id: id } },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.commandRuns.detail(id) }),
  });
}
