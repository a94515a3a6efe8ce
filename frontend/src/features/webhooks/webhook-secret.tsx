/** A webhook's secret, this once, and how a receiver uses it. */
import { Copyable } from "@/components/ui/copyable";
import { SecretOnce, SecretPart } from "@/components/ui/secret-once";
import type { WebhookWithSecret } from "@/lib/api/types";

const python = (secret: string): string => `import base64, hashlib, hmac
def is_genuine(headers, body, secret="${secret}"):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(wanted, one) for one in headers["webhook-signature"].split())`;

export function WebhookSecret({ made, onClose }: { made: WebhookWithSecret; onClose: () => void }) {
  return (
    <SecretOnce secret={made.secret} onClose={onClose}>
      <SecretPart
        title="Verify in Python"
        hint="The signature of Standard Webhooks; libraries for it exist in most languages."
      >
        <Copyable name="Code" text={python(made.secret)} />
      </SecretPart>
      <p className="text-table text-muted">
        Refuse what is older than five minutes by{" "}
        <code className="font-mono text-meta">webhook-timestamp</code>, and treat{" "}
        <code className="font-mono text-meta">webhook-id</code> as done when you have seen it: an event may
        come twice, and in another order than it happened.
      </p>
    </SecretOnce>
  );
}
