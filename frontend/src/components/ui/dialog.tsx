import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { cx } from "@/lib/cx";
import { buttonClass } from "./button";

type Props = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
};

/** Centred on a desktop, a bottom sheet on a phone. */
export function Dialog({ open, onOpenChange, title, description, children, footer, wide }: Props) {
  // Radix gives the focus back to its own trigger only; these dialogs are opened by state.
  const opener = useRef<Element | null>(null);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="animate-fade-in fixed inset-0 z-40 bg-[rgb(8_12_18/0.6)]" />
        <Radix.Content
          className={cx(
            "popover animate-rise-in fixed z-50 flex max-h-[85dvh] flex-col",
            "max-md:inset-x-0 max-md:bottom-0 max-md:rounded-b-none max-md:pb-[env(safe-area-inset-bottom)]",
            "md:top-[10dvh] md:left-1/2 md:-ml-(--half) md:w-(--wide)",
            wide ? "[--half:360px] [--wide:720px]" : "[--half:260px] [--wide:520px]",
          )}
          onOpenAutoFocus={() => {
            opener.current = document.activeElement;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (opener.current instanceof HTMLElement) opener.current.focus();
          }}
          {...(!description && { "aria-describedby": undefined })}
        >
          <header className="flex items-start gap-3 border-b px-4 py-3">
            <div className="min-w-0 flex-1">
              <Radix.Title className="text-title font-semibold">{title}</Radix.Title>
              {description && (
                <Radix.Description className="text-table text-muted">{description}</Radix.Description>
              )}
            </div>
            <Radix.Close className={buttonClass("ghost", "icon")} aria-label="Close">
              <X size={16} aria-hidden="true" />
            </Radix.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
          {footer && <footer className="flex justify-end gap-2 border-t px-4 py-3">{footer}</footer>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
