import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

type Props = {
  title?: ReactNode;
  /** Beside the title, muted: "16 of 16", "last 15 min". */
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
  bodyClassName?: string;
  label?: string;
};

/** A titled block of the page: one h2 and its region. */
export function Card({ title, note, actions, children, className, bodyClassName, label }: Props) {
  return (
    <section
      className={cx("card flex min-w-0 flex-col", className)}
      aria-label={label ?? (typeof title === "string" ? title : undefined)}
    >
      {title && (
        <header className="flex min-h-11 items-center gap-2 border-b px-4 py-1.5">
          <h2 className="truncate text-body font-semibold">{title}</h2>
          {note && <span className="tnum truncate text-meta text-muted max-sm:hidden">{note}</span>}
          {actions && <div className="ml-auto flex shrink-0 items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={cx("min-h-0 min-w-0 flex-1", bodyClassName ?? "p-4")}>{children}</div>
    </section>
  );
}
