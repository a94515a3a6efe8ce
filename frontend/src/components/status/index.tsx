import type { ReactNode } from "react";
import { cx } from "@/lib/cx";
import { lookOf, type Tone } from "./palette";

export { lookOf, statusOrder, type Tone } from "./palette";
export { doerOf, stepStatus } from "./step";

type Props = { status: string; label?: string; className?: string };

/** Icon only; the word must stand beside it. */
export function StatusIcon({
  status,
  size = 14,
  className,
}: {
  status: string;
  size?: number;
  className?: string;
}) {
  const { icon: Icon, tone } = lookOf(status);
  return (
    <span data-tone={tone} className={cx("inline-flex shrink-0 text-(--tone)", className)}>
      <Icon size={size} strokeWidth={2.25} aria-hidden="true" />
    </span>
  );
}

/** Icon and word in the status colour, no background: for dense rows. */
export function StatusText({ status, label, className }: Props) {
  const look = lookOf(status);
  return (
    <span
      data-tone={look.tone}
      data-status={status}
      className={cx("inline-flex items-center gap-1.5 whitespace-nowrap text-meta text-(--tone)", className)}
    >
      <look.icon size={14} strokeWidth={2.25} aria-hidden="true" className="shrink-0" />
      {label ?? look.label}
    </span>
  );
}

/** Tinted pill: icon in the status colour, word in the text colour. */
export function StatusChip({ status, label, className }: Props) {
  const look = lookOf(status);
  return (
    <Chip tone={look.tone} className={className} data-status={status}>
      <look.icon size={13} strokeWidth={2.25} aria-hidden="true" className="shrink-0 text-(--tone)" />
      {label ?? look.label}
    </Chip>
  );
}

type ChipProps = {
  tone?: Tone;
  children: ReactNode;
  className?: string;
  title?: string;
  "data-status"?: string;
};
export function Chip({ tone = "off", children, className, ...rest }: ChipProps) {
  return (
    <span
      data-tone={tone}
      className={cx(
        "tint inline-flex h-5 items-center gap-1 whitespace-nowrap rounded-pill px-2 text-caption text-fg",
        className,
      )}
      {...rest}
    >
      {children}
    </span>
  );
}

/** Says that a text came from the built-in demo model, not from a real one. */
export function DemoLabel({ className }: { className?: string }) {
  return (
    <Chip
      tone="warn"
      className={className}
      title="Written by the built-in demo model. Set MC_LLM_MODEL to use a real one."
    >
      demo model
    </Chip>
  );
}

type ProgressProps = { value: number; status: string; label: string; className?: string };
/** A bar of the status' colour; the number is beside it, never inside. */
export function ProgressBar({ value, status, label, className }: ProgressProps) {
  const clamped = Math.max(0, Math.min(100, Math.round(value)));
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={clamped}
      data-tone={lookOf(status).tone}
      className={cx("h-1.5 overflow-hidden rounded-pill bg-surface-2", className)}
    >
      <div
        className="h-full origin-left rounded-pill bg-(--tone) transition-transform duration-150 forced-colors:bg-[Highlight]"
        style={{ transform: `scaleX(${clamped / 100})` }}
      />
    </div>
  );
}
