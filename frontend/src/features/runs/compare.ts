/** What differs between two runs, step by step. Pure. */
import type { Run, Step } from "@/lib/api/types";
import { elapsedSeconds } from "@/lib/time";

export interface ComparedStep {
  key: string;
  name: string;
  a: Step | undefined;
  b: Step | undefined;
  /** Seconds that b took longer than a; null where one of them did not end. */
  slower: number | null;
  isOtherStatus: boolean;
  isOtherAttempts: boolean;
  isOtherOutput: boolean;
  isDifferent: boolean;
}

/** Durations that differ by less are the same to a reader. */
const SAME_SECONDS = 0.1;

/** The steps of both runs, those that differ most first: status, then presence, output and time. */
export function compareSteps(a: Run, b: Run): ComparedStep[] {
  const keys = [...new Set([...a.steps, ...b.steps].map(({ key }) => key))];
  const [ofA, ofB] = [byKey(a), byKey(b)];
  return keys
    .map((key) => compared(key, ofA.get(key), ofB.get(key)))
    .toSorted((one, other) => weight(other) - weight(one));
}

const byKey = (run: Run) => new Map(run.steps.map((step) => [step.key, step]));

function compared(key: string, a: Step | undefined, b: Step | undefined): ComparedStep {
  const [took, tookLater] = [tookSeconds(a), tookSeconds(b)];
  const slower = took === null || tookLater === null ? null : tookLater - took;
  const isOtherStatus = a?.status !== b?.status;
  const isOtherAttempts = a?.attempt !== b?.attempt;
  const isOtherOutput = textOf(a?.output) !== textOf(b?.output);
  return {
    key,
    name: (b ?? a)?.name ?? key,
    a,
    b,
    slower,
    isOtherStatus,
    isOtherAttempts,
    isOtherOutput,
    isDifferent:
      isOtherStatus ||
      isOtherAttempts ||
      isOtherOutput ||
      (slower !== null && Math.abs(slower) >= SAME_SECONDS),
  };
}

function weight(step: ComparedStep): number {
  return (
    (step.isOtherStatus ? 4e9 : 0) +
    (step.isOtherOutput ? 2e9 : 0) +
    (step.isOtherAttempts ? 1e9 : 0) +
    Math.min(Math.abs(step.slower ?? 0), 9e8)
  );
}

/** How long it took from its start to its end; null while one of them is missing. */
export function tookSeconds(
  one: { started_at: string | null; completed_at: string | null } | undefined,
): number | null {
  return one?.started_at && one.completed_at ? elapsedSeconds(one.started_at, one.completed_at, 0) : null;
}

/**
 * A value as a text whose lines can be compared: keys in one order, however they were stored, and the
 * lines of a text as lines.
 */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  const only = typeof value === "object" && !Array.isArray(value) ? Object.keys(value) : [];
  const text = (value as { text?: unknown }).text;
  return only.length === 1 && typeof text === "string" ? text : written(value).join("\n");
}

function written(value: unknown): string[] {
  if (typeof value === "string" && value.includes("\n")) return value.split("\n");
  if (value === null || typeof value !== "object") return [JSON.stringify(value) ?? ""];
  if (Array.isArray(value)) return value.flatMap((one) => named("-", one));
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.flatMap(([key, one]) => named(`${key}:`, one));
}

/** In one line what fits there, else indented below its name. */
function named(name: string, value: unknown): string[] {
  const lines = written(value);
  if (lines.length === 0) return [`${name} ${Array.isArray(value) ? "[]" : "{}"}`];
  const isShort = lines.length === 1 && (value === null || typeof value !== "object");
  return isShort ? [`${name} ${lines[0]}`] : [name, ...lines.map((line) => `  ${line}`)];
}
