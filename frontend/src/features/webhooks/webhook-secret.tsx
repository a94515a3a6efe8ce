/** A webhook's secret, this once, and how a receiver uses it. */
import { SecretOnce } from "@/components/ui/secret-once";
import { VerifySignature } from "@/components/work/verify-signature";
import type { WebhookWithSecret } from "@/lib/api/types";

export function WebhookSecret({ made, onClose }: { made: WebhookWithSecret; onClose: () => void }) {
  return (
    <SecretOnce secret={made.secret} onClose={onClose}>
      <VerifySignature secret={made.secret} />
      <p className="text-table text-muted">
        Refuse what is older than five minutes by{" "}
        <code className="font-mono text-meta">webhook-timestamp</code>, and treat{" "}
        <code className="font-mono text-meta">webhook-id</code> as done when you have seen it: an event may
        come twice, and in another order than it happened.
      </p>
    </SecretOnce>
  );
}
