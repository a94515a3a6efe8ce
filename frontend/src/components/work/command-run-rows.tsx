/** Command runs as rows; on a phone as cards of two lines. */
import { Link } from "@tanstack/react-router";
import { StatusText } from "@/components/status";
import { Elapsed, TimeAgo } from "@/components/ui/time-ago";
import type { CommandRunRow } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";
import { Rows, rowLink } from "./list";
import { TokenCount } from "./tokens";

interface CommandRunRowsProps {
  rows: readonly CommandRunRow[];
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  /** On the page of one agent its name says nothing. */
  hideAgent?: boolean;
}

/** As wide as its container allows: cards, then the most important columns, then all. */
const COLUMNS = "px-4 @2xl:grid @2xl:items-center @2xl:gap-x-4";
const withAgent =
  "@2xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_minmax(0,1.2fr)_72px_80px] @5xl:grid-cols-[minmax(0,1.3fr)_minmax(0,180px)_minmax(0,1.2fr)_80px_72px_88px]";
const withoutAgent =
  "@2xl:grid-cols-[minmax(0,1fr)_minmax(0,1.2fr)_72px_80px] @5xl:grid-cols-[minmax(0,1fr)_minmax(0,1.2fr)_80px_72px_88px]";

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
      <span className="text-right @max-5xl:hidden">Tokens</span>
      <span className="text-right">Asked</span>
    </div>
  );
}

function Line({ run, columns, hideAgent }: { run: CommandRunRow; columns: string; hideAgent: boolean }) {
  const isRequest = run.kind === "http";
  const agent = run.agent?.name ?? (isRequest ? "A worker" : "No agent yet");
  const command = isRequest ? "HTTP request" : run.command;
  return (
    <div className={`${columns} min-h-10 py-2 text-table`}>
      <div className="flex min-w-0 items-baseline gap-2 @max-2xl:justify-between">
        <Link to="/command-runs/$id" params={{ id: run.id }} className={`${rowLink} truncate`}>
          {visibleText(run.title)}
        </Link>
        <span className={`truncate text-caption text-muted @max-5xl:hidden ${isRequest ? "" : "font-mono"}`}>
          {command}
        </span>
        <StatusText status={run.status} className="@2xl:hidden" />
      </div>
      {!hideAgent && (
        <span className="truncate text-meta text-muted @max-2xl:hidden">{visibleText(agent)}</span>
      )}
      <div className="flex min-w-0 flex-col @max-2xl:hidden">
        <StatusText status={run.status} />
        <Reason run={run} />
      </div>
      <div className="flex min-w-0 items-center justify-between gap-2 text-meta text-muted @2xl:hidden">
        <span className="truncate">{hideAgent ? command : visibleText(agent)}</span>
        <TimeAgo at={run.queued_at} className="shrink-0" />
      </div>
      <span className="tnum text-right text-meta text-muted @max-2xl:hidden">
        {run.started_at ? <Elapsed from={run.started_at} until={run.finished_at} /> : "–"}
      </span>
      <span className="text-right text-meta text-muted @max-5xl:hidden">
        <TokenCount tokens={run.tokens} />
      </span>
      <span className="tnum text-right text-meta text-muted @max-2xl:hidden">
        <TimeAgo at={run.queued_at} />
      </span>
    </div>
  );
}

function Reason({ run }: { run: CommandRunRow }) {
  const reason = run.error_code || run.wait_reason;
  if (!reason) return null;
  return (
    <p className="truncate text-meta text-muted" title={visibleText(reason)}>
      {sentence(visibleText(reason))}
    </p>
  );
}
