import { Link } from "@tanstack/react-router";
import { Bot } from "lucide-react";
import { memo, useMemo } from "react";
import { lookOf, StatusText } from "@/components/status";
import { Signal } from "@/components/status/signal";
import { Card } from "@/components/ui/card";
import { EmptyState, ErrorState, Skeleton } from "@/components/ui/states";
import { useSteady } from "@/components/work/steady";
import { useAgentStatus } from "@/hooks";
import type { DashboardAgent } from "@/lib/api/types";
import { cx } from "@/lib/cx";
import { count, visibleText, words } from "@/lib/format";
import { byAttention, secondLine } from "./order";

/** More than a screen holds belongs on the agents page, which is virtual. */
const shownHere = 48;
const grid = "grid gap-2 p-3 sm:grid-cols-2 xl:grid-cols-4 lg:grid-cols-3 max-sm:gap-0 max-sm:p-0";

export function AgentGrid({ className }: { className?: string }) {
  const { data: agents, error, refetch } = useAgentStatus();
  const ordered = useMemo(() => byAttention(agents ?? []).slice(0, shownHere), [agents]);
  const { shown, area } = useSteady(ordered);
  const total = agents?.length ?? 0;
  return (
    <Card
      title="Agents"
      className={className}
      bodyClassName=""
      note={
        agents &&
        (total > shownHere ? `${shownHere} of ${count(total)}, attention first` : `${total}, attention first`)
      }
      actions={
        <Link to="/agents" className="text-meta text-accent hover:underline max-md:py-3">
          All agents
        </Link>
      }
    >
      {agents ? (
        total === 0 ? (
          <EmptyState icon={Bot} title="No agents yet">
            Register one through the API and it appears here at once.
          </EmptyState>
        ) : (
          <ul className={grid} {...area}>
            {shown.map((agent) => (
              <AgentCard key={agent.id} agent={agent} />
            ))}
          </ul>
        )
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The agents could not be loaded" />
      ) : (
        <div role="status" aria-label="Loading agents" className={grid}>
          {Array.from({ length: 16 }, (_, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
            <Skeleton key={place} className="h-[76px] max-sm:m-2 max-sm:h-11" />
          ))}
        </div>
      )}
    </Card>
  );
}

const AgentCard = memo(function AgentCard({ agent }: { agent: DashboardAgent }) {
  const { tone } = lookOf(agent.status);
  const line = visibleText(secondLine(agent));
  const alarming = agent.status === "error";
  return (
    <li className="min-w-0" data-agent={agent.id}>
      <Link
        to="/agents/$id"
        params={{ id: agent.id }}
        data-tone={tone}
        className={cx(
          "flex h-[76px] flex-col justify-center rounded-control border bg-bg px-3 transition-colors duration-100 hover:border-muted max-sm:h-[60px] max-sm:rounded-none max-sm:border-x-0 max-sm:border-t-0 max-sm:bg-surface",
          (alarming || agent.status === "offline") &&
            "border-l-[3px] border-l-(--tone) pl-[10px] max-sm:border-l-[3px]",
        )}
      >
        <span className="flex items-center gap-2">
          <span className="min-w-0 flex-1 truncate text-table font-semibold">{visibleText(agent.name)}</span>
          <StatusText status={agent.status} />
        </span>
        <span
          className={cx("truncate text-meta", agent.current_task || alarming ? "text-fg" : "text-muted")}
          title={line}
        >
          {line}
        </span>
        <span className="flex gap-2 text-caption text-muted">
          <span className="min-w-0 flex-1 truncate">{visibleText(words(agent.type))}</span>
          <Signal agent={agent} className="tnum shrink-0" />
        </span>
      </Link>
    </li>
  );
});
