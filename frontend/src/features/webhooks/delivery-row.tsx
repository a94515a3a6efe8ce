/** One delivery as a row: what it tells, how it goes, and when it is tried next. */
import { StatusText } from "@/components/status";
import { TimeAgo } from "@/components/ui/time-ago";
import { rowLink } from "@/components/work/list";
import { Countdown } from "@/components/work/next-time";
import type { WebhookDelivery } from "@/lib/api/types";
import { milliseconds, plural, visibleText } from "@/lib/format";
import { absolute } from "@/lib/time";

interface DeliveryRowProps {
  delivery: WebhookDelivery;
  /** The webhook is disabled, so nothing is tried. */
  waits: boolean;
  onOpen: () => void;
}

export function DeliveryRow({ delivery, waits, onOpen }: DeliveryRowProps) {
  return (
    <li className="relative flex flex-wrap items-baseline gap-x-4 gap-y-0.5 border-t px-4 py-2 text-table first:border-t-0 hover:bg-surface-2/50 max-md:py-3">
      <DeliveryStatus delivery={delivery} className="w-28 shrink-0" />
      <div className="min-w-0 flex-1 basis-64">
        <button type="button" onClick={onOpen} className={`${rowLink} max-w-full text-left`}>
          <span className="[overflow-wrap:anywhere]">{visibleText(delivery.type)}</span>
        </button>
        <p className="truncate font-mono text-meta text-muted">{visibleText(delivery.subject)}</p>
        {delivery.error && (
          <p className="text-meta text-muted [overflow-wrap:anywhere]">{visibleText(delivery.error)}</p>
        )}
      </div>
      <p className="tnum shrink-0 text-meta text-muted md:w-64 md:text-right">
        <Tries delivery={delivery} waits={waits} />
      </p>
      <TimeAgo
        at={delivery.created_at}
        className="tnum shrink-0 text-meta text-muted max-md:ml-auto md:w-20 md:text-right"
      />
    </li>
  );
}

export function DeliveryStatus({ delivery, className }: { delivery: WebhookDelivery; className?: string }) {
  const looks = {
    sent: <StatusText status="completed" label="Sent" className={className} />,
    dead: <StatusText status="failed" label="Dead" className={className} />,
    pending:
      delivery.attempts > 0 && delivery.error ? (
        <StatusText status="retrying" label="Retrying" className={className} />
      ) : (
        <StatusText status="queued" label="Waiting" className={className} />
      ),
  };
  return looks[delivery.state];
}

/** How it was answered, how often it was tried and when it is tried next. */
export function Tries({ delivery, waits }: { delivery: WebhookDelivery; waits: boolean }) {
  const parts = [
    delivery.last_status !== null && String(delivery.last_status),
    delivery.last_ms !== null && milliseconds(delivery.last_ms),
    delivery.attempts > 0 && plural(delivery.attempts, "try", "tries"),
  ].filter(Boolean);
  return (
    <>
      {parts.join(" · ")}
      {delivery.state === "pending" && waits && <> · waits until it is enabled</>}
      {delivery.state === "pending" && !waits && delivery.next_at && delivery.attempts > 0 && (
        <>
          {" · next "}
          <time dateTime={delivery.next_at} title={absolute(delivery.next_at)}>
            <Countdown at={delivery.next_at} />
          </time>
        </>
      )}
    </>
  );
}
