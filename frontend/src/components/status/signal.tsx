/** How an agent's status is known and how old that is: "live 12 s", "inferred 40 s", "stale 3 m". */
import type { DashboardAgent } from "@/lib/api/types";
import { absolute, age, elapsedSeconds, relative, toMs, useNow } from "@/lib/time";

export const KNOWN_BY: Record<string, string> = {
  live: "live: it said so itself",
  event: "event: its telemetry told of a start or an end",
  inferred: "inferred from its telemetry",
};

/** Seconds without any signal after which what is shown of an agent may be wrong by now. */
const STALE_AFTER = 60;

export type Heard = Pick<DashboardAgent, "provenance" | "signal_at" | "last_active">;

/** When it was last heard of: a heartbeat that changed nothing moves only `last_active`. */
export function heardAt({ signal_at, last_active }: Heard): string {
  return signal_at !== null && (toMs(signal_at) ?? 0) > (toMs(last_active) ?? 0) ? signal_at : last_active;
}

/** Of an agent that we work for ourselves there is nothing to doubt: only when it was last active. */
export function Signal({ agent, className }: { agent: Heard; className?: string }) {
  const now = useNow(1000);
  const at = heardAt(agent);
  const ms = toMs(at);
  const how = KNOWN_BY[agent.provenance];
  const isStale = how !== undefined && (elapsedSeconds(at, null, now) ?? 0) > STALE_AFTER;
  const word = isStale ? "stale" : how && agent.provenance;
  const known = how ? `${how}; last signal ${absolute(at)}` : `Last active ${absolute(at)}`;
  return (
    <time
      className={className}
      title={isStale ? `Stale. When it was known: ${known}` : known}
      dateTime={ms === null ? undefined : new Date(ms).toISOString()}
    >
      {word ? `${word} ${age(at, now)}` : relative(at, now)}
    </time>
  );
}
