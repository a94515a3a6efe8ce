/** How far a map is, by the state of its items: one bar, each part as wide as its share. */
import { cx } from "@/lib/cx";
import type { ItemCounts } from "./step";

const PARTS = [
  { name: "completed", tone: "ok" },
  { name: "failed", tone: "err" },
  { name: "running", tone: "run" },
  { name: "cancelled", tone: "off" },
] as const;

/** Decoration: the numbers stand beside it in words. */
export function ItemsBar({ items, className }: { items: ItemCounts; className?: string }) {
  return (
    <span aria-hidden="true" className={cx("flex overflow-hidden bg-border", className)}>
      {PARTS.map(
        ({ name, tone }) =>
          items[name] > 0 && (
            <span
              key={name}
              data-tone={tone}
              className="min-w-px bg-(--tone)"
              style={{ width: `${(items[name] / items.total) * 100}%` }}
            />
          ),
      )}
    </span>
  );
}
