/** One verb on many runs, asked for in portions so that progress shows and it can be stopped. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import type { RunFilter } from "./runs";
import type { components } from "./schema";

type S = components["schemas"];
export type Refusal = S["Refusal"];
export type BulkDone = S["BulkDone"];
export type BulkVerb = "pauses" | "resumes" | "retries" | "reruns" | "priorities" | "cancellations";
/** The runs that were chosen one by one, or all that fit a filter. */
export type Chosen = { ids: readonly string[] } | { filter: RunFilter };
export type Ask = { verb: BulkVerb; chosen: Chosen; priority?: number };

const PORTION = 50;
/** The server's own bound for one request. */
const MOST = 500;

type Body = { filter: S["RunFilterRequest"]; limit: number; dry_run: boolean; priority: number };
/** Runs started again fit the filter too: `next` says where to go on, and is null at the end. */
type Answer = BulkDone & { next?: string | null };

function post(verb: BulkVerb, body: Body & { next?: string | null }): Promise<Answer> {
  switch (verb) {
    case "pauses":
      return unwrap(api.POST("/api/v1/runs/pauses/", { body }));
    case "resumes":
      return unwrap(api.POST("/api/v1/runs/resumes/", { body }));
    case "retries":
      return unwrap(api.POST("/api/v1/runs/retries/", { body }));
    case "reruns":
      return unwrap(api.POST("/api/v1/runs/reruns/", { body }));
    case "priorities":
      return unwrap(api.POST("/api/v1/runs/priorities/", { body }));
    case "cancellations":
      return unwrap(api.POST("/api/v1/runs/cancellations/", { body }));
  }
}

const filterOf = (chosen: Chosen): S["RunFilterRequest"] =>
  "ids" in chosen ? { ids: [...chosen.ids] } : (chosen.filter as S["RunFilterRequest"]);

/** What would be done and what refused; changes nothing. */
export const look = ({ verb, chosen, priority = 0 }: Ask): Promise<BulkDone> =>
  post(verb, { filter: filterOf(chosen), limit: MOST, dry_run: true, priority });

/** How many runs fit a filter, whatever may be done with them. */
export const countMatching = (filter: RunFilter): Promise<number> =>
  look({ verb: "reruns", chosen: { filter } }).then(({ matched }) => matched);

function portions(chosen: Chosen): S["RunFilterRequest"][] {
  if (!("ids" in chosen)) return [filterOf(chosen)];
  const found = [];
  for (let start = 0; start < chosen.ids.length; start += PORTION)
    found.push({ ids: chosen.ids.slice(start, start + PORTION) });
  return found;
}

export type Progress = { done: number; refused: Refusal[] };

/** Does it, portion by portion; `progress` grows and `stop` ends it after the portion under way. */
export function useBulk() {
  const client = useQueryClient();
  const stopped = useRef(false);
  const [progress, setProgress] = useState<Progress>({ done: 0, refused: [] });
  const mutation = useMutation({
    mutationFn: async (ask: Ask): Promise<Progress> => {
      stopped.current = false;
      let sum: Progress = { done: 0, refused: [] };
      const add = (answer: BulkDone, first: boolean) => {
        const known = new Set(sum.refused.map(({ id }) => id));
        // Of a portion that is asked for again, what was done before is refused as done already.
        const more = first ? answer.refused.filter(({ id }) => !known.has(id)) : [];
        sum = { done: sum.done + answer.done, refused: [...sum.refused, ...more] };
        setProgress(sum);
      };
      setProgress(sum);
      for (const filter of portions(ask.chosen)) {
        let next: string | null | undefined;
        for (let first = true; !stopped.current; first = false) {
          const body = { filter, limit: PORTION, dry_run: false, priority: ask.priority ?? 0 };
          const answer = await post(ask.verb, next ? { ...body, next } : body);
          next = answer.next;
          add(answer, first || ask.verb === "reruns");
          if (ask.verb === "reruns" ? !next : answer.done === 0 || answer.left === 0) break;
        }
      }
      return sum;
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.runs.all }),
  });
  return { ...mutation, progress, stop: () => (stopped.current = true) };
}

export function usePrioritiseRun(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (priority: number) =>
      unwrap(
        api.PUT("/api/v1/runs/{run_id}/priority/", { params: { path: { run_id: id } }, body: { priority } }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: keys.runs.all }),
  });
}
