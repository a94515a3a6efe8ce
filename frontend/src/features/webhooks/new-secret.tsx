/** Another secret for a webhook, with a while in which events carry both signatures. */
import { RotateSecret } from "@/components/work/rotate-secret";
import type { Webhook } from "@/lib/api/types";
import { useRotateWebhookSecret } from "@/lib/api/webhooks";
import { visibleText } from "@/lib/format";
import { WebhookSecret } from "./webhook-secret";

export function NewSecret({ webhook }: { webhook: Webhook }) {
  return (
    <RotateSecret
      name={visibleText(webhook.name)}
      rotation={useRotateWebhookSecret(webhook.id)}
      label="Sign with the old one, too, for"
      before="Give it to the receiver while the old one is still valid."
      after={(made) =>
        made.old_secret_until
          ? "Events carry both signatures until the old secret ends."
          : "Events are signed with this one only."
      }
      shown={(made, close) => <WebhookSecret made={made} onClose={close} />}
    />
  );
}
