/** How a webhook does, in a line: works, fails since, given up, or nothing sent yet. */
import { StatusText } from "@/components/status";
import { TimeAgo } from "@/components/ui/time-ago";
import type { Webhook } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

export function WebhookHealth({ webhook }: { webhook: Webhook }) {
  return (
    <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-table text-muted">
      <State webhook={webhook} />
      {webhook.last_success_at && (
        <span>
          last arrived <TimeAgo at={webhook.last_success_at} />
        </span>
      )}
    </p>
  );
}

function State({ webhook }: { webhook: Webhook }) {
  if (!webhook.enabled && webhook.disabled_reason)
    return (
      <>
        <StatusText status="failed" label="Given up" />
        <span className="[overflow-wrap:anywhere]">{visibleText(webhook.disabled_reason)}</span>
      </>
    );
  if (!webhook.enabled) return <StatusText status="offline" label="Disabled" />;
  if (webhook.failing_since)
    return (
      <>
        <StatusText status="warning" label="Failing" />
        <span>
          since <TimeAgo at={webhook.failing_since} />
        </span>
      </>
    );
  if (webhook.last_success_at) return <StatusText status="healthy" label="Works" />;
  return <StatusText status="queued" label="Nothing sent yet" />;
}
