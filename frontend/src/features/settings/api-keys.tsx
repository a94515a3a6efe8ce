import { useQuery } from "@tanstack/react-query";
import { Check, Copy, KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Chip, StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/ui/states";
import { TimeAgo } from "@/components/ui/time-ago";
import { ApiError, messageOf } from "@/lib/api/errors";
import { apiKeysQuery, type Scope, useCreateKey, useRevokeKey } from "@/lib/api/settings";
import type { ApiKey, NewApiKey } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

const scopes: { value: Scope; label: string; hint: string }[] = [
  { value: "agent", label: "Agent", hint: "Register, claim work and report results" },
  { value: "read", label: "Read", hint: "See everything in the project" },
  { value: "run", label: "Run", hint: "Start workflows and commands" },
  { value: "ingest", label: "Ingest", hint: "Send telemetry" },
];

export function ApiKeys({ className }: { className?: string }) {
  const { data, error, refetch } = useQuery(apiKeysQuery);
  const [making, setMaking] = useState(false);
  const newKey = <Button onClick={() => setMaking(true)}>New key</Button>;
  return (
    <Card title="API keys" className={className} bodyClassName="" actions={data && data.length > 0 && newKey}>
      {data ? (
        data.length === 0 ? (
          <EmptyState icon={KeyRound} title="No keys yet" action={newKey}>
            External agents and programs sign in with a key.
          </EmptyState>
        ) : (
          <ul>
            {data.map((key) => (
              <KeyRow key={key.id} apiKey={key} />
            ))}
          </ul>
        )
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The keys could not be loaded" />
      ) : (
        <SkeletonRows rows={3} />
      )}
      {making && <KeyDialog onClose={() => setMaking(false)} />}
    </Card>
  );
}

function KeyRow({ apiKey }: { apiKey: ApiKey }) {
  const [asking, setAsking] = useState(false);
  const revoke = useRevokeKey();
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-4 py-2 text-table last:border-b-0">
      <span className="min-w-40 font-semibold">{visibleText(apiKey.name)}</span>
      <code className="font-mono text-meta text-muted">{apiKey.prefix}…</code>
      <span className="flex gap-1">
        {apiKey.scopes.map((scope) => (
          <Chip key={scope}>{scope}</Chip>
        ))}
      </span>
      <span className="text-meta text-muted md:ml-auto">
        {apiKey.last_used_at ? (
          <>
            used <TimeAgo at={apiKey.last_used_at} />
          </>
        ) : (
          "never used"
        )}
      </span>
      {apiKey.revoked_at ? (
        <StatusText status="cancelled" label="Revoked" />
      ) : (
        <Button size="sm" variant="danger" onClick={() => setAsking(true)}>
          Revoke
        </Button>
      )}
      {asking && (
        <Dialog
          open
          onOpenChange={setAsking}
          title={`Revoke ${apiKey.name}?`}
          description="Whoever uses this key is refused within a second. This cannot be undone."
          footer={
            <>
              <Button onClick={() => setAsking(false)}>Keep it</Button>
              <Button
                variant="danger"
                busy={revoke.isPending}
                onClick={() => revoke.mutate(apiKey.id, { onSuccess: () => setAsking(false) })}
              >
                Revoke key
              </Button>
            </>
          }
        >
          {revoke.error ? (
            <p role="alert" className="text-err">
              {messageOf(revoke.error)}
            </p>
          ) : (
            <code className="font-mono text-meta text-muted">{apiKey.prefix}…</code>
          )}
        </Dialog>
      )}
    </li>
  );
}

function KeyDialog({ onClose }: { onClose: () => void }) {
  const create = useCreateKey();
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={create.data ? "Copy the key now" : "New API key"}
      description={create.data && "It is shown this once and kept nowhere."}
    >
      {create.data ? (
        <Secret made={create.data} onClose={onClose} />
      ) : (
        <KeyForm create={create} onClose={onClose} />
      )}
    </Dialog>
  );
}

function KeyForm({ create, onClose }: { create: ReturnType<typeof useCreateKey>; onClose: () => void }) {
  const [missing, setMissing] = useState(false);
  const fields = create.error instanceof ApiError ? create.error.fields : {};
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const chosen = form.getAll("scopes") as Scope[];
    setMissing(chosen.length === 0);
    if (chosen.length > 0) create.mutate({ name: String(form.get("name")), scopes: chosen });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Name" hint="Who will use it, such as the name of the agent." error={fields.name}>
        {(props) => <Input {...props} name="name" required maxLength={100} autoComplete="off" />}
      </Field>
      <fieldset>
        <legend className="mb-1 text-table font-semibold">What it may do</legend>
        {scopes.map(({ value, label, hint }) => (
          <label key={value} className="flex min-h-8 items-center gap-2.5 max-md:min-h-11">
            <input
              type="checkbox"
              name="scopes"
              value={value}
              defaultChecked={value === "agent"}
              className="size-4 accent-(--accent)"
            />
            <span>{label}</span>
            <span className="text-meta text-muted">{hint}</span>
          </label>
        ))}
        {(missing || fields.scopes) && (
          <p role="alert" className="text-meta text-err">
            {fields.scopes ?? "Choose at least one."}
          </p>
        )}
      </fieldset>
      {create.error && !fields.name && !fields.scopes && (
        <p role="alert" className="text-err">
          {messageOf(create.error)}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" busy={create.isPending}>
          Create key
        </Button>
      </div>
    </form>
  );
}

function Secret({ made, onClose }: { made: NewApiKey; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(made.key);
    setCopied(true);
  };
  return (
    <div className="flex flex-col gap-4">
      <div className="flex items-center gap-2">
        <Input
          readOnly
          aria-label="API key"
          value={made.key}
          className="font-mono"
          onFocus={(event) => event.target.select()}
        />
        <Button onClick={() => void copy()}>
          {copied ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
      <div className="flex justify-end">
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}
