/** Makes a webhook or changes one: its name, its address, and what it is told of. */
import { useState } from "react";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { DialogForm, type Wrong } from "@/components/work/dialog-form";
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
          saving={saving}
          onSave={(body) => (webhook ? change.mutate(body, { onSuccess: onClose }) : create.mutate(body))}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

interface FormProps {
  webhook: Webhook | undefined;
  saving: { isPending: boolean; error: Error | null };
  onSave: (body: NewWebhook) => void;
  onClose: () => void;
}

const FIELDS = ["name", "url", "events"];

function Form({ webhook, saving, onSave, onClose }: FormProps) {
  const [events, setEvents] = useState<string[]>(webhook?.events ?? ["run.finished", "alert.opened"]);
  function read(text: (name: string) => string, wrong: Wrong): NewWebhook {
    if (!text("name")) wrong.name = "Give it a name.";
    if (!text("url")) wrong.url = "Say where to post to.";
    if (events.length === 0) wrong.events = "Choose at least one kind of event.";
    return { name: text("name"), url: text("url"), events };
  }
  return (
    <DialogForm
      fields={FIELDS}
      saving={saving}
      save={webhook ? "Save" : "Create webhook"}
      read={read}
      onSave={onSave}
      onClose={onClose}
    >
      {(errors) => (
        <>
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
        </>
      )}
    </DialogForm>
  );
}
