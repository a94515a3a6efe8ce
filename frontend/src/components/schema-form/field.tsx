/** One labelled control of a schema form. */
import { Input, Field as Labelled, Select, Textarea } from "@/components/ui/field";
import { cx } from "@/lib/cx";
import type { Field, FieldValue } from "./fields";

export interface FieldProps {
  id: string;
  field: Field;
  value: FieldValue;
  error?: string | undefined;
  disabled: boolean;
  onChange: (value: FieldValue) => void;
}

export function SchemaField(props: FieldProps) {
  const { field, value, error, disabled, onChange } = props;
  if (field.kind === "boolean") return <Checkbox {...props} />;
  return (
    <Labelled label={field.label} hint={hintOf(field)} error={error} required={field.required}>
      {(wiring) => (
        <Control
          field={field}
          value={String(value)}
          onChange={onChange}
          wiring={{ ...wiring, name: field.key, disabled, placeholder: field.placeholder }}
        />
      )}
    </Labelled>
  );
}

function hintOf(field: Field): string | undefined {
  const form = { lines: "One per line.", json: "Written as JSON." }[field.kind as string];
  return [field.description, form].filter(Boolean).join(" ") || undefined;
}

interface ControlProps {
  field: Field;
  value: string;
  onChange: (value: string) => void;
  wiring: { id: string; name: string; disabled: boolean; placeholder: string; required?: boolean };
}

function Control({ field, value, onChange, wiring }: ControlProps) {
  const { kind, choices, schema } = field;
  const given = {
    ...wiring,
    value,
    onChange: (event: { target: { value: string } }) => onChange(event.target.value),
  };
  if (kind === "choice") {
    return (
      <Select {...given}>
        {!(field.required && value) && <option value="">{field.required ? "Choose…" : "–"}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.value}
          </option>
        ))}
      </Select>
    );
  }
  if (kind === "textarea" || kind === "lines" || kind === "json") {
    const face = cx("max-h-80 field-sizing-content", kind === "json" && "font-mono text-meta");
    return (
      <Textarea
        {...given}
        rows={kind === "textarea" && value.length > 80 ? 5 : 3}
        spellCheck={kind === "textarea"}
        className={face}
      />
    );
  }
  if (kind === "text") return <Input {...given} type="text" autoComplete="off" />;
  return (
    <Input
      {...given}
      type="number"
      inputMode={kind === "integer" ? "numeric" : "decimal"}
      step={kind === "integer" ? 1 : "any"}
      min={schema.minimum}
      max={schema.maximum}
      className="max-w-48 tnum"
    />
  );
}

function Checkbox({ id, field, value, error, disabled, onChange }: FieldProps) {
  const note = error ?? field.description;
  return (
    <div className="flex items-start gap-2 max-md:min-h-11 max-md:items-center">
      <input
        id={id}
        name={field.key}
        type="checkbox"
        checked={value === true}
        disabled={disabled}
        aria-describedby={note ? `${id}-note` : undefined}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-(--accent) max-md:size-5"
      />
      <div className="min-w-0">
        <label htmlFor={id} className="text-table font-semibold">
          {field.label}
        </label>
        {note && (
          <p id={`${id}-note`} className={`text-meta ${error ? "text-err" : "text-muted"}`}>
            {note}
          </p>
        )}
      </div>
    </div>
  );
}
