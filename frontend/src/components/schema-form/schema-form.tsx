/** A form made from a JSON schema: one control per property, errors beside the field they belong to. */
import { type FormEvent, type ReactNode, useId, useRef, useState } from "react";
import type { JsonSchema } from "@/lib/api/types";
import { SchemaField } from "./field";
import { type FieldErrors, fieldErrorsOf, fieldsOf, initialValues, parseValues } from "./fields";

export interface SchemaFormProps {
  schema: JsonSchema | null | undefined;
  onSubmit: (input: Record<string, unknown>) => void;
  /** The buttons; a submit button must be among them. */
  children: ReactNode;
  /** `errors` of the problem+json answer to the last submit. */
  serverErrors?: unknown;
  /** Values to start from; they are read once, so live updates never overwrite what is being typed. */
  initial?: Record<string, unknown>;
  disabled?: boolean;
  className?: string;
}

export function SchemaForm(props: SchemaFormProps) {
  const { schema, onSubmit, children, serverErrors, initial, disabled = false } = props;
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const fields = fieldsOf(schema);
  const [values, setValues] = useState(() => initialValues(fields, initial));
  const [errors, setErrors] = useState<FieldErrors>({});
  const fromServer = fieldErrorsOf(serverErrors, fields);

  function submit(event: FormEvent) {
    event.preventDefault();
    const parsed = parseValues(fields, values);
    setErrors(parsed.errors);
    const firstWrong = fields.find((field) => field.key in parsed.errors);
    if (firstWrong)
      form.current?.querySelector<HTMLElement>(`[name="${CSS.escape(firstWrong.key)}"]`)?.focus();
    else onSubmit(parsed.input);
  }

  return (
    <form ref={form} onSubmit={submit} noValidate className={`flex flex-col gap-4 ${props.className ?? ""}`}>
      {fields.length === 0 && <p className="text-muted">Nothing to fill in: this takes no input.</p>}
      {fields.map((field) => (
        <SchemaField
          key={field.key}
          id={`${id}-${field.key}`}
          field={field}
          value={values[field.key] ?? ""}
          error={errors[field.key] ?? fromServer.fields[field.key]}
          disabled={disabled}
          onChange={(value) => {
            setValues((current) => ({ ...current, [field.key]: value }));
            setErrors(({ [field.key]: _fixed, ...others }) => others);
          }}
        />
      ))}
      {fromServer.rest.length > 0 && (
        <p role="alert" className="text-err">
          {fromServer.rest.join(" ")}
        </p>
      )}
      {children}
    </form>
  );
}
