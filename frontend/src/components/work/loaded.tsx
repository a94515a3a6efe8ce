/** A block that reads one query: its skeleton, its error with a retry, its data, and a note when the data is old. */
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { ErrorState, SkeletonRows } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";

interface Query<Data> {
  data: Data | undefined;
  error: Error | null;
  dataUpdatedAt: number;
  isFetching: boolean;
  refetch: () => unknown;
}

interface LoadedProps<Data> {
  query: Query<Data>;
  /** What could not be loaded: "Runs could not be loaded". */
  what: string;
  /** Of the size the data will have; rows by default. */
  skeleton?: ReactNode;
  /** The block stands on the page itself, so its error needs a card around it. */
  framed?: boolean;
  children: (data: Data) => ReactNode;
}

export function Loaded<Data>({ query, what, skeleton, framed, children }: LoadedProps<Data>) {
  const { data, error, refetch } = query;
  if (data !== undefined) {
    return (
      <>
        {error && (
          <StaleNote since={query.dataUpdatedAt} busy={query.isFetching} retry={() => void refetch()} />
        )}
        {children(data)}
      </>
    );
  }
  if (error)
    return (
      <ErrorState
        error={error}
        what={what}
        className={framed ? "card" : undefined}
        retry={() => void refetch()}
      />
    );
  return skeleton ?? <SkeletonRows rows={6} />;
}

function StaleNote({ since, busy, retry }: { since: number; busy: boolean; retry: () => void }) {
  return (
    <div
      role="status"
      data-tone="warn"
      className="flex flex-wrap items-center gap-x-3 border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-1.5 text-meta"
    >
      <span>
        Could not be refreshed. This is how it was <TimeAgo at={since} />.
      </span>
      <Button size="sm" variant="ghost" busy={busy} onClick={retry} className="ml-auto">
        Try again
      </Button>
    </div>
  );
}
