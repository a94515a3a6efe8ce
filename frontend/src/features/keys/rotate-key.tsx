/** A new key in place of an old one, which goes on long enough for its programs to change over. */
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Select } from "@/components/ui/field";
import { useRotateKey } from "@/lib/api/api-keys";
import { messageOf } from "@/lib/api/errors";
import type { ApiKey } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { absolute } from "@/lib/time";
import { KeyOnce } from "./key-once";

const OVERLAPS = [
  { hours: 0, label: "Not at all: it ends now" },
  { hours: 1, label: "For an hour" },
  { hours: 24, label: "For a day" },
  { hours: 72, label: "For three days" },
  { hours: 168, label: "For a week" },
];

export function RotateKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const rotate = useRotateKey(apiKey.id);
  const [hours, setHours] = useState(24);
  const [endsAt, setEndsAt] = useState(0);
  const made = rotate.data;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={made ? "Copy the key now" : `Rotate ${visibleText(apiKey.name)}?`}
      description={
        made
          ? "It is shown this once and kept nowhere."
          : "Makes a key with the same name, scopes and agent; the old one expires by itself."
      }
    >
      {made ? (
        <KeyOnce
          text={made.key}
          note={hours === 0 ? "The old key works no more." : `The old key works until ${absolute(endsAt)}.`}
          onClose={onClose}
        />
      ) : (
        <div className="flex flex-col gap-4">
          <Field label="The old key goes on">
            {(props) => (
              <Select {...props} value={hours} onChange={(event) => setHours(Number(event.target.value))}>
                {OVERLAPS.map((one) => (
                  <option key={one.hours} value={one.hours}>
                    {one.label}
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
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>Cancel</Button>
            <Button
              variant="primary"
              busy={rotate.isPending}
              onClick={() => {
                rotate.mutate(hours, {
                  onSuccess: (next) => setEndsAt(endOf(apiKey, next.created_at, hours)),
                });
              }}
            >
              Rotate key
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}

/** A key that was to expire sooner does. */
function endOf(old: ApiKey, from: string, hours: number): number {
  const end = Date.parse(from) + hours * 3_600_000;
  return old.expires_at ? Math.min(end, Date.parse(old.expires_at)) : end;
}
