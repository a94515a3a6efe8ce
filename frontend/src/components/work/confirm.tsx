/** A button that asks before it does what cannot be undone, and says why when that fails. */
import { type ReactNode, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { messageOf } from "@/lib/api/errors";

interface ConfirmProps {
  /** On the button, and on the one that confirms. */
  label: string;
  title: string;
  description: string;
  keep: string;
  pendingLabel: string;
  children: ReactNode;
  mutation: {
    mutate: (variables: undefined, options: { onSuccess: () => void }) => void;
    isPending: boolean;
    error: Error | null;
  };
}

export function Confirm({ label, title, description, keep, pendingLabel, children, mutation }: ConfirmProps) {
  const [isAsking, setAsking] = useState(false);
  const close = () => setAsking(false);
  return (
    <>
      <Button variant="danger" onClick={() => setAsking(true)}>
        {label}
      </Button>
      <Dialog
        open={isAsking}
        onOpenChange={setAsking}
        title={title}
        description={description}
        footer={
          <>
            <Button onClick={close}>{keep}</Button>
            <Button
              variant="danger"
              busy={mutation.isPending}
              onClick={() => mutation.mutate(undefined, { onSuccess: close })}
            >
              {mutation.isPending ? pendingLabel : label}
            </Button>
          </>
        }
      >
        {mutation.error ? (
          <p role="alert" className="text-err">
            {messageOf(mutation.error)}
          </p>
        ) : (
          <p className="text-muted">{children}</p>
        )}
      </Dialog>
    </>
  );
}
