/** Sends a test event and says what the receiver answered, and how fast. */
import { Send } from "lucide-react";
import { StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { UntrustedText } from "@/components/ui/untrusted";
import { messageOf } from "@/lib/api/errors";
import type { Webhook, WebhookTest } from "@/lib/api/types";
import type { useTestWebhook } from "@/lib/api/webhooks";
import { milliseconds, visibleText } from "@/lib/format";

type Test = ReturnType<typeof useTestWebhook>;

export function TryIt({ webhook, test }: { webhook: Webhook; test: Test }) {
  return (
    <Button
      size="sm"
      variant="ghost"
      busy={test.isPending}
      onClick={() => test.mutate()}
      aria-label={`Send a test event to ${visibleText(webhook.name)}`}
    >
      <Send size={14} aria-hidden /> {test.isPending ? "Sending…" : "Test"}
    </Button>
  );
}

export function Tried({ test }: { test: Test }) {
  return (
    <div role="status" className="w-full empty:hidden">
      {test.error && !test.isPending && <p className="text-table text-err">{messageOf(test.error)}</p>}
      {test.data && !test.isPending && <Answer tried={test.data} />}
    </div>
  );
}

function Answer({ tried }: { tried: WebhookTest }) {
  return (
    <div className="flex flex-col gap-1 rounded-control bg-surface-2 px-3 py-2 text-table">
      <p className="flex flex-wrap items-baseline gap-x-3">
        <StatusText
          status={tried.ok ? "completed" : "failed"}
          label={tried.ok ? "The test event arrived" : "The test event did not arrive"}
        />
        <span className="tnum text-meta text-muted">
          {tried.status !== null && `${tried.status} in `}
          {milliseconds(tried.ms)}
        </span>
      </p>
      {tried.error && <p>{visibleText(tried.error)}</p>}
      {tried.answer && <UntrustedText text={tried.answer} className="font-mono text-meta text-muted" />}
    </div>
  );
}
