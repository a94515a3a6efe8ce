import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { History } from "lucide-react";
import { memo, useMemo } from "react";
import { StatusIcon } from "@/components/status";
import { Card } from "@/components/ui/card";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { useSteady } from "@/components/work/steady";
import { useAgentStatus } from "@/hooks";
import { api, unwrap } from "@/lib/api/client";
import { keys } from "@/lib/api/keys";
import { visibleText } from "@/lib/format";
import { describe, worthReading } from "./describe-event";

/** The newest facts of the journal; the socket adds to it. */
export default function EventFeed({ className }: { className?: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: keys.events.recent,
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/events/", { params: { query: { limit: 100 } }, signal })),
    structuralSharing: false,
  });
  const { data: agents } = useAgentStatus();
  const names = useMemo(() => new Map(agents?.map((agent) => [agent.id, agent.name])), [agents]);
  const rows = useMemo(
    () =>
      (data?.results ?? [])
        .filter(worthReading)
        .slice(0, 50)
        .map((event) => ({
          id: String(event.seq),
          at: event.at,
          ...describe(event, names),
        })),
    [data, names],
  );
  const { shown, fresh, release, area } = useSteady(rows);
  return (
    <Card
      title="Events"
      className={className}
      bodyClassName="relative overflow-y-auto"
      actions={
        fresh > 0 && (
          <button
            type="button"
            onClick={release}
            className="tnum text-meta text-accent hover:underline max-md:h-11"
          >
            Show {fresh} new
          </button>
        )
      }
    >
      {data ? (
        rows.length === 0 ? (
          <EmptyState icon={History} title="Nothing has happened yet">
            Every change of agents, runs and alerts is written here.
          </EmptyState>
        ) : (
          <ul {...area}>
            {shown.map((row) => (
              <EventRow key={row.id} {...row} />
            ))}
          </ul>
        )
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The events could not be loaded" />
      ) : (
        <SkeletonRows rows={10} className="h-6" />
      )}
    </Card>
  );
}

type RowProps = { at: string; status: string; subject: string; text: string; to: string | null };
const EventRow = memo(function EventRow({ at, status, subject, text, to }: RowProps) {
  const line = (
    <>
      <StatusIcon status={status} size={13} className="mt-[3px]" />
      <span className="min-w-0 flex-1 truncate text-table" title={visibleText(`${subject} ${text}`)}>
        <span className="font-semibold">{visibleText(subject)}</span>{" "}
        <span className="text-muted">{visibleText(text)}</span>
      </span>
      <TimeAgo at={at} className="tnum shrink-0 text-caption leading-5 text-muted" />
    </>
  );
  const className = "flex gap-2.5 border-b px-4 py-1.5 max-md:py-3";
  return (
    <li>
      {to ? (
        <Link to={to} className={`${className} hover:bg-surface-2`}>
          {line}
        </Link>
      ) : (
        <div className={className}>{line}</div>
      )}
    </li>
  );
});
