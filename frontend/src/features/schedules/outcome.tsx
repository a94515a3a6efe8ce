/** What came of one moment: its run, or why there is none. */
import { Link } from "@tanstack/react-router";
import { StatusText } from "@/components/status";
import type { Moment } from "@/lib/api/types";

const without: Record<Moment["outcome"], { status: string; label: string }> = {
  started: { status: "cancelled", label: "Run deleted" },
  skipped: { status: "skipped", label: "Skipped" },
  queued: { status: "queued", label: "Waits in line" },
  missed: { status: "warning", label: "Missed" },
  refused: { status: "failed", label: "Could not start" },
};

export function Outcome({ moment }: { moment: Moment }) {
  const { run } = moment;
  if (!run) return <StatusText {...without[moment.outcome]} />;
  return (
    <Link
      to="/runs/$id"
      params={{ id: run.id }}
      className="inline-flex items-center gap-1.5 underline-offset-2 hover:underline"
    >
      <StatusText status={run.status} />
      <span className="tnum text-meta">#{run.number}</span>
    </Link>
  );
}
