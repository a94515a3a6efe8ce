/** The secret, this once, with where to post and how to sign. */
import { Button } from "@/components/ui/button";
import type { TriggerWithSecret } from "@/lib/api/types";
import { Copyable } from "./copyable";
import { addressOf, script } from "./signing";

export function SecretOnce({ made, onClose }: { made: TriggerWithSecret; onClose: () => void }) {
  return (
    <div className="flex flex-col gap-4">
      <Part title="Secret" hint="Copy it now: it is shown this once and stored nowhere.">
        <Copyable name="Secret" text={made.secret} />
      </Part>
      <Part title="Address" hint="Post JSON here, signed with the secret.">
        <Copyable name="Address" text={addressOf(made.address)} />
      </Part>
      <Part title="Try it" hint="Signs as Standard Webhooks do; needs openssl and curl.">
        <Copyable name="Script" text={script(made.address, made.secret)} />
      </Part>
      <p className="text-table text-muted">
        GitHub: paste address and secret under Settings → Webhooks, content type application/json. Its
        signature is known too.
      </p>
      <div className="flex justify-end">
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}

function Part({ title, hint, children }: { title: string; hint: string; children: React.ReactNode }) {
  return (
    <section aria-label={title} className="flex min-w-0 flex-col gap-1">
      <h3 className="text-table font-semibold">{title}</h3>
      <p className="text-meta text-muted">{hint}</p>
      {children}
    </section>
  );
}
