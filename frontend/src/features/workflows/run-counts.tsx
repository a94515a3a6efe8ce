/** How many runs of a workflow run, ended well and failed; each number leads to those runs. */
import { Link } from "@tanstack/react-router";
import { lookOf, StatusIcon } from "@/components/status";
import type { Workflow } from "@/lib/api/types";
import { count } from "@/lib/format";

const SHOWN = ["running", "completed", "failed"] as const;

export function RunCounts({ workflow, className = "" }: { workflow: Workflow; className?: string }) {
  return (
    <span className={`flex gap-3 ${className}`}>
      {SHOWN.map((status) => (
        <Link
          key={status}
          to="/runs"
          search={{ workflow: workflow.slug, status }}
          title={`${lookOf(status).label} runs`}
          className="tnum flex items-center gap-1 text-meta hover:underline max-md:min-h-11 max-md:min-w-8"
        >
          <StatusIcon status={workflow.counts[status] > 0 ? status : "pending"} size={13} />
          <span className={workflow.counts[status] > 0 ? "" : "text-muted"}>
            {count(workflow.counts[status])}
          </span>
          <span className="sr-only">{lookOf(status).label} runs</span>
        </Link>
      ))}
    </span>
  );
}
