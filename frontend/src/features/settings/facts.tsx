import type { ReactNode } from "react";

/** Names and values, one pair a line. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] items-center gap-x-6 gap-y-1.5 text-table">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="tnum flex min-h-5 min-w-0 items-center break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
