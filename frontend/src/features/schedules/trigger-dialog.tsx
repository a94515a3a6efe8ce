/** Makes a trigger or changes one: of what, for which requests, and what of the request becomes the input. */
import { useState } from "react";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Textarea } from "@/components/ui/field";
import { DialogForm, type Wrong } from "@/components/work/dialog-form";
import { useChangeTrigger, useCreateTrigger } from "@/lib/api/triggers";
import type { JsonObject, NewTrigger, Trigger } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { ChooseWorkflow } from "./choose-workflow";
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
          saving={saving}
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
  saving: { isPending: boolean; error: Error | null };
  onSave: (body: Partial<NewTrigger>) => void;
  onClose: () => void;
}

function Form({ trigger, slug, saving, onSave, onClose }: FormProps) {
  const [workflow, setWorkflow] = useState(trigger?.workflow ?? slug);
  function read(text: (name: string) => string, wrong: Wrong): Partial<NewTrigger> {
    const mapping = objectOf(text("input"));
    if (!workflow) wrong.workflow = "Choose a workflow.";
    if (!text("name")) wrong.name = "Give it a name.";
    if (!mapping) wrong.input = "Write a JSON object, or nothing.";
    return { workflow, name: text("name"), condition: text("condition"), input: mapping ?? {} };
  }
  return (
    <DialogForm
      fields={own}
      saving={saving}
      save={trigger ? "Save" : "Create trigger"}
      read={read}
      onSave={onSave}
      onClose={onClose}
    >
      {(errors) => (
        <>
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
                  trigger && Object.keys(trigger.input).length > 0
                    ? JSON.stringify(trigger.input, null, 2)
                    : ""
                }
                placeholder={sample}
                className="font-mono text-meta"
                spellCheck={false}
              />
            )}
          </Field>
        </>
      )}
    </DialogForm>
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
