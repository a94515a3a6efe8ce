/** Another name for a key, or another end. What it may do never changes: rotate it or make a new one. */
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { useChangeKey } from "@/lib/api/api-keys";
import { ApiError, messageOf } from "@/lib/api/errors";
import type { ApiKey } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { fromLocal, toLocal } from "./expiry";

export function ChangeKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const change = useChangeKey(apiKey.id);
  const [name, setName] = useState(apiKey.name);
  const [end, setEnd] = useState(toLocal(apiKey.expires_at ?? null));
  const fields = change.error instanceof ApiError ? change.error.fields : {};
  const save = (event: FormEvent) => {
    event.preventDefault();
    const body: { name?: string; expires_at?: string | null } = {};
    if (name.trim() !== apiKey.name) body.name = name.trim();
    if (end !== toLocal(apiKey.expires_at ?? null)) body.expires_at = fromLocal(end);
    if (Object.keys(body).length === 0) onClose();
    else change.mutate(body, { onSuccess: onClose });
  };
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title={`Change ${visibleText(apiKey.name)}`}>
      <form onSubmit={save} className="flex flex-col gap-4">
        <Field label="Name" required error={fields.name}>
          {(props) => (
            <Input
              {...props}
              value={name}
              onChange={(event) => setName(event.target.value)}
              maxLength={120}
              autoComplete="off"
            />
          )}
        </Field>
        <Field label="Expires" hint="Empty: never." error={fields.expires_at}>
          {(props) => (
            <Input
              {...props}
              type="datetime-local"
              value={end}
              onChange={(event) => setEnd(event.target.value)}
            />
          )}
        </Field>
        {change.error && !fields.name && !fields.expires_at && (
          <p role="alert" className="text-err">
            {messageOf(change.error)}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={change.isPending}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
