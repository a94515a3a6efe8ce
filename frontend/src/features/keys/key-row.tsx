/** One key, with the chain it stands in: what it replaces and what replaced it. */
import { Link } from "@tanstack/react-router";
import { Pencil, RefreshCw } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Chip, StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { TimeAgo } from "@/components/ui/time-ago";
import { Confirm } from "@/components/work/confirm";
import { useRevokeKey } from "@/lib/api/api-keys";
import type { ApiKey } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { absolute } from "@/lib/time";
import { ChangeKey } from "./change-key";
import { RotateKey } from "./rotate-key";

interface KeyRowProps {
  apiKey: ApiKey;
  /** The prefix of another key, if it is in the list. */
  prefixOf: (id: string) => string | undefined;
}

export function KeyRow({ apiKey, prefixOf }: KeyRowProps) {
  const [open, setOpen] = useState<"rotate" | "change" | null>(null);
  const name = visibleText(apiKey.name);
  const close = () => setOpen(null);
  const isUsable = apiKey.state === "usable";
  return (
    <li className="flex flex-wrap items-start gap-x-6 gap-y-2 border-t px-4 py-3 first:border-t-0">
      <div className="flex min-w-60 flex-1 flex-col gap-1">
        <h2 className="flex flex-wrap items-center gap-x-2 text-body font-semibold [overflow-wrap:anywhere]">
          {name}
          <code className="font-mono text-meta font-normal text-muted">mc_{apiKey.prefix}_…</code>
          {apiKey.state === "revoked" && <StatusText status="cancelled" label="Revoked" />}
          {apiKey.state === "expired" && <StatusText status="offline" label="Expired" />}
        </h2>
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-table text-muted">
          {apiKey.scopes.map((scope) => (
            <Chip key={scope}>{scope}</Chip>
          ))}
          <For apiKey={apiKey} />
        </p>
        <Chain apiKey={apiKey} prefixOf={prefixOf} />
      </div>
      <dl className="grid min-w-56 grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-table">
        <Pair name="Used">
          {apiKey.last_used_at ? (
            <TimeAgo at={apiKey.last_used_at} />
          ) : (
            <span className="text-muted">Never</span>
          )}
        </Pair>
        <Pair name="Made">
          <TimeAgo at={apiKey.created_at} />
          {apiKey.created_by && ` by ${visibleText(apiKey.created_by)}`}
        </Pair>
        <Pair name={apiKey.state === "expired" ? "Expired" : "Expires"}>
          {apiKey.expires_at ? absolute(apiKey.expires_at) : <span className="text-muted">Never</span>}
        </Pair>
      </dl>
      {isUsable && (
        <div className="flex flex-wrap items-center gap-1 max-md:w-full">
          {!apiKey.replaced_by && (
            <Button size="sm" variant="ghost" onClick={() => setOpen("rotate")} aria-label={`Rotate ${name}`}>
              <RefreshCw size={14} aria-hidden /> Rotate
            </Button>
          )}
          <Button size="sm" variant="ghost" onClick={() => setOpen("change")} aria-label={`Change ${name}`}>
            <Pencil size={14} aria-hidden /> Change
          </Button>
          <Revoke apiKey={apiKey} />
        </div>
      )}
      {open === "rotate" && <RotateKey apiKey={apiKey} onClose={close} />}
      {open === "change" && <ChangeKey apiKey={apiKey} onClose={close} />}
    </li>
  );
}

function Pair({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="tnum">{children}</dd>
    </>
  );
}

function For({ apiKey }: { apiKey: ApiKey }) {
  if (!apiKey.agent_id) return <span>for any agent</span>;
  if (!apiKey.agent_name) return <span>for an agent that is no more</span>;
  return (
    <span>
      for{" "}
      <Link
        to="/agents/$id"
        params={{ id: apiKey.agent_id }}
        className="text-fg underline decoration-muted underline-offset-2 hover:decoration-fg"
      >
        {visibleText(apiKey.agent_name)}
      </Link>
    </span>
  );
}

function Chain({ apiKey, prefixOf }: KeyRowProps) {
  const { replaces, replaced_by, expires_at } = apiKey;
  if (!replaces && !replaced_by) return null;
  const named = (id: string) => {
    const prefix = prefixOf(id);
    return prefix ? <code className="font-mono">mc_{prefix}_…</code> : "another key";
  };
  return (
    <p className="text-meta text-muted">
      {replaced_by && (
        <>
          Replaced by {named(replaced_by)}
          {apiKey.state === "usable" && expires_at && `; works until ${absolute(expires_at)}`}
        </>
      )}
      {replaces && replaced_by && ". "}
      {replaces && <>Replaces {named(replaces)}</>}
    </p>
  );
}

function Revoke({ apiKey }: { apiKey: ApiKey }) {
  const name = visibleText(apiKey.name);
  return (
    <Confirm
      label="Revoke"
      title={`Revoke ${name}?`}
      description="Whoever uses this key is refused within a second. This cannot be undone."
      keep="Keep it"
      pendingLabel="Revoking…"
      mutation={useRevokeKey(apiKey.id)}
      className="h-7 text-meta"
    >
      To change over without a pause, rotate it instead.
    </Confirm>
  );
}
