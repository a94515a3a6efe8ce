import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronRight } from "lucide-react";
import { useMemo } from "react";
import { lookOf, StatusIcon } from "@/components/status";
import { useAgentStatus, useOpenAlerts, useSettled } from "@/hooks";
import { api, unwrap } from "@/lib/api/client";
import { keys } from "@/lib/api/keys";
import type { Attention as AttentionItem } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { linkTo } from "@/lib/link";
import { knownAttention } from "./order";

/** What the snapshot already tells, so that the strip stands at the first paint and nothing jumps. */
function useKnown(): AttentionItem[] | undefined {
  const { data: agents } = useAgentStatus();
  const { data: alerts } = useOpenAlerts();
  return useMemo(() => (agents && alerts ? knownAttention(agents, alerts) : undefined), [agents, alerts]);
}

/** People being waited for is no fault: it looks like the approvals it leads to. */
const lookAt = ({ kind, level }: AttentionItem): string =>
  kind === "waiting_approvals" ? "approval" : level;

/** What a human must look at, each with its link; nothing at all when there is nothing. */
export function Attention() {
  const known = useKnown();
  const { data } = useQuery({
    queryKey: keys.dashboard.attention,
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/monitoring/attention/", { signal })),
    enabled: useSettled(),
    placeholderData: known,
  });
  if (!data || data.length === 0) return null;
  return (
    <ul aria-label="Needs attention" className="flex flex-wrap gap-2 lg:col-span-3">
      {data.map((item) => (
        <li key={item.kind} className="max-sm:w-full">
          <Link
            {...linkTo(item.url)}
            data-tone={lookOf(lookAt(item)).tone}
            className="card tint flex h-9 items-center gap-2 border-l-[3px] border-l-(--tone) pr-2 pl-3 text-table hover:brightness-105 max-md:h-11"
          >
            <StatusIcon status={lookAt(item)} size={15} />
            <span className="tnum flex-1 truncate">{visibleText(item.title)}</span>
            <ChevronRight size={14} aria-hidden="true" className="text-muted" />
          </Link>
        </li>
      ))}
    </ul>
  );
}
