/** What an agent's telemetry tells it did: activities with tokens and cost, each opens to its waterfall. */
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { EmptyState } from "@/components/ui/states";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { Loaded } from "@/components/work/loaded";
import { TokenCount } from "@/components/work/tokens";
import { activitiesQuery, activityQuery } from "@/lib/api/agents";
import { keys } from "@/lib/api/keys";
import type { Activity, AgentDetail, SpanRow } from "@/lib/api/types";
import { cost, plural, visibleText } from "@/lib/format";

/** A span's states by the words and tones of command runs. */
const STATUS = {
  open: { status: "running", label: "Going on" },
  ok: { status: "completed", label: "Ended" },
  error: { status: "failed", label: "Failed" },
  unknown: { status: "offline", label: "Not heard of any more" },
} as const;
const KINDS: Record<string, string> = {
  workflow: "workflow",
  agent: "agent",
  llm: "model",
  tool: "tool",
  other: "",
};

export function Activities({ agent }: { agent: AgentDetail }) {
  const query = useInfiniteQuery(activitiesQuery(agent.id));
  const client = useQueryClient();
  const { id, signal_at: heardAt } = agent;
  useEffect(() => {
    if (heardAt) void client.invalidateQueries({ queryKey: keys.agents.activities(id) });
  }, [client, id, heardAt]);
  return (
    <Card title="Activities" bodyClassName="p-0">
      <Loaded query={query} what="The activities could not be loaded">
        {(rows) =>
          rows.length > 0 ? (
            <>
              <ul>
                {rows.map((row) => (
                  <Row key={`${row.trace_id}:${row.span_id}`} activity={row} />
                ))}
              </ul>
              {query.hasNextPage && (
                <div className="flex justify-center p-3">
                  <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    Load more
                  </Button>
                </div>
              )}
            </>
          ) : (
            <EmptyState title="No activity told of yet">
              What its telemetry tells (OpenTelemetry traces and logs) is kept here.
            </EmptyState>
          )
        }
      </Loaded>
    </Card>
  );
}

function Row({ activity }: { activity: Activity }) {
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
        <Cost activity={activity} />
        <Elapsed from={activity.started_at} until={activity.ended_at} className="tnum" />
        <TimeAgo at={activity.started_at} className="text-muted" />
      </button>
      <div id={area} hidden={!isOpen}>
        {isOpen && <Waterfall activity={activity} />}
      </div>
    </li>
  );
}

function Cost({ activity }: { activity: Activity }) {
  const { cost_usd: usd, cost_source: source, unpriced_calls: unpriced } = activity;
  const how = usd === null ? "Nobody told its cost, and its model has no known price" : `Cost, ${source}`;
  const missing = unpriced > 0 && usd !== null ? `; without ${plural(unpriced, "call")} of unknown cost` : "";
  return (
    <span className="tnum" title={how + missing}>
      {cost(usd)}
      {missing && "+"}
    </span>
  );
}

function Waterfall({ activity }: { activity: Activity }) {
  const query = useQuery(activityQuery(activity.trace_id, activity.span_id));
  return (
    <Loaded query={query} what="The activity could not be loaded">
      {(whole) => {
        const begin = Math.min(...whole.spans.map((span) => Date.parse(span.started_at)));
        const end = Math.max(begin + 1, ...whole.spans.map((span) => ended(span)));
        return (
          <div className="flex flex-col gap-2 bg-surface-2 px-4 py-3">
            {whole.run_id && (
              <Link
                to="/runs/$id"
                params={{ id: whole.run_id }}
                className="text-table text-accent hover:underline"
              >
                The run it belongs to
              </Link>
            )}
            {activity.error && <p className="text-table">{visibleText(activity.error)}</p>}
            <ol aria-label="Spans" className="flex flex-col">
              {whole.spans.map((span) => (
                <Bar key={span.id} span={span} begin={begin} length={end - begin} />
              ))}
            </ol>
            {whole.truncated && <p className="text-meta text-muted">It has more spans than are shown.</p>}
          </div>
        );
      }}
    </Loaded>
  );
}

function Bar({ span, begin, length }: { span: SpanRow; begin: number; length: number }) {
  const start = Date.parse(span.started_at);
  const left = ((start - begin) / length) * 100;
  const width = Math.max(0.5, ((ended(span) - start) / length) * 100);
  const { status, label } = STATUS[span.status];
  const tone = span.status === "error" ? "bg-err" : span.status === "open" ? "bg-run" : "bg-ok";
  const what = [KINDS[span.kind], span.model].filter(Boolean).join(", ");
  return (
    <li className="grid items-center gap-x-3 py-1 text-meta md:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_72px]">
      <span
        className="flex min-w-0 items-center gap-2"
        style={{ paddingLeft: Math.min(span.depth, 12) * 12 }}
      >
        <StatusText status={status} label={label} />
        <span className="truncate">{visibleText(span.tool || span.name)}</span>
        {what && <span className="truncate text-muted">{visibleText(what)}</span>}
      </span>
      <span aria-hidden className="relative h-2 rounded-pill bg-surface max-md:hidden">
        <span
          className={`absolute inset-y-0 rounded-pill ${tone}`}
          style={{ left: `${Math.min(left, 99.5)}%`, width: `${Math.min(width, 100 - left)}%` }}
        />
      </span>
      <Elapsed from={span.started_at} until={span.ended_at} className="tnum text-right max-md:text-left" />
    </li>
  );
}

function ended(span: SpanRow): number {
  return span.ended_at ? Date.parse(span.ended_at) : Date.now();
}
