/** The frame of long lists: filter buttons, rows that stay still under the pointer, "load more". */
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { count } from "@/lib/format";
import { useSteady } from "./steady";

interface Option {
  value: string;
  label: string;
  count?: number | undefined;
}

interface FilterProps {
  label: string;
  options: Option[];
  /** Empty for "all". */
  value: string;
  onChange: (value: string) => void;
}

export function FilterButtons({ label, options, value, onChange }: FilterProps) {
  return (
    <fieldset aria-label={label} className="flex min-w-0 gap-1 overflow-x-auto p-0.5">
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
          className="flex h-8 shrink-0 items-center gap-1.5 rounded-control border border-transparent px-2.5 text-table text-muted hover:bg-surface-2 hover:text-fg aria-pressed:border-border aria-pressed:bg-surface aria-pressed:text-fg max-md:h-11"
        >
          {option.label}{" "}
          {option.count !== undefined && <span className="tnum text-meta">{count(option.count)}</span>}
        </button>
      ))}
    </fieldset>
  );
}

interface PagedQuery {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

interface RowsProps<Row> {
  label: string;
  rows: readonly Row[];
  query: PagedQuery;
  /** Column titles; hidden on a phone, where rows are cards. */
  head: ReactNode;
  children: (row: Row) => ReactNode;
}

export function Rows<Row extends { id: string }>({ label, rows, query, head, children }: RowsProps<Row>) {
  const { shown, fresh, release, area } = useSteady(rows);
  return (
    <div className="@container relative" {...area}>
      {fresh > 0 && (
        <div className="sticky top-0 z-10 flex justify-center">
          <Button size="sm" className="absolute top-1" onClick={release}>
            Show {count(fresh)} new
          </Button>
        </div>
      )}
      <div aria-hidden className="@max-2xl:hidden">
        {head}
      </div>
      <ul aria-label={label} className="flex flex-col">
        {shown.map((row) => (
          <li key={row.id} className="relative border-t @max-2xl:first:border-t-0 hover:bg-surface-2">
            {children(row)}
          </li>
        ))}
      </ul>
      {query.hasNextPage && (
        <div className="flex justify-center border-t p-2">
          <Button variant="ghost" busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {query.isFetchingNextPage ? "Loading…" : "Load more"}
          </Button>
        </div>
      )}
    </div>
  );
}

/** Classes of a row's link, which is clickable over the whole row. */
export const rowLink = "font-semibold outline-offset-0 after:absolute after:inset-0 hover:underline";
