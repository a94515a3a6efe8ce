/** The log of a command run: read from its start, then only what is newer than the last known line. */
import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { joined } from "./lines";
import type { Log } from "./types";

const PAGE = 500;

export const commandRunLogQuery = (id: string) =>
  queryOptions({
    queryKey: keys.commandRuns.log(id),
    structuralSharing: false,
    queryFn: async ({ client, signal }): Promise<Log> => {
      const key = keys.commandRuns.log(id);
      // Ticks may add lines meanwhile, so what is known is looked up for each page.
      const known = () => client.getQueryData<Log>(key)?.lines ?? [];
      for (;;) {
        const query = { after: known().at(-1)?.number ?? 0, limit: PAGE };
        const path = { command_run_id: id };
        const page = await unwrap(
          api.GET("/api/v1/command-runs/{command_run_id}/logs/", { params: { path, query }, signal }),
        );
        const lines = joined(known(), page.results) ?? known();
        if (page.next === null) return { lines };
        client.setQueryData<Log>(key, { lines });
      }
    },
  });
