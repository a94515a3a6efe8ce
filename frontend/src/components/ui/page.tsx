import { type ReactNode, useEffect } from "react";
import { cx } from "@/lib/cx";

type Props = {
  title: string;
  heading?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
};

/** The frame of every page: document title, one h1, actions at its right, the gutter. */
export function Page({ title, heading, actions, children, className }: Props) {
  useEffect(() => {
    document.title = `${title} · Mission Control`;
  }, [title]);
  return (
    <div className={cx("mx-auto flex w-full max-w-[1680px] flex-col gap-3 p-4 md:px-6", className)}>
      <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-2">
        <h1 className="min-w-0 text-title font-semibold">{heading ?? title}</h1>
        {actions && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
