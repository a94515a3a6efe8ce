/** Text that an agent or a model wrote: plain text, with hidden characters made visible. */

import { cx } from "@/lib/cx";
import { visibleText } from "@/lib/format";

export function UntrustedText({ text, className }: { text: string; className?: string }) {
  return <div className={cx("whitespace-pre-wrap break-words", className)}>{visibleText(text)}</div>;
}

export function JsonBlock({ value, className }: { value: unknown; className?: string }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
      tabIndex={0}
      className={cx(
        "overflow-auto whitespace-pre-wrap break-words rounded-control bg-surface-2 p-3 font-mono text-meta leading-[18px]",
        className,
      )}
    >
      {visibleText(JSON.stringify(value, null, 2) ?? "")}
    </pre>
  );
}
