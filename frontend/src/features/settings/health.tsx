import { useQuery } from "@tanstack/react-query";
import { StatusChip, StatusText } from "@/components/status";
import { Card } from "@/components/ui/card";
import { ErrorState, SkeletonRows } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { healthQuery } from "@/lib/api/settings";
import { words } from "@/lib/format";
import { Facts } from "./facts";

const good = new Set(["connected", "running", "available"]);
const part = (state: string) => (
  <StatusText status={good.has(state) ? "healthy" : "unhealthy"} label={words(state)} />
);

/** What the server says of its parts, each really probed. */
export function Health() {
  const { data, error, refetch } = useQuery(healthQuery);
  return (
    <Card title="Health" actions={data && <StatusChip status={data.status} />}>
      {data ? (
        <Facts
          rows={[
            ["Database", part(data.database)],
            ["Cache", part(data.cache)],
            ["Workers", part(data.celery)],
            ["Live updates", part(data.websocket)],
            ["Checked", <TimeAgo key="at" at={data.timestamp} />],
          ]}
        />
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The state of the server is unknown" />
      ) : (
        <SkeletonRows rows={5} className="h-5" />
      )}
    </Card>
  );
}
