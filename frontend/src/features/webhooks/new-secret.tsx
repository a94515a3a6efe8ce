/** Another secret for a webhook, with a while in which both are valid. */
import { KeyRound } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Select } from "@/components/ui/field";
import { FormFooter } from "@/components/work/form-footer";
import { messageOf } from "@/lib/api/errors";
import type { Webhook } from "@/lib/api/types";
import { useRotateWebhookSecret } from "@/lib/api/webhooks";
import { visibleText } from "@/lib/format";
import { WebhookSecret } from "./webhook-secret";

const overlaps = [
  { hours: 0, label: "Not at all: from now on only the new one" },
  { hours: 1, label: "1 hour" },
  { hours: 24, label: "24 hours" },
  { hours: 72, label: "3 days" },
  { hours: 168, label: "7 days" },
];

export function NewSecret({ webhook }: { webhook: Webhook }) {
  const [isOpen, setOpen] = useState(false);
  const name = visibleText(webhook.name);
  return (
    <>
      <Button size="sm" variant="ghost" onClick={() => setOpen(true)} aria-label={`New secret for ${name}`}>
        <KeyRound size={14} aria-hidden /> New secret
      </Button>
      {isOpen && <SecretDialog webhook={webhook} name={name} onClose={() => setOpen(false)} />}
    </>
  );
}

function SecretDialog({ webhook, name, onClose }: { webhook: Webhook; name: string; onClose: () => void }) {
  const rotate = useRotateWebhookSecret(webhook.id);
  const [hours, setHours] = useState(24);
  const made = rotate.data;
  return (
    <Dialog
      open
      wide={made !== undefined}
      onOpenChange={(open) => !open && onClose()}
      title={made ? `The new secret of ${name}` : `A new secret for ${name}?`}
      description={
        made?.old_secret_until
          ? "Events carry both signatures until the old secret ends."
          : made
            ? "Events are signed with this one only."
            : "Give it to the receiver while the old one is still valid."
      }
    >
      {made ? (
        <WebhookSecret made={made} onClose={onClose} />
      ) : (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            rotate.mutate(hours);
          }}
        >
          <Field label="Sign with the old one, too, for">
            {(props) => (
              <Select {...props} value={hours} onChange={(event) => setHours(Number(event.target.value))}>
                {overlaps.map(({ hours: value, label }) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {rotate.error && (
            <p role="alert" className="text-err">
              {messageOf(rotate.error)}
            </p>
          )}
          <FormFooter onCancel={onClose}>
            <Button type="submit" variant="primary" busy={rotate.isPending}>
              {rotate.isPending ? "Making it…" : "Make a new secret"}
            </Button>
          </FormFooter>
        </form>
      )}
    </Dialog>
  );
}
