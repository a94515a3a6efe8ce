/** A button that asks before it does what cannot be undone, and says why when that fails. */
import { type ReactNode, useState } from "react";
import { BlockedButton, Button } from "@/components/ui/button";
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
  /** Red for what cannot be undone. */
  variant?: "danger" | "secondary" | "primary";
  icon?: ReactNode;
  /** Why it cannot be done now. */
  whyNot?: string | undefined;
  disabled?: boolean;
  className?: string;
  mutation: {
    mutate: (variables: undefined, options: { onSuccess: () => void }) => void;
    isPending: boolean;
    error: Error | null;
  };
}

export function Confirm(props: ConfirmProps) {
  const { label, title, description, keep, pendingLabel, children, mutation, icon, className } = props;
  const { variant = "danger", whyNot, disabled } = props;
  const [isAsking, setAsking] = useState(false);
  const close = () => setAsking(false);
  if (whyNot !== undefined) {
    return (
      <BlockedButton variant={variant} className={className} whyNot={whyNot}>
        {icon}
        {label}
      </BlockedButton>
    );
  }
  return (
    <>
      <Button variant={variant} className={className} disabled={disabled} onClick={() => setAsking(true)}>
        {icon}
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
              variant={variant === "secondary" ? "primary" : variant}
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
          <div className="text-muted">{children}</div>
        )}
      </Dialog>
    </>
  );
}
