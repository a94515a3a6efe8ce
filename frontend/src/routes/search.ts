/** Reads search parameters that a person may have typed: anything odd counts as absent. */
const MOST = 200;

export function searchText(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" && value.length <= MOST ? value : undefined;
}

/** A place in a list, from 0, or the number of a span. */
export function searchPlace(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < 1e12
    ? value
    : undefined;
}

export function searchChoice<Choice extends string>(
  value: unknown,
  choices: readonly Choice[],
): Choice | undefined {
  return choices.find((choice) => choice === value);
}
