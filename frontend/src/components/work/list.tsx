/** The frame of long lists: filter buttons, rows that stay still under the pointer, "load more". */
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/lib/cx";
import { count } from "@/lib/format";
import type { Selection } from "./selection";
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
  /** Rows can be chosen; `name` says which one a box belongs to. */
  choice?: { selection: Selection; name: (row: Row) => string } | undefined;
}

export function Rows<Row extends { id: string }>(props: RowsProps<Row>) {
  const { label, rows, query, head, children, choice } = props;
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
      {choice ? (
        <div className="flex items-center">
          <Box
            label={`Choose all ${count(rows.length)} that are shown`}
            checked={rows.length > 0 && rows.every(({ id }) => choice.selection.has(id))}
            onToggle={choice.selection.toggleAll}
          />
          <div aria-hidden className="min-w-0 flex-1 @max-2xl:hidden">
            {head}
          </div>
          <span aria-hidden className="text-meta text-muted @2xl:hidden">
            All that are shown
          </span>
        </div>
      ) : (
        <div aria-hidden className="@max-2xl:hidden">
          {head}
        </div>
      )}
      <ul aria-label={label} className="flex flex-col">
        {shown.map((row) => (
          <li
            key={row.id}
            className={cx(
              "relative border-t @max-2xl:first:border-t-0 hover:bg-surface-2",
              choice && "flex items-center",
              choice?.selection.has(row.id) && "bg-surface-2",
            )}
          >
            {choice ? (
              <>
                <Box
                  label={`Choose ${choice.name(row)}`}
                  checked={choice.selection.has(row.id)}
                  onToggle={(range) => choice.selection.toggle(row.id, range)}
                />
                <div className="min-w-0 flex-1">{children(row)}</div>
              </>
            ) : (
              children(row)
            )}
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

interface BoxProps {
  label: string;
  checked: boolean;
  onToggle: (range: boolean) => void;
}

/** Stands above the link that covers its row, and is as large as a finger. */
function Box({ label, checked, onToggle }: BoxProps) {
  return (
    <label className="relative z-1 flex h-10 w-9 shrink-0 items-center justify-end @max-2xl:h-11 @max-2xl:w-11 @max-2xl:justify-center">
      <input
        type="checkbox"
        aria-label={label}
        checked={checked}
        className="size-4 accent-(--accent)"
        onChange={(event) => onToggle((event.nativeEvent as MouseEvent).shiftKey)}
      />
    </label>
  );
}

/** Classes of a row's link, which is clickable over the whole row. */
export const rowLink = "font-semibold outline-offset-0 after:absolute after:inset-0 hover:underline";
