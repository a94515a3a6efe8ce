/** Runs as rows; on a phone as cards of two lines. Progress of recent runs is live. */
import { Link } from "@tanstack/react-router";
import { ProgressBar, StatusText } from "@/components/status";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import { useRecentWorkflows } from "@/hooks";
import type { DashboardWorkflow, RunRow } from "@/lib/api/types";
import { percent, sentence, visibleText } from "@/lib/format";
import { localTimes } from "@/lib/time";
import { Rows, rowLink } from "./list";
import type { Selection } from "./selection";
import { TokenCount } from "./tokens";

interface RunRowsProps {
  rows: readonly RunRow[];
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  /** On the page of one workflow its name says nothing. */
  hideWorkflow?: boolean;
  /** Rows can be chosen. */
  selection?: Selection | undefined;
}

/** As wide as its container allows: cards, then five columns, then all. */
const COLUMNS =
  "px-4 @2xl:grid @2xl:grid-cols-[minmax(84px,1fr)_minmax(0,1.4fr)_132px_72px_80px] @2xl:items-center @2xl:gap-x-4 @5xl:grid-cols-[minmax(0,1fr)_minmax(0,1.2fr)_160px_80px_72px_88px]";

export function RunRows({ rows, query, hideWorkflow = false, selection }: RunRowsProps) {
  const recent = useRecentWorkflows().data;
  const live = new Map(recent?.map((run) => [run.id, run]));
  return (
    <Rows
      label="Runs"
      rows={rows}
      query={query}
      head={<Head />}
      choice={selection && { selection, name: (run) => visibleText(`${run.workflow_name} #${run.number}`) }}
    >
      {(row) => <RunLine run={withLive(row, live.get(row.id))} hideWorkflow={hideWorkflow} />}
    </Rows>
  );
}

function withLive(row: RunRow, live: DashboardWorkflow | undefined): RunRow {
  if (!live) return row;
  const { status, progress, current_step, completed_at } = live;
  // The dashboard shows when a run that waits for its place was asked for; it has not started.
  const started_at = status === "queued" ? row.started_at : live.started_at;
  return { ...row, status, progress, current_step, started_at, completed_at };
}

function Head() {
  return (
    <div className={`${COLUMNS} h-8 text-meta text-muted`}>
      <span>Run</span>
      <span>Status</span>
      <span>Progress</span>
      <span className="text-right">Took</span>
      <span className="text-right @max-5xl:hidden">Tokens</span>
      <span className="text-right">Started</span>
    </div>
  );
}

function RunLine({ run, hideWorkflow }: { run: RunRow; hideWorkflow: boolean }) {
  const title = hideWorkflow ? `Run #${run.number}` : `${run.workflow_name} #${run.number}`;
  return (
    <div className={`${COLUMNS} min-h-10 py-2 text-table`}>
      <div className="flex min-w-0 items-baseline gap-2 @max-2xl:justify-between">
        <Link to="/runs/$id" params={{ id: run.id }} className={`${rowLink} truncate`}>
          {visibleText(title)}
        </Link>
        <span className="shrink-0 text-meta text-muted @max-5xl:hidden">
          {run.requested_by && `by ${run.requested_by}`}
        </span>
        <Priority priority={run.priority} />
        <StatusText status={run.status} className="@2xl:hidden" />
      </div>
      <div className="flex min-w-0 flex-col @max-2xl:hidden">
        <StatusText status={run.status} />
        <Reason run={run} />
      </div>
      <div className="flex items-center gap-2 @max-2xl:mt-1">
        <ProgressBar
          value={run.progress}
          status={run.status}
          label={`Progress of ${title}`}
          className="min-w-12 flex-1"
        />
        <span className="tnum w-9 shrink-0 text-right text-meta text-muted">{percent(run.progress)}</span>
        <span className="shrink-0 text-meta text-muted @2xl:hidden">
          <TimeAgo at={run.started_at ?? run.created_at} />
        </span>
      </div>
      <div className="@2xl:hidden">
        <Reason run={run} />
      </div>
      <span className="tnum text-right text-meta text-muted @max-2xl:hidden">
        {run.started_at ? <Elapsed from={run.started_at} until={run.completed_at} /> : "–"}
      </span>
      <span className="text-right text-meta text-muted @max-5xl:hidden">
        <TokenCount tokens={run.tokens} />
      </span>
      <span className="tnum text-right text-meta text-muted @max-2xl:hidden">
        <TimeAgo at={run.started_at ?? run.created_at} />
      </span>
    </div>
  );
}

/** Said only where it is not the usual one. */
function Priority({ priority }: { priority: number }) {
  if (!priority) return null;
  return (
    <span className="tnum shrink-0 text-meta text-muted" title={`Priority ${priority}`}>
      <span className="sr-only">Priority </span>
      {priority > 0 ? `▲ ${priority}` : `▼ ${-priority}`}
    </span>
  );
}

function Reason({ run }: { run: RunRow }) {
  if (!run.status_reason || run.status === "completed") return null;
  return (
    <p className="truncate text-meta text-muted" title={visibleText(run.status_reason)}>
      {sentence(localTimes(visibleText(run.status_reason)))}
    </p>
  );
}
