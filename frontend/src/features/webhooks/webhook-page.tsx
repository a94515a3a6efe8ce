/** One webhook: how it does, and every delivery with what was sent and answered. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Inbox, RotateCcw } from "lucide-react";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton, SkeletonRows } from "@/components/ui/states";
import { Tabs } from "@/components/ui/tabs";
import { TimeAgo } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { Confirm } from "@/components/work/confirm";
import { Fact, Facts } from "@/components/work/facts";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { useCanOperate, useMe } from "@/hooks";
import type { DeliveryState, Webhook } from "@/lib/api/types";
import { deliveriesQuery, useResendDead, useTestWebhook, webhookQuery } from "@/lib/api/webhooks";
import { count, plural, visibleText } from "@/lib/format";
import { absolute } from "@/lib/time";
import { DeliveryDialog } from "./delivery-dialog";
import { DeliveryRow } from "./delivery-row";
import { WebhookHealth } from "./health";
import { NewSecret } from "./new-secret";
import { Tried, TryIt } from "./try-it";
import { Asked, Change, Delete, Enabled, NotForViewers } from "./webhooks-page";

interface WebhookPageProps {
  id: string;
  /** Only deliveries in it. */
  state: DeliveryState | undefined;
  /** The delivery that is looked at. */
  delivery: string | undefined;
  onState: (state: DeliveryState | undefined) => void;
  onDelivery: (id: string | undefined) => void;
  onGone: () => void;
}

export function WebhookPage(props: WebhookPageProps) {
  const { id, state, delivery, onState, onDelivery, onGone } = props;
  const me = useMe();
  const isAdmin = me.data?.project.role === "admin";
  const mayRead = useCanOperate();
  const query = useQuery({ ...webhookQuery(id), enabled: mayRead });
  const webhook = query.data;
  const isViewer = me.data !== undefined && !mayRead;
  return (
    <Page
      title={webhook ? visibleText(webhook.name) : "Webhook"}
      heading={
        <span className="flex flex-wrap items-baseline gap-x-2">
          <Link to="/webhooks" className="text-muted hover:underline">
            Webhooks
          </Link>
          <span aria-hidden className="text-muted">
            /
          </span>
          {webhook ? (
            <span className="[overflow-wrap:anywhere]">{visibleText(webhook.name)}</span>
          ) : isViewer ? (
            "Webhook"
          ) : (
            query.isPending && <Skeleton className="h-5 w-40" />
          )}
        </span>
      }
    >
      {isViewer ? (
        <div className="card">
          <NotForViewers />
        </div>
      ) : (
        <Loaded
          framed
          query={query}
          what="This webhook could not be loaded"
          skeleton={<SkeletonRows rows={4} className="h-16" />}
        >
          {(loaded) => (
            <>
              <About webhook={loaded} isAdmin={isAdmin} onGone={onGone} />
              <Deliveries
                webhook={loaded}
                state={state}
                isAdmin={isAdmin}
                onState={onState}
                onDelivery={onDelivery}
              />
              {delivery && (
                <DeliveryDialog
                  webhook={loaded}
                  id={delivery}
                  isAdmin={isAdmin}
                  onClose={() => onDelivery(undefined)}
                />
              )}
            </>
          )}
        </Loaded>
      )}
    </Page>
  );
}

function About({ webhook, isAdmin, onGone }: { webhook: Webhook; isAdmin: boolean; onGone: () => void }) {
  const test = useTestWebhook(webhook.id);
  return (
    <div className="card flex w-full max-w-[1200px] min-w-0 flex-col gap-3 px-4 py-3">
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <Enabled webhook={webhook} isAdmin={isAdmin} />
        <div className="flex min-w-56 flex-1 flex-col gap-1.5">
          <p className="font-mono text-meta [overflow-wrap:anywhere]">{visibleText(webhook.url)}</p>
          <Asked events={webhook.events} />
          <WebhookHealth webhook={webhook} />
        </div>
        {isAdmin && (
          <div className="flex flex-wrap items-center gap-1 max-md:w-full">
            <TryIt webhook={webhook} test={test} />
            <Change webhook={webhook} />
            <NewSecret webhook={webhook} />
            <Delete webhook={webhook} onGone={onGone} />
          </div>
        )}
      </div>
      <Tried test={test} />
      <Facts>
        <Fact name="Waiting">{count(webhook.waiting)}</Fact>
        <Fact name="Dead">{count(webhook.dead)}</Fact>
        <Fact name="Secret">
          version {webhook.secret_version}
          {webhook.old_secret_until && new Date(webhook.old_secret_until) > new Date() && (
            <>, the one before until {absolute(webhook.old_secret_until)}</>
          )}
        </Fact>
        <Fact name="Made">
          <TimeAgo at={webhook.created_at} />
          {webhook.owner && ` by ${visibleText(webhook.owner)}`}
        </Fact>
      </Facts>
    </div>
  );
}

