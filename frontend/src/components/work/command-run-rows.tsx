/** Command runs as rows; on a phone as cards of two lines. */
import { Link } from "@tanstack/react-router";
import { StatusText } from "@/components/status";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import type { CommandRun } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { Rows, rowLink } from "./list";
import { TokenCount } from "./tokens";

interface CommandRunRowsProps {
  rows: readonly CommandRun[];
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  /** On the page of one agent its name says nothing. */
  hideAgent?: boolean;
}

const COLUMNS = "md:grid md:items-center md:gap-x-4 px-4";
const withAgent = "md:grid-cols-[minmax(0,1fr)_minmax(0,180px)_minmax(92px,200px)_84px_80px_96px]";
const withoutAgent = "md:grid-cols-[minmax(0,1fr)_minmax(92px,220px)_84px_80px_96px]";

export function CommandRunRows({ rows, query, hideAgent = false }: CommandRunRowsProps) {
  const columns = `${COLUMNS} ${hideAgent ? withoutAgent : withAgent}`;
  return (
    <Rows
      label="Command runs"
      rows={rows}
      query={query}
      head={<Head columns={columns} hideAgent={hideAgent} />}
    >
      {(row) => <Line run={row} columns={columns} hideAgent={hideAgent} />}
    </Rows>
  );
}

function Head({ columns, hideAgent }: { columns: string; hideAgent: boolean }) {
  return (
    <div className={`${columns} h-8 text-meta text-muted`}>
      <span>Command</span>
      {!hideAgent && <span>Agent</span>}
      <span>Status</span>
      <span className="text-right">Took</span>
      <span className="text-right">Tokens</span>
      <span className="text-right">Asked</span>
    </div>
  );
}

function Line({ run, columns, hideAgent }: { run: CommandRun; columns: string; hideAgent: boolean }) {
  const agent = run.agent?.name ?? "No agent yet";
  return (
    <div className={`${columns} min-h-10 py-2 text-table`}>
      <div className="flex min-w-0 items-baseline gap-2 max-md:justify-between">
        <Link to="/command-runs/$id" params={{ id: run.id }} className={`${rowLink} truncate`}>
          {visibleText(run.title)}
        </Link>
        <span className="truncate font-mono text-caption text-muted max-md:hidden">{run.command}</span>
        <StatusText status={run.status} className="md:hidden" />
      </div>
      {!hideAgent && (
        <span className="truncate text-meta text-muted max-md:hidden">{visibleText(agent)}</span>
      )}
      <div className="min-w-0 max-md:hidden">
        <StatusText status={run.status} />
        <Reason run={run} />
      </div>
      <div className="flex min-w-0 items-center justify-between gap-2 text-meta text-muted md:hidden">
        <span className="truncate">{hideAgent ? run.command : visibleText(agent)}</span>
        <TimeAgo at={run.queued_at} className="shrink-0" />
      </div>
      <span className="tnum text-right text-meta text-muted max-md:hidden">
        {run.started_at ? <Elapsed from={run.started_at} until={run.finished_at} /> : "–"}
      </span>
      <span className="text-right text-meta text-muted max-md:hidden">
        <TokenCount tokens={run.tokens} />
      </span>
      <span className="tnum text-right text-meta text-muted max-md:hidden">
        <TimeAgo at={run.queued_at} />
      </span>
    </div>
  );
}

function Reason({ run }: { run: CommandRun }) {
  const reason = run.error?.message || run.wait_reason;
  if (!reason) return null;
  return (
    <p className="truncate text-meta text-muted" title={visibleText(reason)}>
      {visibleText(reason)}
    </p>
  );
}
