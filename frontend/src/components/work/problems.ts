/** Sorts the server's objections: those about the run's input go to its form, the rest to their fields. */
import { ApiError } from "@/lib/api/errors";

export interface Sorted {
  /** By field of the form around the input. */
  fields: Record<string, string>;
  /** What the input's form shows: its own fields, or what belongs to no field at all. */
  rest: Error | null;
}

export function sorted(error: Error | null, own: readonly string[]): Sorted {
  if (!(error instanceof ApiError)) return { fields: {}, rest: error };
  const all = Object.entries(error.fields);
  if (all.length === 0) return { fields: {}, rest: error };
  const mine = Object.fromEntries(all.filter(([name]) => own.includes(name)));
  const others = Object.fromEntries(all.filter(([name]) => !own.includes(name)));
  const isRest = Object.keys(others).length > 0;
  return {
    fields: mine,
    rest: isRest ? new ApiError(error.status, { ...error.problem, errors: others }) : null,
  };
}
