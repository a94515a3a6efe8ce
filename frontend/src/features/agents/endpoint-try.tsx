/** Sends a signed test message to an agent's endpoint and says what it answered, and how fast. */
import { Send } from "lucide-react";
import { StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { UntrustedText } from "@/components/ui/untrusted";
import { useTryEndpoint } from "@/lib/api/endpoints";
import { messageOf } from "@/lib/api/errors";
import type { EndpointTest } from "@/lib/api/types";
import { milliseconds } from "@/lib/format";

export function EndpointTry({ id }: { id: string }) {
  const test = useTryEndpoint(id);
  return (
    <div className="flex flex-col items-start gap-2">
      <Button size="sm" busy={test.isPending} onClick={() => test.mutate()}>
        <Send size={14} aria-hidden /> {test.isPending ? "Calling…" : "Test call"}
      </Button>
      <div role="status" className="w-full empty:hidden">
        {test.error && !test.isPending && <p className="text-table text-err">{messageOf(test.error)}</p>}
        {test.data && !test.isPending && <Tried tried={test.data} />}
      </div>
    </div>
  );
}

function Tried({ tried }: { tried: EndpointTest }) {
  return (
    <div className="flex flex-col gap-1 rounded-control bg-surface-2 px-3 py-2 text-table">
      <p className="flex flex-wrap items-baseline gap-x-3">
        <StatusText
          status={tried.ok ? "completed" : "failed"}
          label={tried.ok ? "The endpoint answered" : "The test call failed"}
        />
        <span className="tnum text-meta text-muted">
          {tried.status !== null && `${tried.status} in `}
          {milliseconds(tried.milliseconds)}
        </span>
      </p>
      {tried.said && <UntrustedText text={tried.said} className="font-mono text-meta text-muted" />}
    </div>
  );
}
