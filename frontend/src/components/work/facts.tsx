/** Names and values side by side: the small print of a header or panel. */
import type { ReactNode } from "react";

/** In a row that wraps, or in columns where there is little room. */
export function Facts({ children, columns }: { children: ReactNode; columns?: 2 }) {
  const layout = columns ? "grid grid-cols-2" : "flex flex-wrap";
  return <dl className={`${layout} gap-x-6 gap-y-2 text-table`}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-meta text-muted">{name}</dt>
      <dd className="tnum min-w-0 break-words">{children}</dd>
    </div>
  );
}
