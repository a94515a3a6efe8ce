import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { buttonClass } from "./button";

type Props = { open: boolean; onOpenChange: (open: boolean) => void; title: string; children: ReactNode };

/** A dialog that takes the whole window, for what needs room: graphs. */
export function FullScreen({ open, onOpenChange, title, children }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Content
          aria-describedby={undefined}
          className="animate-fade-in fixed inset-0 z-50 flex flex-col bg-bg pb-[env(safe-area-inset-bottom)]"
        >
          <header className="flex h-12 shrink-0 items-center gap-3 border-b bg-surface px-4">
            <Radix.Title className="min-w-0 flex-1 truncate text-title font-semibold">{title}</Radix.Title>
            <Radix.Close className={buttonClass("ghost", "icon")} aria-label="Close">
              <X size={16} aria-hidden="true" />
            </Radix.Close>
          </header>
          <div className="relative min-h-0 flex-1">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
