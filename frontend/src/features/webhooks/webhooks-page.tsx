/** The webhooks: where events go, how each does, and what an admin can do with it. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Lock, Pencil, Plus, Webhook as WebhookIcon } from "lucide-react";
import { useState } from "react";
import { Chip } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { Switch } from "@/components/ui/switch";
import { toast } from "@/components/ui/toast";
import { Confirm } from "@/components/work/confirm";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { useCanOperate, useMe } from "@/hooks";
import { messageOf } from "@/lib/api/errors";
import type { Webhook } from "@/lib/api/types";
import { useChangeWebhook, useDeleteWebhook, useTestWebhook, webhooksQuery } from "@/lib/api/webhooks";
import { count, visibleText } from "@/lib/format";
import { WebhookHealth } from "./health";
import { Tried, TryIt } from "./try-it";
import { WebhookDialog } from "./webhook-dialog";

export function WebhooksPage() {
  const [isMaking, setMaking] = useState(false);
  const me = useMe();
  const isAdmin = me.data?.project.role === "admin";
  const mayRead = useCanOperate();
  const make = isAdmin && (
    <Button variant="primary" onClick={() => setMaking(true)}>
      <Plus size={14} aria-hidden /> New webhook
    </Button>
  );
  return (
    <Page title="Webhooks" actions={make}>
      <p className="max-w-[75ch] text-table text-muted">
        A webhook is an address of yours that is told of events: signed, tried again for three days, at least
        once each.
      </p>
      <div className="card w-full max-w-[1200px] min-w-0 overflow-hidden">
        {mayRead ? (
          <WebhookList isAdmin={isAdmin} />
        ) : me.data ? (
          <NotForViewers />
        ) : (
          <SkeletonRows rows={3} className="h-24" />
        )}
      </div>
      {isMaking && <WebhookDialog onClose={() => setMaking(false)} />}
    </Page>
  );
}

/** Their addresses often hold a key of the receiver. */
export function NotForViewers() {
  return (
    <EmptyState icon={Lock} title="Webhooks are shown to operators and admins">
      Ask an admin of the project for another role if you need them.
    </EmptyState>
  );
}

function WebhookList({ isAdmin }: { isAdmin: boolean }) {
  const query = useInfiniteQuery(webhooksQuery());
  return (
    <Loaded
      query={query}
      what="The webhooks could not be loaded"
      skeleton={<SkeletonRows rows={3} className="h-24" />}
    >
      {(webhooks) =>
        webhooks.length > 0 ? (
          <>
            <ul aria-label="Webhooks">
              {webhooks.map((webhook) => (
                <Row key={webhook.id} webhook={webhook} isAdmin={isAdmin} />
              ))}
            </ul>
            <More query={query} />
          </>
        ) : (
          <EmptyState icon={WebhookIcon} title="No webhooks yet">
            Have another system told when runs finish, somebody has to decide, or an alert opens.
            {!isAdmin && " Admins make them."}
          </EmptyState>
        )
      }
    </Loaded>
  );
}

function Row({ webhook, isAdmin }: { webhook: Webhook; isAdmin: boolean }) {
  const test = useTestWebhook(webhook.id);
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 border-t px-4 py-3 first:border-t-0">
      <Enabled webhook={webhook} isAdmin={isAdmin} />
      <div className="flex min-w-56 flex-1 flex-col gap-1">
        <h2 className="text-body font-semibold [overflow-wrap:anywhere]">
          <Link to="/webhooks/$id" params={{ id: webhook.id }} className="hover:underline">
            {visibleText(webhook.name)}
          </Link>
        </h2>
        <p className="font-mono text-meta text-muted [overflow-wrap:anywhere]">{visibleText(webhook.url)}</p>
        <Asked events={webhook.events} />
        <WebhookHealth webhook={webhook} />
        <Counts webhook={webhook} />
      </div>
      {isAdmin && (
        <div className="flex flex-wrap items-center gap-1 max-md:w-full">
          <TryIt webhook={webhook} test={test} />
          <Change webhook={webhook} />
        </div>
      )}
      <Tried test={test} />
    </li>
  );
}

export function Asked({ events }: { events: readonly string[] }) {
  return (
    <ul aria-label="Told of" className="flex flex-wrap gap-1">
      {events.map((kind) => (
        <li key={kind}>
          <Chip>{visibleText(kind === "*" ? "everything" : kind)}</Chip>
        </li>
      ))}
    </ul>
  );
}

function Counts({ webhook }: { webhook: Webhook }) {
  const { id, waiting, dead } = webhook;
  if (waiting === 0 && dead === 0) return null;
  const className = "underline decoration-muted underline-offset-2 hover:decoration-fg max-md:py-2";
  return (
    <p className="tnum flex flex-wrap gap-x-4 text-table">
      {waiting > 0 && (
        <Link to="/webhooks/$id" params={{ id }} search={{ state: "pending" }} className={className}>
          {count(waiting)} waiting
        </Link>
      )}
      {dead > 0 && (
        <Link
          to="/webhooks/$id"
          params={{ id }}
          search={{ state: "dead" }}
          className={`${className} text-err`}
        >
          {count(dead)} dead
        </Link>
      )}
    </p>
  );
}

/** Switches it on and off at once. */
export function Enabled({ webhook, isAdmin }: { webhook: Webhook; isAdmin: boolean }) {
  const change = useChangeWebhook(webhook.id);
  return (
    <Switch
      label={`${visibleText(webhook.name)} is ${webhook.enabled ? "enabled" : "disabled"}`}
      on={change.isPending ? (change.variables.enabled ?? webhook.enabled) : webhook.enabled}
      disabled={!isAdmin || change.isPending}
      className="-ml-1"
      onChange={(enabled) =>
        change.mutate({ enabled }, { onError: (error) => toast({ level: "error", title: messageOf(error) }) })
      }
    />
  );
}

export function Change({ webhook }: { webhook: Webhook }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button
        size="sm"
        variant="ghost"
        onClick={() => setOpen(true)}
        aria-label={`Change ${visibleText(webhook.name)}`}
      >
        <Pencil size={14} aria-hidden /> Change
      </Button>
      {isOpen && <WebhookDialog webhook={webhook} onClose={() => setOpen(false)} />}
    </>
  );
}

export function Delete({ webhook, onGone }: { webhook: Webhook; onGone: () => void }) {
  const remove = useDeleteWebhook(webhook.id);
  return (
    <Confirm
      label="Delete"
      pendingLabel="Deleting…"
      keep="Keep it"
      title={`Delete ${visibleText(webhook.name)}?`}
      description="It is told nothing more, and what it was told is forgotten. This cannot be undone."
      className="h-7 px-2.5 text-meta max-md:h-11"
      mutation={{
        isPending: remove.isPending,
        error: remove.error,
        mutate: (_, options) =>
          remove.mutate(undefined, {
            onSuccess: () => {
              options.onSuccess();
              onGone();
            },
          }),
      }}
    >
      To keep what waits and stop for a while, disable it instead.
    </Confirm>
  );
}
