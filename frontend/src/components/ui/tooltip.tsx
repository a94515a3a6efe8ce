import { Tooltip as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** Extra words on hover and focus; never the only place of a fact (touch has no hover). */
export function Tooltip({ text, children }: { text: ReactNode; children: ReactNode }) {
  return (
    <Radix.Provider delayDuration={300}>
      <Radix.Root>
        <Radix.Trigger asChild>{children}</Radix.Trigger>
        <Radix.Portal>
          <Radix.Content sideOffset={6} className="popover animate-fade-in z-50 max-w-80 px-2 py-1 text-meta">
            {text}
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
    </Radix.Provider>
  );
}
