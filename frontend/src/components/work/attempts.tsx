/** Each try of a command run: how it ended, how long it took and why it failed. */
import { StatusText } from "@/components/status";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import type { Attempt } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";

/** Outcomes that are no status of a command run. */
const others: Record<string, { status: string; label: string }> = {
  lost: { status: "timed_out", label: "Worker lost" },
  given_back: { status: "queued", label: "Given back" },
};

export function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  return (
    <ol className="flex flex-col text-table">
      {attempts.map((attempt) => (
        <li
          key={attempt.fence}
          className="flex flex-wrap items-center gap-x-4 border-t py-1.5 first:border-t-0"
        >
          <span className="tnum w-6 text-muted">{attempt.number}</span>
          <StatusText {...statusOf(attempt)} />
          <span className="tnum text-meta text-muted">
            <Elapsed from={attempt.started_at} until={attempt.ended_at} />
          </span>
          <span className="text-meta text-muted">
            <TimeAgo at={attempt.started_at} />
          </span>
          {attempt.worker && (
            <span className="font-mono text-caption text-muted">{visibleText(attempt.worker)}</span>
          )}
          {attempt.error && (
            <p className="min-w-0 basis-full pl-10 text-meta break-words">
              {sentence(visibleText(attempt.error))}
            </p>
          )}
        </li>
      ))}
    </ol>
  );
}

function statusOf({ outcome, ended_at }: Attempt): { status: string; label?: string } {
  if (outcome) return others[outcome] ?? { status: outcome };
  return ended_at ? { status: "queued", label: "Not started" } : { status: "running" };
}
