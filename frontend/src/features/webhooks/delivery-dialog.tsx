/** One delivery: what is sent, what was answered last, and a button that sends it again. */
import { useQuery } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
import type { ReactNode } from "react";
import { BlockedButton, Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { TimeAgo } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { JsonBlock, UntrustedText } from "@/components/ui/untrusted";
import { Fact, Facts } from "@/components/work/facts";
import { Loaded } from "@/components/work/loaded";
import { messageOf } from "@/lib/api/errors";
import type { Webhook, WebhookDeliveryDetail } from "@/lib/api/types";
import { deliveryQuery, useResendDelivery } from "@/lib/api/webhooks";
import { visibleText } from "@/lib/format";
import { DeliveryStatus, Tries } from "./delivery-row";

interface DeliveryDialogProps {
  webhook: Webhook;
  id: string;
  isAdmin: boolean;
  onClose: () => void;
}

export function DeliveryDialog({ webhook, id, isAdmin, onClose }: DeliveryDialogProps) {
  const query = useQuery(deliveryQuery(webhook.id, id));
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={query.data ? visibleText(query.data.type) : "Delivery"}
      description={query.data && visibleText(query.data.subject)}
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          {isAdmin && query.data && <Resend webhook={webhook} id={id} />}
        </>
      }
    >
      <Loaded query={query} what="This delivery could not be loaded">
        {(delivery) => <Body delivery={delivery} waits={!webhook.enabled} />}
      </Loaded>
    </Dialog>
  );
}

function Body({ delivery, waits }: { delivery: WebhookDeliveryDetail; waits: boolean }) {
  return (
    <div className="flex flex-col gap-4">
      <Facts>
        <Fact name="State">
          <DeliveryStatus delivery={delivery} />
        </Fact>
        <Fact name="Tries">
          {delivery.attempts > 0 ? <Tries delivery={delivery} waits={waits} /> : "None yet"}
        </Fact>
        <Fact name="Happened">
          <TimeAgo at={delivery.created_at} />
        </Fact>
        {delivery.sent_at && (
          <Fact name="Arrived">
            <TimeAgo at={delivery.sent_at} />
          </Fact>
        )}
      </Facts>
      {delivery.error && <p className="text-table [overflow-wrap:anywhere]">{visibleText(delivery.error)}</p>}
      <Part title="Answer">
        {delivery.last_answer ? (
          <UntrustedText
            text={delivery.last_answer}
            className="rounded-control bg-surface-2 p-3 font-mono text-meta"
          />
        ) : (
          <p className="text-table text-muted">
            {delivery.last_status === null ? "There was none." : "It had no body."}
          </p>
        )}
      </Part>
      <Part title="Body">
        <JsonBlock value={delivery.body} className="max-h-96" />
      </Part>
      <p className="text-meta text-muted [overflow-wrap:anywhere]">
        webhook-id of every try: <code className="font-mono">{visibleText(delivery.event_id)}</code>
      </p>
    </div>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="flex min-w-0 flex-col gap-1">
      <h3 className="text-table font-semibold">{title}</h3>
      {children}
    </section>
  );
}

function Resend({ webhook, id }: { webhook: Webhook; id: string }) {
  const resend = useResendDelivery(webhook.id);
  if (!webhook.enabled)
    return (
      <BlockedButton variant="primary" whyNot="Enable the webhook first.">
        <RotateCcw size={14} aria-hidden /> Send again
      </BlockedButton>
    );
  return (
    <Button
      variant="primary"
      busy={resend.isPending}
      onClick={() =>
        resend.mutate(id, {
          onSuccess: () => toast({ level: "info", title: "It is sent again" }),
          onError: (error) => toast({ level: "error", title: messageOf(error) }),
        })
      }
    >
      <RotateCcw size={14} aria-hidden /> {resend.isPending ? "Sending…" : "Send again"}
    </Button>
  );
}
