import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "@/lib/cx";

export const controlClass =
  "w-full min-w-0 rounded-control border border-muted/60 bg-surface px-2.5 text-body text-fg placeholder:text-muted aria-invalid:border-err disabled:opacity-60";

type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  required?: boolean;
  children: (props: {
    id: string;
    "aria-describedby"?: string;
    "aria-invalid"?: true;
    required?: boolean;
  }) => ReactNode;
  className?: string;
};

/** Label, control, hint and error, wired together. */
export function Field({ label, hint, error, required, children, className }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className={cx("flex flex-col gap-1", className)}>
      <label htmlFor={id} className="text-table font-semibold">
        {label}
        {required && (
          <span className="font-normal text-muted" aria-hidden="true">
            {" "}
            (required)
          </span>
        )}
      </label>
      {hint && (
        <p id={`${id}-hint`} className="text-meta text-muted">
          {hint}
        </p>
      )}
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": error ? true : undefined,
        required,
      })}
      {error && (
        <p id={`${id}-error`} className="text-meta text-err">
          {error}
        </p>
      )}
    </div>
  );
}

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input className={cx(controlClass, "h-8 max-md:h-11", className)} {...rest} />;
}
export function Textarea({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea className={cx(controlClass, "min-h-20 py-1.5", className)} {...rest} />;
}
/** The native control: best on touch, and no markup is injected. */
export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select className={cx(controlClass, "h-8 max-md:h-11", className)} {...rest} />;
}
