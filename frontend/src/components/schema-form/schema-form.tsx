/** A form made from a JSON schema: one control per property, errors beside the field they belong to. */
import { type FormEvent, type ReactNode, useId, useRef, useState } from "react";
import { ApiError, messageOf } from "@/lib/api/errors";
import type { JsonSchema } from "@/lib/api/types";
import { SchemaField } from "./field";
import { type FieldErrors, fieldErrorsOf, fieldsOf, initialValues, parseValues } from "./fields";

export interface SchemaFormProps {
  schema: JsonSchema | null | undefined;
  onSubmit: (input: Record<string, unknown>) => void;
  /** The buttons; a submit button must be among them. */
  children: ReactNode;
  /** Why the last submit failed: its field errors go to their fields, the rest above the buttons. */
  problem?: Error | null;
  /** Values to start from; they are read once, so live updates never overwrite what is being typed. */
  initial?: Record<string, unknown>;
  disabled?: boolean;
  /** Said in place of fields when there are none; null to say nothing. */
  empty?: string | null;
  className?: string;
}

export function SchemaForm(props: SchemaFormProps) {
  const { schema, onSubmit, children, problem, initial, disabled = false } = props;
  const { empty = "Nothing to fill in: this takes no input." } = props;
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const fields = fieldsOf(schema);
  const [values, setValues] = useState(() => initialValues(fields, initial));
  const [errors, setErrors] = useState<FieldErrors>({});
  const fromServer = fieldErrorsOf(problem instanceof ApiError ? problem.problem.errors : undefined, fields);
  const isPlaced = Object.keys(fromServer.fields).length > 0;
  const general = fromServer.rest.join(" ") || (problem && !isPlaced ? messageOf(problem) : "");

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
      {fields.length === 0 && empty && <p className="text-muted">{empty}</p>}
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
      {general && (
        <p role="alert" className="text-err">
          {general}
        </p>
      )}
      {children}
    </form>
  );
}
