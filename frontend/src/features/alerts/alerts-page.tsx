/** Rules that fired: what is open, what somebody has taken on, what is over. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck } from "lucide-react";
import { lookOf, StatusText } from "@/components/status";
import { Button, buttonClass } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { Tabs } from "@/components/ui/tabs";
import { TimeAgo } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { Loaded } from "@/components/work/loaded";
import { useCanOperate, useOpenAlerts } from "@/hooks";
import { messageOf } from "@/lib/api/errors";
import { alertsQuery, useAcknowledgeAlert } from "@/lib/api/monitoring";
import type { Alert, AlertState } from "@/lib/api/types";
import { count, visibleText } from "@/lib/format";
import { linkTo } from "@/lib/link";

interface AlertsPageProps {
  state: AlertState;
  onState: (state: AlertState) => void;
}

export function AlertsPage({ state, onState }: AlertsPageProps) {
  const open = useOpenAlerts().data?.length;
  const openLabel = open === undefined ? "Open" : `Open ${count(open)}`;
  return (
    <Page title="Alerts">
      <div className="card min-w-0 overflow-hidden">
        <Tabs
          label="Alerts"
          value={state}
          onChange={(value) => onState(value as AlertState)}
          tabs={[
            {
              value: "open",
              label: <span className="tnum">{openLabel}</span>,
              content: <AlertList state="open" />,
            },
            { value: "acknowledged", label: "Acknowledged", content: <AlertList state="acknowledged" /> },
            { value: "resolved", label: "Resolved", content: <AlertList state="resolved" /> },
          ]}
        />
      </div>
    </Page>
  );
}

function AlertList({ state }: { state: AlertState }) {
  const query = useInfiniteQuery(alertsQuery(state));
  return (
    <Loaded
      query={query}
      what="The alerts could not be loaded"
      skeleton={<SkeletonRows rows={5} className="h-12" />}
    >
      {(alerts) =>
        alerts.length > 0 ? (
          <>
            <ul aria-label="Alerts">
              {alerts.map((alert) => (
                <AlertItem key={alert.id} alert={alert} />
              ))}
            </ul>
            {query.hasNextPage && (
              <div className="flex justify-center border-t p-2">
                <Button
                  variant="ghost"
                  busy={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  Load more
                </Button>
              </div>
            )}
          </>
        ) : (
          <NoAlerts state={state} checkedAt={query.dataUpdatedAt} />
        )
      }
    </Loaded>
  );
}

function AlertItem({ alert }: { alert: Alert }) {
  return (
    <li
      data-tone={lookOf(alert.level).tone}
      className="flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-l-[3px] border-l-(--tone) px-4 py-2.5 first:border-t-0"
    >
      <StatusText status={alert.level} className="w-20 shrink-0" />
      <div className="min-w-0 flex-1 basis-60">
        <p className="break-words">{visibleText(alert.message)}</p>
        <p className="text-meta text-muted">
          <span className="font-mono text-caption">{alert.rule}</span> · <When alert={alert} />
        </p>
      </div>
      <div className="flex items-center gap-2 max-md:w-full">
        {alert.url?.startsWith("/") && (
          <Link {...linkTo(alert.url)} className={buttonClass("ghost", "md", "max-md:flex-1")}>
            Look at it
          </Link>
        )}
        {alert.state === "open" && <Acknowledge alert={alert} />}
      </div>
    </li>
  );
}

function When({ alert }: { alert: Alert }) {
  if (alert.resolved_at)
    return (
      <>
        resolved <TimeAgo at={alert.resolved_at} />
      </>
    );
  if (alert.acknowledged_at)
    return (
      <>
        acknowledged <TimeAgo at={alert.acknowledged_at} />
      </>
    );
  return (
    <>
      since <TimeAgo at={alert.opened_at} />
    </>
  );
}

function Acknowledge({ alert }: { alert: Alert }) {
  const acknowledge = useAcknowledgeAlert();
  const mayAct = useCanOperate();
  if (!mayAct) return null;
  return (
    <Button
      busy={acknowledge.isPending}
      className="max-md:flex-1"
      onClick={() =>
        acknowledge.mutate(alert.id, {
          onError: (error) => toast({ level: "error", title: messageOf(error) }),
        })
      }
    >
      Acknowledge
    </Button>
  );
}

function NoAlerts({ state, checkedAt }: { state: AlertState; checkedAt: number }) {
  if (state !== "open") return <EmptyState title={`No ${state} alerts`} />;
  return (
    <EmptyState icon={CircleCheck} title="All clear">
      No rule has fired. Checked <TimeAgo at={checkedAt} />.
    </EmptyState>
  );
}
