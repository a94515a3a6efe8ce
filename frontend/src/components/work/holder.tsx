/** Who works on a command run at this moment, when it was last heard of, and when it must be done. */
import { TimeAgo } from "@/components/ui/time-ago";
import type { CommandRun } from "@/lib/api/types";
import { count, plural, visibleText } from "@/lib/format";
import { useNow } from "@/lib/time";
import { Fact, Facts } from "./facts";

/** A holder is expected to be heard of three times in the life of a lease. */
const SILENT_SECONDS = 20;

export function Holder({ run }: { run: CommandRun }) {
  if (run.status === "running") return <Held run={run} />;
  if (run.status === "dispatched" || run.status === "queued") return <Waiting run={run} />;
  return null;
}

function Held({ run }: { run: CommandRun }) {
  return (
    <Facts>
      <Fact name="Held by">
        <span className="font-mono text-meta">{visibleText(run.holder) || "Unknown"}</span>
      </Fact>
      <Fact name="Last heard of">
        <Heartbeat at={run.heartbeat_at} />
      </Fact>
      {run.timeout_at && (
        <Fact name="Times out">
          <TimeAgo at={run.timeout_at} />
        </Fact>
      )}
      <Fact name="Fence">{count(run.fence)}</Fact>
      {run.lost_count > 0 && <Fact name="Holder lost">{plural(run.lost_count, "time")}</Fact>}
    </Facts>
  );
}

/** Turns into a warning when the holder has been silent for longer than it should be. */
function Heartbeat({ at }: { at: string | null }) {
  const now = useNow(1000);
  if (at === null) return "Not yet";
  const isSilent = now - Date.parse(at) > SILENT_SECONDS * 1000;
  return (
    <span data-tone={isSilent ? "warn" : undefined} className={isSilent ? "text-(--tone)" : undefined}>
      <TimeAgo at={at} />
      {isSilent && ", silent"}
    </span>
  );
}

function Waiting({ run }: { run: CommandRun }) {
  return (
    <Facts>
      <Fact name="Waiting since">
        <TimeAgo at={run.queued_at} />
      </Fact>
      {run.dispatch_count > 0 && run.dispatched_at && (
        <Fact name="Offered">
          {plural(run.dispatch_count, "time")}, last <TimeAgo at={run.dispatched_at} />
        </Fact>
      )}
      {run.gives_up_at && (
        <Fact name="Gives up">
          <TimeAgo at={run.gives_up_at} />
        </Fact>
      )}
      {run.fence > 0 && <Fact name="Fence">{count(run.fence)}</Fact>}
      {run.lost_count > 0 && <Fact name="Holder lost">{plural(run.lost_count, "time")}</Fact>}
    </Facts>
  );
}
