/** Where events of the project are sent to: the way to their page, and whether one is in trouble. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { StatusText } from "@/components/status";
import { buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { ErrorState, SkeletonRows } from "@/components/ui/states";
import { webhooksQuery } from "@/lib/api/webhooks";
import { plural } from "@/lib/format";

export function Webhooks() {
  const { data, error, refetch } = useInfiniteQuery(webhooksQuery());
  const disabled = data?.filter((one) => !one.enabled && one.disabled_reason).length ?? 0;
  const failing = data?.filter((one) => one.enabled && one.failing_since).length ?? 0;
  return (
    <Card
      title="Webhooks"
      actions={
        <Link to="/webhooks" className={buttonClass("secondary", "sm")}>
          Open
        </Link>
      }
    >
      {data ? (
        <p className="flex flex-wrap items-center gap-x-4 gap-y-1 text-table text-muted">
          {data.length > 0
            ? `Events are sent to ${plural(data.length, "address", "addresses")}.`
            : "Have other systems told of events, signed, at addresses of yours."}
          {failing > 0 && <StatusText status="warning" label={`${failing} failing`} />}
          {disabled > 0 && <StatusText status="failed" label={`${disabled} given up`} />}
        </p>
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The webhooks could not be loaded" />
      ) : (
        <SkeletonRows rows={1} className="h-5" />
      )}
    </Card>
  );
}
