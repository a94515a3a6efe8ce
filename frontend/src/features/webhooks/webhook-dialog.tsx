/** Makes a webhook or changes one: its name, its address, and what it is told of. */
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { FormFooter } from "@/components/work/form-footer";
import { ApiError, messageOf } from "@/lib/api/errors";
import type { NewWebhook, Webhook } from "@/lib/api/types";
import { useChangeWebhook, useCreateWebhook } from "@/lib/api/webhooks";
import { visibleText } from "@/lib/format";
import { KindsPicker } from "./kinds-picker";
import { WebhookSecret } from "./webhook-secret";

interface WebhookDialogProps {
  /** The one to change; a new one without. */
  webhook?: Webhook;
  onClose: () => void;
}

export function WebhookDialog({ webhook, onClose }: WebhookDialogProps) {
  const create = useCreateWebhook();
  const change = useChangeWebhook(webhook?.id ?? "");
  const saving = webhook ? change : create;
  const made = create.data;
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={made ? visibleText(made.name) : webhook ? `Change ${visibleText(webhook.name)}` : "New webhook"}
      description={
        made
          ? "It is told of events from now on."
          : "Events are posted to an address of yours, signed, at least once each."
      }
    >
      {made ? (
        <WebhookSecret made={made} onClose={onClose} />
      ) : (
        <Form
          webhook={webhook}
          isPending={saving.isPending}
          error={saving.error}
          onSave={(body) => (webhook ? change.mutate(body, { onSuccess: onClose }) : create.mutate(body))}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

interface FormProps {
  webhook: Webhook | undefined;
  isPending: boolean;
  error: Error | null;
  onSave: (body: NewWebhook) => void;
  onClose: () => void;
}

function Form({ webhook, isPending, error, onSave, onClose }: FormProps) {
  const [events, setEvents] = useState<string[]>(webhook?.events ?? ["run.finished", "alert.opened"]);
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const fields = error instanceof ApiError ? error.fields : {};
  const errors: Record<string, string> = { ...fields, ...wrong };
  const isElsewhere = error && !["name", "url", "events"].some((name) => name in fields);
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const found: Record<string, string> = {};
    if (!text("name")) found.name = "Give it a name.";
    if (!text("url")) found.url = "Say where to post to.";
    if (events.length === 0) found.events = "Choose at least one kind of event.";
    setWrong(found);
    if (Object.keys(found).length === 0) onSave({ name: text("name"), url: text("url"), events });
  }
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      <Field label="Name" required error={errors.name}>
        {(props) => (
          <Input {...props} name="name" defaultValue={webhook?.name} maxLength={100} autoComplete="off" />
        )}
      </Field>
      <Field
        label="Address"
        required
        hint="Answer 200 to 299 within 20 seconds. Addresses inside the network need MC_OUTBOUND_ALLOW."
        error={errors.url}
      >
        {(props) => (
          <Input
            {...props}
            name="url"
            type="url"
            defaultValue={webhook?.url}
            placeholder="https://example.org/hooks/mission-control"
            className="font-mono text-meta"
            maxLength={2000}
            autoComplete="off"
            spellCheck={false}
          />
        )}
      </Field>
      <KindsPicker chosen={events} onChange={setEvents} error={errors.events} />
      {isElsewhere && (
        <p role="alert" className="text-err">
          {messageOf(error)}
        </p>
      )}
      <FormFooter onCancel={onClose}>
        <Button type="submit" variant="primary" busy={isPending}>
          {isPending ? "Saving…" : webhook ? "Save" : "Create webhook"}
        </Button>
      </FormFooter>
    </form>
  );
}
