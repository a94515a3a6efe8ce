/** Activities that telemetry tells of: each with its tokens and cost, and opened to its waterfall. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { useId, useState } from "react";
import { StatusText } from "@/components/status";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { TokenCount } from "@/components/work/tokens";
import { activityQuery } from "@/lib/api/agents";
import type { Activity } from "@/lib/api/types";
import { cost, plural, visibleText } from "@/lib/format";
import { SpanTree, STATUS } from "./span-tree";

interface ActivityRowsProps {
  activities: Activity[];
  /** The list is already of one session, so no row links to it. */
  ofSession?: boolean;
}

export function ActivityRows({ activities, ofSession = false }: ActivityRowsProps) {
  return (
    <ul>
      {activities.map((row) => (
        <Row key={`${row.trace_id}:${row.span_id}`} activity={row} ofSession={ofSession} />
      ))}
    </ul>
  );
}

function Row({ activity, ofSession }: { activity: Activity; ofSession: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const area = useId();
  const { status, label } = STATUS[activity.status];
  return (
    <li className="border-b last:border-b-0">
      <button
        type="button"
        aria-expanded={isOpen}
        aria-controls={area}
        onClick={() => setOpen(!isOpen)}
        className="flex min-h-11 w-full flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2 text-left text-table hover:bg-surface-2"
      >
        <span className="flex min-w-0 flex-1 basis-56 items-center gap-2">
          <ChevronRight size={14} aria-hidden className={isOpen ? "shrink-0 rotate-90" : "shrink-0"} />
          <span className="truncate font-semibold">{visibleText(activity.title || activity.name)}</span>
        </span>
        <StatusText status={status} label={label} />
        <span className="text-muted">
          {plural(activity.llm_count, "model call")}, {plural(activity.tool_count, "tool call")}
        </span>
        <TokenCount tokens={activity.tokens} />
        <KnownCost of={activity} />
        <Elapsed from={activity.started_at} until={activity.ended_at} className="tnum" />
        <TimeAgo at={activity.started_at} className="text-muted" />
      </button>
      <div id={area} hidden={!isOpen}>
        {isOpen && <Waterfall activity={activity} ofSession={ofSession} />}
      </div>
    </li>
  );
}

export type Costs = Pick<Activity, "cost_usd" | "cost_source" | "unpriced_calls">;

/** What is known of a cost, and how; never 0 for what nobody knows. */
export function KnownCost({ of }: { of: Costs }) {
  const { cost_usd: usd, cost_source: source, unpriced_calls: unpriced } = of;
  const how = usd === null ? "Nobody told its cost, and its model has no known price" : `Cost, ${source}`;
  const missing = unpriced > 0 && usd !== null ? `; without ${plural(unpriced, "call")} of unknown cost` : "";
  return (
    <span className="tnum" title={how + missing}>
      {cost(usd)}
      {missing && "+"}
    </span>
  );
}

function Waterfall({ activity, ofSession }: { activity: Activity; ofSession: boolean }) {
  const query = useQuery(activityQuery(activity.trace_id, activity.span_id));
  return (
    <Loaded query={query} what="The activity could not be loaded">
      {(whole) => (
        <div className="flex flex-col gap-2 bg-surface-2 px-4 py-3">
          <div className="flex flex-wrap gap-x-4 text-table empty:hidden">
            {whole.run_id && (
              <Link to="/runs/$id" params={{ id: whole.run_id }} className="text-accent hover:underline">
                The run it belongs to
              </Link>
            )}
            {activity.session && !ofSession && (
              <Link
                to="/sessions/$id"
                params={{ id: activity.session }}
                className="text-accent hover:underline"
              >
                Its session
              </Link>
            )}
          </div>
          {activity.error && <p className="text-table">{visibleText(activity.error)}</p>}
          <SpanTree spans={whole.spans} />
          {whole.truncated && <p className="text-meta text-muted">It has more spans than are shown.</p>}
        </div>
      )}
    </Loaded>
  );
}