interface DeliveriesProps {
  webhook: Webhook;
  state: DeliveryState | undefined;
  isAdmin: boolean;
  onState: (state: DeliveryState | undefined) => void;
  onDelivery: (id: string) => void;
}

const views: { value: DeliveryState | undefined; label: string }[] = [
  { value: undefined, label: "All" },
  { value: "pending", label: "Waiting" },
  { value: "sent", label: "Sent" },
  { value: "dead", label: "Dead" },
];

function Deliveries({ webhook, state, isAdmin, onState, onDelivery }: DeliveriesProps) {
  const counts: Partial<Record<DeliveryState, number>> = { pending: webhook.waiting, dead: webhook.dead };
  return (
    <div className="card w-full max-w-[1200px] min-w-0 overflow-hidden">
      {isAdmin && webhook.dead > 0 && <SendDeadAgain webhook={webhook} />}
      <Tabs
        label="Deliveries"
        value={state ?? "all"}
        onChange={(value) => onState(views.find((view) => view.value === value)?.value)}
        tabs={views.map(({ value, label }) => ({
          value: value ?? "all",
          label: (
            <span className="tnum">
              {label} {value && counts[value] ? count(counts[value]) : ""}
            </span>
          ),
          content: <List webhook={webhook} state={value} onDelivery={onDelivery} />,
        }))}
      />
      <p className="border-t px-4 py-2 text-meta text-muted">
        What arrived is kept for 7 days, the rest for 30.
      </p>
    </div>
  );
}

interface ListProps {
  webhook: Webhook;
  state: DeliveryState | undefined;
  onDelivery: (id: string) => void;
}

function List({ webhook, state, onDelivery }: ListProps) {
  const query = useInfiniteQuery(deliveriesQuery(webhook.id, state));
  return (
    <Loaded query={query} what="The deliveries could not be loaded">
      {(deliveries) =>
        deliveries.length > 0 ? (
          <>
            <ul aria-label="Deliveries">
              {deliveries.map((delivery) => (
                <DeliveryRow
                  key={delivery.id}
                  delivery={delivery}
                  waits={!webhook.enabled}
                  onOpen={() => onDelivery(delivery.id)}
                />
              ))}
            </ul>
            <More query={query} />
          </>
        ) : (
          <EmptyState icon={Inbox} title={state ? "None of these" : "Nothing sent yet"}>
            {!state && "The next event it asks for appears here. Test sends one without a trace."}
          </EmptyState>
        )
      }
    </Loaded>
  );
}

function SendDeadAgain({ webhook }: { webhook: Webhook }) {
  const resend = useResendDead(webhook.id);
  const dead = plural(webhook.dead, "dead delivery", "dead deliveries");
  return (
    <div
      data-tone="err"
      className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-l-[3px] border-l-(--tone) px-4 py-2"
    >
      <p className="min-w-0 flex-1 basis-60 text-table">
        {dead}: every try failed. Send them again when the receiver works.
      </p>
      <Confirm
        variant="secondary"
        label="Send again"
        pendingLabel="Sending…"
        keep="Leave them"
        title={`Send ${dead} again?`}
        description={`To ${visibleText(webhook.name)}, with the same ids as before.`}
        className="h-7 px-2.5 text-meta max-md:h-11"
        icon={<RotateCcw size={14} aria-hidden />}
        whyNot={webhook.enabled ? undefined : "Enable the webhook first."}
        mutation={{
          isPending: resend.isPending,
          error: resend.error,
          mutate: (_, options) =>
            resend.mutate(undefined, {
              onSuccess: ({ resent, left }) => {
                options.onSuccess();
                const more = left > 0 ? `, ${count(left)} are left` : "";
                toast({ level: "info", title: `${count(resent)} are sent again${more}` });
              },
            }),
        }}
      >
        The oldest thousand at a time. A receiver that knows an id already leaves it out.
      </Confirm>
    </div>
  );
}
