/** A number that says who goes first. */
import { Field, Input } from "@/components/ui/field";

export const LOWEST = -100;
export const HIGHEST = 100;

export function isPriority(text: string): boolean {
  const value = Number(text);
  return text.trim() !== "" && Number.isInteger(value) && value >= LOWEST && value <= HIGHEST;
}

export function PriorityField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <Field
      label="Priority"
      hint="Higher goes first; 0 is usual."
      error={isPriority(value) ? undefined : `A whole number from ${LOWEST} to ${HIGHEST}.`}
      className="max-w-56"
    >
      {(props) => (
        <Input
          {...props}
          type="number"
          inputMode="numeric"
          min={LOWEST}
          max={HIGHEST}
          step={1}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
