/** The triggers: where each is posted to, what came of the last request, and what an admin can do with it. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ListChecks, Pencil, Webhook } from "lucide-react";
import { useState } from "react";
import { Button, buttonClass } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { Switch } from "@/components/ui/switch";
import { TimeAgo } from "@/components/ui/time-ago";
import { toast } from "@/components/ui/toast";
import { Confirm } from "@/components/work/confirm";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { RotateSecret } from "@/components/work/rotate-secret";
import { messageOf } from "@/lib/api/errors";
import type { StartsFilter } from "@/lib/api/schedules";
import {
  triggersQuery,
  useChangeTrigger,
  useDeleteTrigger,
  useRotateTriggerSecret,
} from "@/lib/api/triggers";
import type { Trigger } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";
import { absolute } from "@/lib/time";
import { SecretOnce } from "./secret-once";
import { addressOf } from "./signing";
import { TriggerDialog } from "./trigger-dialog";

interface TriggerListProps {
  filter: StartsFilter;
  mayChange: boolean;
}

const small = "h-7 px-2.5 text-meta max-md:h-11";

export function TriggerList({ filter, mayChange }: TriggerListProps) {
  const query = useInfiniteQuery(triggersQuery(filter));
  return (
    <Loaded
      query={query}
      what="The triggers could not be loaded"
      skeleton={<SkeletonRows rows={3} className="h-24" />}
    >
      {(triggers) => (
        <>
          {triggers.length > 0 ? (
            <>
              <ul aria-label="Triggers">
                {triggers.map((trigger) => (
                  <Row key={trigger.id} trigger={trigger} mayChange={mayChange} />
                ))}
              </ul>
              <More query={query} />
            </>
          ) : (
            <EmptyState icon={Webhook} title="No triggers yet">
              A trigger is an address of its own: GitHub, a monitoring system or a script posts signed
              requests to it, and each starts a run. Admins make them.
            </EmptyState>
          )}
          <p className="border-t px-4 py-2 text-meta text-muted">
            A program with an API key of scope run needs no trigger: it posts to{" "}
            <code className="font-mono [overflow-wrap:anywhere]">/api/v1/workflows/…/runs/</code> and names
            its request by Idempotency-Key.
          </p>
        </>
      )}
    </Loaded>
  );
}

function Row({ trigger, mayChange }: { trigger: Trigger; mayChange: boolean }) {
  const [isChanging, setChanging] = useState(false);
  const name = visibleText(trigger.name);
  return (
    <li className="flex flex-wrap items-start gap-x-4 gap-y-2 border-t px-4 py-3 first:border-t-0">
      <Enabled trigger={trigger} mayChange={mayChange} />
      <div className="flex min-w-60 flex-1 flex-col gap-1">
        <h2 className="text-body font-semibold [overflow-wrap:anywhere]">{name}</h2>
        <p className="text-table text-muted">
          <Link
            to="/workflows/$slug"
            params={{ slug: trigger.workflow }}
            className="text-fg underline decoration-muted underline-offset-2 hover:decoration-fg"
          >
            {visibleText(trigger.workflow_name)}
          </Link>
          {trigger.condition && (
            <>
              {" · only if "}
              <code className="font-mono text-meta [overflow-wrap:anywhere]">
                {visibleText(trigger.condition)}
              </code>
            </>
          )}
        </p>
        <Copyable name="Address" text={addressOf(trigger.address)} className="max-w-[660px]" />
        <p className="text-table text-muted">
          {trigger.last_at ? (
            <>
              <TimeAgo at={trigger.last_at} />: {sentence(visibleText(trigger.last_result))}
            </>
          ) : (
            "No signed request yet"
          )}
        </p>
        <OldSecret until={trigger.old_secret_until} />
      </div>
      <div className="flex flex-wrap items-center gap-1 max-md:w-full">
        <Link
          to="/runs"
          search={{ trigger: trigger.id }}
          aria-label={`Runs of ${name}`}
          className={buttonClass("ghost", "sm")}
        >
          <ListChecks size={14} aria-hidden className="max-md:hidden" /> Runs
        </Link>
        {mayChange && (
          <>
            <Button size="sm" variant="ghost" onClick={() => setChanging(true)} aria-label={`Change ${name}`}>
              <Pencil size={14} aria-hidden className="max-md:hidden" /> Change
            </Button>
            <NewSecret trigger={trigger} />
            <Delete trigger={trigger} />
          </>
        )}
      </div>
      {isChanging && <TriggerDialog trigger={trigger} onClose={() => setChanging(false)} />}
    </li>
  );
}

function Enabled({ trigger, mayChange }: { trigger: Trigger; mayChange: boolean }) {
  const change = useChangeTrigger(trigger.id);
  return (
    <Switch
      label={`${visibleText(trigger.name)} is ${trigger.enabled ? "enabled" : "disabled"}`}
      on={change.isPending ? (change.variables.enabled ?? trigger.enabled) : trigger.enabled}
      disabled={!mayChange || change.isPending}
      className="-ml-1"
      onChange={(enabled) =>
        change.mutate({ enabled }, { onError: (error) => toast({ level: "error", title: messageOf(error) }) })
      }
    />
  );
}

function NewSecret({ trigger }: { trigger: Trigger }) {
  return (
    <RotateSecret
      name={visibleText(trigger.name)}
      rotation={useRotateTriggerSecret(trigger.id)}
      label="Take requests signed with the old one, too, for"
      before="Give it to the sender while the old one is still taken."
      after={(made) =>
        made.old_secret_until
          ? `Requests signed with the old one are taken until ${absolute(made.old_secret_until)}.`
          : "Requests signed with the old one are refused from now on."
      }
      shown={(made, close) => <SecretOnce made={made} onClose={close} />}
    />
  );
}

/** While two secrets are taken: until when the old one is. */
function OldSecret({ until }: { until: string | null }) {
  if (!until || Date.parse(until) <= Date.now()) return null;
  return (
    <p className="text-table text-muted">The secret before this one is taken until {absolute(until)}.</p>
  );
}

function Delete({ trigger }: { trigger: Trigger }) {
  const remove = useDeleteTrigger(trigger.id);
  return (
    <Confirm
      label="Delete"
      pendingLabel="Deleting…"
      keep="Keep it"
      title={`Delete ${visibleText(trigger.name)}?`}
      description="Its address answers no more. This cannot be undone."
      className={small}
      mutation={remove}
    >
      The runs it started stay. To refuse requests for a while, disable it instead.
    </Confirm>
  );
}
