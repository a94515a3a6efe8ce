import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "@/lib/cx";
import { toast } from "./toast";

type Variant = "primary" | "secondary" | "ghost" | "danger";
type Size = "md" | "sm" | "icon";
const variants: Record<Variant, string> = {
  primary: "bg-accent text-on-accent border border-transparent font-semibold hover:brightness-110",
  secondary: "bg-surface text-fg border border-muted/60 hover:bg-surface-2",
  ghost: "text-fg border border-transparent hover:bg-surface-2",
  danger: "bg-surface text-err border border-err hover:bg-surface-2",
};
const sizes: Record<Size, string> = {
  md: "h-8 px-3 max-md:h-11 max-md:px-4",
  sm: "h-7 px-2.5 text-meta max-md:h-11 max-md:px-3",
  icon: "size-8 justify-center max-md:size-11",
};

export function buttonClass(variant: Variant = "secondary", size: Size = "md", className?: string): string {
  return cx(
    "inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-control text-table transition-[background-color,filter] duration-100 disabled:opacity-50 aria-disabled:opacity-50",
    variants[variant],
    sizes[size],
    className,
  );
}

type Props = ComponentProps<"button"> & {
  variant?: Variant;
  size?: Size;
  busy?: boolean;
  children: ReactNode;
};

/** A button that cannot be used now and says why: to a pointer, a screen reader and a finger alike. */
export function BlockedButton({ whyNot, children, ...rest }: Omit<Props, "onClick"> & { whyNot: string }) {
  const id = useId();
  return (
    <>
      <Button
        {...rest}
        aria-disabled
        aria-describedby={id}
        title={whyNot}
        onClick={() => toast({ level: "info", title: whyNot, key: "why-not" })}
      >
        {children}
      </Button>
      <span id={id} hidden>
        {whyNot}
      </span>
    </>
  );
}

export function Button({ variant, size, busy, className, type = "button", disabled, ...rest }: Props) {
  return (
    <button
      type={type}
      className={buttonClass(variant, size, className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    />
  );
}
