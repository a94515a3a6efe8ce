/** Another secret in place of one, with a while in which both are valid; the new one is shown once. */
import { KeyRound } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Select } from "@/components/ui/field";
import { messageOf } from "@/lib/api/errors";
import { FormFooter } from "./form-footer";

const overlaps = [
  { hours: 0, label: "Not at all: from now on only the new one" },
  { hours: 1, label: "1 hour" },
  { hours: 24, label: "24 hours" },
  { hours: 72, label: "3 days" },
  { hours: 168, label: "7 days" },
];

interface Rotation<Made> {
  data: Made | undefined;
  error: Error | null;
  isPending: boolean;
  mutate: (overlapHours: number) => void;
  reset: () => void;
}

interface RotateSecretProps<Made> {
  /** Whose secret it is, made visible. */
  name: string;
  rotation: Rotation<Made>;
  /** What the old secret is still good for: "Sign with the old one, too, for". */
  label: string;
  /** What to do with the new one, before and after there is one. */
  before: string;
  after: (made: Made) => string;
  /** The new secret and how it is used. */
  shown: (made: Made, close: () => void) => ReactNode;
}

export function RotateSecret<Made>(props: RotateSecretProps<Made>) {
  const [isOpen, setOpen] = useState(false);
  const close = () => {
    setOpen(false);
    props.rotation.reset();
  };
  return (
    <>
      <Button
        size="sm"
        variant="ghost"
        onClick={() => setOpen(true)}
        aria-label={`New secret for ${props.name}`}
      >
        <KeyRound size={14} aria-hidden className="max-md:hidden" /> New secret
      </Button>
      {isOpen && <SecretDialog {...props} close={close} />}
    </>
  );
}

function SecretDialog<Made>(props: RotateSecretProps<Made> & { close: () => void }) {
  const { name, rotation, label, before, after, shown, close } = props;
  const [hours, setHours] = useState(24);
  const { data: made, error, isPending } = rotation;
  return (
    <Dialog
      open
      wide={made !== undefined}
      onOpenChange={(open) => !open && close()}
      title={made ? `The new secret of ${name}` : `A new secret for ${name}?`}
      description={made ? after(made) : before}
    >
      {made ? (
        shown(made, close)
      ) : (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            rotation.mutate(hours);
          }}
        >
          <Field label={label}>
            {(field) => (
              <Select {...field} value={hours} onChange={(event) => setHours(Number(event.target.value))}>
                {overlaps.map(({ hours: value, label: words }) => (
                  <option key={value} value={value}>
                    {words}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          {error && (
            <p role="alert" className="text-err">
              {messageOf(error)}
            </p>
          )}
          <FormFooter onCancel={close}>
            <Button type="submit" variant="primary" busy={isPending}>
              {isPending ? "Making it…" : "Make a new secret"}
            </Button>
          </FormFooter>
        </form>
      )}
    </Dialog>
  );
}
