/** What an agent's telemetry tells it did: activities with tokens and cost, each opens to its waterfall. */
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { ActivityRows, SpanDialog } from "@/components/spans";
import { buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { EmptyState } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { activitiesQuery } from "@/lib/api/agents";
import { keys } from "@/lib/api/keys";
import type { AgentDetail } from "@/lib/api/types";

export function Activities({ agent }: { agent: AgentDetail }) {
  const query = useInfiniteQuery(activitiesQuery(agent.id));
  const client = useQueryClient();
  const { id, signal_at: heardAt } = agent;
  useEffect(() => {
    if (heardAt) void client.invalidateQueries({ queryKey: keys.agents.activities(id) });
  }, [client, id, heardAt]);
  return (
    <Card
      title="Activities"
      bodyClassName="p-0"
      actions={
        <Link to="/sessions" search={{ agent: id }} className={buttonClass("ghost", "sm")}>
          Sessions
        </Link>
      }
    >
      <Loaded query={query} what="The activities could not be loaded">
        {(rows) =>
          rows.length > 0 ? (
            <>
              <ActivityRows activities={rows} />
              <More query={query} />
            </>
          ) : (
            <EmptyState title="No activity told of yet">
              What its telemetry tells (OpenTelemetry traces and logs) is kept here.
            </EmptyState>
          )
        }
      </Loaded>
      <SpanDialog />
    </Card>
  );
}
