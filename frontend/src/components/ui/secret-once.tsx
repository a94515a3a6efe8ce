/** A secret, this once, with what belongs to it. */
import type { ReactNode } from "react";
import { Button } from "./button";
import { Copyable } from "./copyable";

interface SecretOnceProps {
  secret: string;
  onClose: () => void;
  /** How to use it: parts of their own. */
  children?: ReactNode;
}

export function SecretOnce({ secret, onClose, children }: SecretOnceProps) {
  return (
    <div className="flex flex-col gap-4">
      <SecretPart title="Secret" hint="Copy it now: it is shown this once and stored nowhere.">
        <Copyable name="Secret" text={secret} />
      </SecretPart>
      {children}
      <div className="flex justify-end">
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}

export function SecretPart({ title, hint, children }: { title: string; hint: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="flex min-w-0 flex-col gap-1">
      <h3 className="text-table font-semibold">{title}</h3>
      <p className="text-meta text-muted">{hint}</p>
      {children}
    </section>
  );
}
