/** The four states every block has besides "here is the data". */
import { CircleAlert, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError, messageOf } from "@/lib/api/errors";
import { cx } from "@/lib/cx";
import { Button } from "./button";

/** Takes the final size of what it stands for, so nothing jumps. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden="true" className={cx("skeleton animate-skeleton", className)} />;
}

export function SkeletonRows({ rows, className }: { rows: number; className?: string }) {
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-2 p-4">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
        <Skeleton key={row} className={className ?? "h-8"} />
      ))}
    </div>
  );
}

type EmptyProps = {
  icon?: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  className?: string;
};
export function EmptyState({ icon: Icon, title, children, action, className }: EmptyProps) {
  return (
    <div className={cx("flex flex-col items-center justify-center gap-1 px-6 py-8 text-center", className)}>
      {Icon && <Icon size={20} aria-hidden="true" className="mb-1 text-muted" />}
      <p className="font-semibold">{title}</p>
      {children && <div className="max-w-[52ch] text-table text-muted">{children}</div>}
      {action && <div className="mt-3">{action}</div>}
    </div>
  );
}

type ErrorProps = { error: unknown; retry?: () => void; what?: string; className?: string };
/** What happened, what to do, and the request id to quote. */
export function ErrorState({ error, retry, what, className }: ErrorProps) {
  const requestId = error instanceof ApiError ? error.requestId : null;
  return (
    <div
      role="alert"
      className={cx("flex flex-col items-center justify-center gap-1 px-6 py-8 text-center", className)}
    >
      <CircleAlert size={20} aria-hidden="true" className="mb-1 text-err" />
      <p className="font-semibold">{what ?? "This could not be loaded"}</p>
      <p className="max-w-[52ch] text-table text-muted">{messageOf(error)}</p>
      {requestId && <p className="font-mono text-caption text-muted">request {requestId}</p>}
      {retry && (
        <Button size="sm" className="mt-3" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}
