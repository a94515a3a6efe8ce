/** A titled part of a panel, below a hairline. */
import type { ReactNode } from "react";

export function Section({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section aria-label={title} className="flex min-w-0 flex-col gap-2 border-t px-4 py-3">
      <div className="flex min-h-5 items-center gap-2">
        <h3 className="text-table font-semibold text-muted">{title}</h3>
        {actions && <div className="ml-auto">{actions}</div>}
      </div>
      {children}
    </section>
  );
}
