import { cx } from "@/lib/cx";

type Props = {
  /** What is switched: "Nightly is enabled". */
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
  disabled?: boolean;
  className?: string;
};

/** On or off at once, without a save button. */
export function Switch({ label, on, onChange, disabled, className }: Props) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={() => onChange(!on)}
      className={cx(
        "group inline-flex h-8 w-11 shrink-0 items-center justify-center rounded-control disabled:opacity-50 max-md:h-11",
        className,
      )}
    >
      <span className="flex h-5 w-9 items-center rounded-pill border border-muted bg-surface-2 px-0.5 group-aria-checked:border-accent group-aria-checked:bg-accent">
        <span className="size-3.5 rounded-pill bg-muted transition-transform duration-100 group-aria-checked:translate-x-4 group-aria-checked:bg-on-accent forced-colors:bg-[ButtonText]" />
      </span>
    </button>
  );
}
