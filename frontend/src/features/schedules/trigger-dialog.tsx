/** Makes a trigger or changes one: of what, for which requests, and what of the request becomes the input. */
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Textarea } from "@/components/ui/field";
import { FormFooter } from "@/components/work/form-footer";
import { messageOf } from "@/lib/api/errors";
import { useChangeTrigger, useCreateTrigger } from "@/lib/api/triggers";
import type { JsonObject, NewTrigger, Trigger } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { ChooseWorkflow } from "./choose-workflow";
import { sorted } from "./problems";
import { SecretOnce } from "./secret-once";

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is CEL, and stays as it is
const sample = '{"report": "${{ body.issue.title }}"}';

interface TriggerDialogProps {
  /** The one to change; a new one without. */
  trigger?: Trigger;
  workflow?: string | undefined;
  onClose: () => void;
}

const own = ["workflow", "name", "condition"];

export function TriggerDialog({ trigger, workflow, onClose }: TriggerDialogProps) {
  const create = useCreateTrigger();
  const change = useChangeTrigger(trigger?.id ?? "");
  const saving = trigger ? change : create;
  const made = create.data;
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={made ? visibleText(made.name) : trigger ? `Change ${visibleText(trigger.name)}` : "New trigger"}
      description={
        trigger
          ? `Starts runs of ${visibleText(trigger.workflow_name)}.`
          : made
            ? "Its address answers from now on."
            : "Other systems post signed requests to its address; each starts a run."
      }
    >
      {made ? (
        <SecretOnce made={made} onClose={onClose} />
      ) : (
        <Form
          trigger={trigger}
          slug={workflow ?? ""}
          isPending={saving.isPending}
          error={saving.error}
          onSave={({ workflow: slug, ...body }) =>
            trigger
              ? change.mutate(body, { onSuccess: onClose })
              : create.mutate({ ...body, workflow: slug } as NewTrigger)
          }
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

interface FormProps {
  trigger: Trigger | undefined;
  slug: string;
  isPending: boolean;
  error: Error | null;
  onSave: (body: Partial<NewTrigger>) => void;
  onClose: () => void;
}

function Form({ trigger, slug, isPending, error, onSave, onClose }: FormProps) {
  const [workflow, setWorkflow] = useState(trigger?.workflow ?? slug);
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const { fields, rest } = sorted(error, own);
  const errors = { ...fields, ...wrong };
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const mapping = objectOf(text("input"));
    const found: Record<string, string> = {};
    if (!workflow) found.workflow = "Choose a workflow.";
    if (!text("name")) found.name = "Give it a name.";
    if (!mapping) found.input = "Write a JSON object, or nothing.";
    setWrong(found);
    if (Object.keys(found).length > 0 || !mapping) return;
    onSave({ workflow, name: text("name"), condition: text("condition"), input: mapping });
  }
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      {!trigger && <ChooseWorkflow slug={workflow} onChoose={setWorkflow} error={errors.workflow} />}
      <Field label="Name" required error={errors.name}>
        {(props) => (
          <Input {...props} name="name" defaultValue={trigger?.name} maxLength={100} autoComplete="off" />
        )}
      </Field>
      <Field
        label="Only if"
        hint="CEL over body, headers and query. Requests for which it is false start nothing."
        error={errors.condition}
      >
        {(props) => (
          <Input
            {...props}
            name="condition"
            defaultValue={trigger?.condition}
            placeholder="body.action == 'opened'"
            className="font-mono"
            maxLength={1000}
            autoComplete="off"
            spellCheck={false}
          />
        )}
      </Field>
      <Field
        label="Input of its runs"
        hint="A JSON object whose texts may hold ${{ CEL }}. Left empty, the body itself is the input."
        error={errors.input}
      >
        {(props) => (
          <Textarea
            {...props}
            name="input"
            rows={6}
            defaultValue={
              trigger && Object.keys(trigger.input).length > 0 ? JSON.stringify(trigger.input, null, 2) : ""
            }
            placeholder={sample}
            className="font-mono text-meta"
            spellCheck={false}
          />
        )}
      </Field>
      {rest && (
        <p role="alert" className="text-err">
          {messageOf(rest)}
        </p>
      )}
      <FormFooter onCancel={onClose}>
        <Button type="submit" variant="primary" busy={isPending}>
          {isPending ? "Saving…" : trigger ? "Save" : "Create trigger"}
        </Button>
      </FormFooter>
    </form>
  );
}

/** The object a text stands for, none for nothing; null when it is no object. */
function objectOf(text: string): JsonObject | null {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}
