/** The items of a map: how many are in which state, and each of them as a row that opens it. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useRef, useState } from "react";
import { describeItems, ItemsBar } from "@/components/dag";
import { StatusText, stepStatus } from "@/components/status";
import { Button } from "@/components/ui/button";
import { SkeletonRows } from "@/components/ui/states";
import { Elapsed } from "@/components/ui/time-ago";
import { FilterButtons } from "@/components/work/list";
import { Loaded } from "@/components/work/loaded";
import { useStable } from "@/hooks";
import { itemsQuery } from "@/lib/api/steps";
import type { Step, StepStatus } from "@/lib/api/types";
import { count, visibleText } from "@/lib/format";
import { previewOf } from "./model";

interface MapItemsProps {
  runId: string;
  step: Step;
  onItem: (item: number) => void;
}

export function MapItems({ runId, step, onItem }: MapItemsProps) {
  const [status, setStatus] = useState<StepStatus | undefined>();
  const query = useInfiniteQuery({
    ...itemsQuery(runId, step.id, status),
    // The list would jump to its top while the next page of another status is read.
    placeholderData: (before) => before,
  });
  const { items } = step;
  if (!items) return <p className="text-table text-muted">The list is made when the step starts.</p>;
  if (items.total === 0) return <p className="text-table text-muted">The list is empty.</p>;
  return (
    <div className="flex min-w-0 flex-col gap-2">
      <ItemsBar items={items} className="h-2 rounded-pill" />
      <p className="text-table text-muted tnum" role="status">
        {describeItems(items)}
        {items.running > 0 && `, ${count(items.running)} running`}
      </p>
      <FilterButtons
        label="Status of items"
        value={status ?? ""}
        onChange={(chosen) => setStatus((chosen || undefined) as StepStatus | undefined)}
        options={[
          { value: "", label: "All", count: items.total },
          { value: "running", label: "Running", count: items.running },
          { value: "failed", label: "Failed" },
          { value: "completed", label: "Completed", count: items.completed },
          { value: "pending", label: "Not begun" },
        ]}
      />
      <Loaded query={query} what="The items could not be loaded" skeleton={<SkeletonRows rows={6} />}>
        {(rows) =>
          rows.length > 0 ? (
            <Items rows={rows} query={query} onItem={onItem} />
          ) : (
            <p className="text-table text-muted">No item is in this state now.</p>
          )
        }
      </Loaded>
    </div>
  );
}

const ROW_PX = 44;
const VIRTUAL_ABOVE = 50;

interface ItemsProps {
  rows: readonly Step[];
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
  onItem: (item: number) => void;
}

function Items({ rows, query, onItem: open }: ItemsProps) {
  const onItem = useStable(open);
  const box = useRef<HTMLUListElement>(null);
  const isVirtual = rows.length > VIRTUAL_ABOVE;
  const virtual = useVirtualizer({
    count: rows.length,
    enabled: isVirtual,
    getScrollElement: () => box.current,
    getItemKey: useCallback((index: number) => rows[index]?.id ?? index, [rows]),
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const wantsMore = isVirtual && query.hasNextPage && !query.isFetchingNextPage && last >= rows.length - 10;
  const { fetchNextPage } = query;
  useEffect(() => {
    if (wantsMore) void fetchNextPage();
  }, [wantsMore, fetchNextPage]);
  return (
    <>
      <ul
        ref={box}
        aria-label="Items"
        className="relative -mx-4 max-h-[352px] overflow-y-auto overscroll-contain border-t"
      >
        {isVirtual && <li aria-hidden style={{ height: virtual.getTotalSize() }} />}
        {!isVirtual &&
          rows.map((step) => (
            <li key={step.id} className="h-11 border-b">
              <Item step={step} onItem={onItem} />
            </li>
          ))}
        {shown.map(({ key, index, start }) => (
          <li
            key={key}
            className="absolute inset-x-0 top-0 border-b"
            style={{ transform: `translateY(${start}px)`, height: ROW_PX }}
          >
            <Item step={rows[index] as Step} onItem={onItem} />
          </li>
        ))}
      </ul>
      {query.hasNextPage && (
        <Button
          size="sm"
          variant="ghost"
          busy={query.isFetchingNextPage}
          className="self-center"
          onClick={() => void fetchNextPage()}
        >
          {query.isFetchingNextPage ? "Loading…" : "Load more"}
        </Button>
      )}
    </>
  );
}

const Item = memo(function Item({ step, onItem }: { step: Step; onItem: (item: number) => void }) {
  const place = step.map_index ?? 0;
  return (
    <button
      type="button"
      onClick={() => onItem(place)}
      className="flex h-full w-full items-center gap-3 px-4 text-left -outline-offset-2 hover:bg-surface-2"
    >
      <span className="w-10 shrink-0 text-right text-table text-muted tnum">{count(place)}</span>
      <span className="min-w-0 flex-1 truncate font-mono text-meta">{visibleText(previewOf(step.item))}</span>
      {step.started_at && (
        <span className="shrink-0 text-meta text-muted tnum max-sm:hidden">
          <Elapsed from={step.started_at} until={step.completed_at} />
        </span>
      )}
      <StatusText status={stepStatus(step)} className="w-24 shrink-0" />
    </button>
  );
});
