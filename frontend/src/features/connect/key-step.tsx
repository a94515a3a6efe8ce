/** Makes the key that the chosen way needs; the snippets then hold it. */
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Chip, StatusText } from "@/components/status";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { SkeletonRows } from "@/components/ui/states";
import { KeyAgent } from "@/components/work/key-agent";
import { useMe } from "@/hooks";
import { useCreateKey } from "@/lib/api/api-keys";
import { ApiError, messageOf } from "@/lib/api/errors";
import type { NewApiKey } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import type { Way } from "./ways";

interface KeyStepProps {
  way: Way;
  made: NewApiKey | null;
  onMade: (key: NewApiKey) => void;
}

export function KeyStep({ way, made, onMade }: KeyStepProps) {
  const role = useMe().data?.project.role;
  if (role === undefined) return <SkeletonRows rows={2} />;
  if (made) return <Made made={made} />;
  if (role !== "admin")
    return (
      <p className="text-table text-muted">
        Only admins of the project make keys. Ask one of them for a key with <Scopes way={way} />.
      </p>
    );
  return <KeyForm way={way} onMade={onMade} />;
}

function Scopes({ way }: { way: Way }) {
  return (
    <span className="inline-flex flex-wrap gap-1">
      {way.scopes.map((scope) => (
        <Chip key={scope}>{scope}</Chip>
      ))}
    </span>
  );
}

function Made({ made }: { made: NewApiKey }) {
  return (
    <p className="flex flex-wrap items-center gap-x-3 gap-y-1 text-table">
      <StatusText status="completed" label="Made" />
      <span className="font-semibold">{visibleText(made.name)}</span>
      <code className="font-mono text-meta text-muted">mc_{made.prefix}_…</code>
      <span className="text-muted">
        It is filled in below, this once; nobody can read it again later.{" "}
        <Link to="/keys" className="text-accent underline">
          All keys
        </Link>
      </span>
    </p>
  );
}

function KeyForm({ way, onMade }: Omit<KeyStepProps, "made">) {
  const create = useCreateKey();
  const [name, setName] = useState(way.agent);
  const [agent, setAgent] = useState("");
  const fields = create.error instanceof ApiError ? create.error.fields : {};
  const make = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({ name: name.trim(), scopes: way.scopes, agent_id: agent || null }, { onSuccess: onMade });
  };
  return (
    <form onSubmit={make} className="flex flex-col gap-3">
      <div className="grid items-start gap-3 sm:grid-cols-2">
        <Field label="Name" hint="Who will use it." required error={fields.name}>
          {(props) => (
            <Input
              {...props}
              value={name}
              onChange={(event) => setName(event.target.value)}
              maxLength={120}
              autoComplete="off"
            />
          )}
        </Field>
        <KeyAgent value={agent} onChange={setAgent} error={fields.agent_id} />
      </div>
      {create.error && !fields.name && !fields.agent_id && (
        <p role="alert" className="text-err">
          {messageOf(create.error)}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" variant="primary" busy={create.isPending}>
          Make a key
        </Button>
        <span className="text-meta text-muted">
          It may: <Scopes way={way} />
        </span>
      </div>
    </form>
  );
}
