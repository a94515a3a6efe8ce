/** A trigger's secret, this once, with where to post and how to sign. */
import { Copyable } from "@/components/ui/copyable";
import { SecretOnce as Secret, SecretPart } from "@/components/ui/secret-once";
import type { TriggerWithSecret } from "@/lib/api/types";
import { addressOf, script } from "./signing";

export function SecretOnce({ made, onClose }: { made: TriggerWithSecret; onClose: () => void }) {
  return (
    <Secret secret={made.secret} onClose={onClose}>
      <SecretPart title="Address" hint="Post JSON here, signed with the secret.">
        <Copyable name="Address" text={addressOf(made.address)} />
      </SecretPart>
      <SecretPart title="Try it" hint="Signs as Standard Webhooks do; needs openssl and curl.">
        <Copyable name="Script" text={script(made.address, made.secret)} />
      </SecretPart>
      <p className="text-table text-muted">
        GitHub: paste address and secret under Settings → Webhooks, content type application/json. Its
        signature is known too.
      </p>
    </Secret>
  );
}
