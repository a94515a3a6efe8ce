/** One agent in two lines: who it is, and what its status means now. */
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { Chip, lookOf, StatusIcon, StatusText } from "@/components/status";
import { Signal } from "@/components/status/signal";
import { rowLink } from "@/components/work/list";
import type { DashboardAgent } from "@/lib/api/types";
import { cx } from "@/lib/cx";
import { visibleText, words } from "@/lib/format";
import { presentWords } from "./select";

/** These wear a coloured edge: somebody should look. */
const LOUD = new Set(["error", "offline"]);

export const AgentCard = memo(function AgentCard({ agent }: { agent: DashboardAgent }) {
  const look = lookOf(agent.status);
  return (
    <div
      data-tone={look.tone}
      data-status={agent.status}
      className={cx(
        "card relative flex h-full flex-col justify-center px-3 hover:bg-surface-2",
        LOUD.has(agent.status) && "border-l-[3px] border-l-(--tone)",
      )}
    >
      <div className="flex items-baseline gap-2">
        <Link to="/agents/$id" params={{ id: agent.id }} className={`${rowLink} truncate text-table`}>
          {visibleText(agent.name)}
        </Link>
        <span className="ml-auto shrink-0 text-caption text-muted">{words(agent.type)}</span>
      </div>
      <p className="truncate text-meta text-muted" title={visibleText(presentWords(agent))}>
        {visibleText(presentWords(agent))}
      </p>
      <div className="flex items-center gap-1.5 text-meta">
        <StatusIcon status={agent.status} size={13} />
        <span>{look.label}</span>
        <Signal agent={agent} className="tnum ml-auto text-caption text-muted" />
      </div>
    </div>
  );
});

const COLUMNS =
  "grid grid-cols-[minmax(0,1fr)_auto_auto] items-center gap-x-4 px-4 max-md:gap-x-3 md:grid-cols-[minmax(0,220px)_104px_minmax(0,1fr)_minmax(0,200px)_72px_96px]";

export function AgentRowHead() {
  return (
    <div aria-hidden className={`${COLUMNS} h-8 text-meta text-muted max-md:hidden`}>
      <span>Agent</span>
      <span>Status</span>
      <span>Now</span>
      <span>Can do</span>
      <span>Through</span>
      <span className="text-right">Heard</span>
    </div>
  );
}

export const AgentRow = memo(function AgentRow({ agent }: { agent: DashboardAgent }) {
  const [first, ...others] = agent.capabilities;
  return (
    <div className={`${COLUMNS} relative h-full border-t hover:bg-surface-2`} data-status={agent.status}>
      <span className="flex min-w-0 items-baseline gap-2">
        <Link to="/agents/$id" params={{ id: agent.id }} className={`${rowLink} truncate text-table`}>
          {visibleText(agent.name)}
        </Link>
        <span className="shrink-0 text-caption text-muted">{words(agent.type)}</span>
      </span>
      <StatusText status={agent.status} />
      <span className="truncate text-meta text-muted max-md:hidden">{visibleText(presentWords(agent))}</span>
      <span className="flex min-w-0 gap-1 max-md:hidden" title={agent.capabilities.join(", ")}>
        {first && <Chip className="min-w-0 font-mono">{first}</Chip>}
        {others.length > 0 && <Chip>+{others.length}</Chip>}
      </span>
      <span className="text-meta text-muted max-md:hidden">{agent.connector}</span>
      <Signal agent={agent} className="tnum whitespace-nowrap text-right text-meta text-muted" />
    </div>
  );
});
