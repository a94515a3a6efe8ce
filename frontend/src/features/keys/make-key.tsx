/** Makes a key: its name, what it may do, for whom, until when; then shows it once. */
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Select } from "@/components/ui/field";
import { KeyAgent } from "@/components/work/key-agent";
import { type Scope, useCreateKey } from "@/lib/api/api-keys";
import { ApiError, messageOf } from "@/lib/api/errors";
import { inDays, LIFETIMES } from "./expiry";
import { KeyOnce } from "./key-once";

const SCOPES: { value: Scope; label: string; hint: string }[] = [
  { value: "agent", label: "Agent", hint: "Register, claim work and report results" },
  { value: "ingest", label: "Ingest", hint: "Send telemetry" },
  { value: "read", label: "Read", hint: "See everything in the project" },
  { value: "run", label: "Run", hint: "Start workflows and commands" },
];
const OWN = ["name", "scopes", "agent_id", "expires_at"];

export function MakeKey({ onClose }: { onClose: () => void }) {
  const create = useCreateKey();
  const made = create.data;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={made ? "Copy the key now" : "New API key"}
      description={made && "It is shown this once and kept nowhere."}
    >
      {made ? <KeyOnce text={made.key} onClose={onClose} /> : <KeyForm create={create} onClose={onClose} />}
    </Dialog>
  );
}

function KeyForm({ create, onClose }: { create: ReturnType<typeof useCreateKey>; onClose: () => void }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["agent"]);
  const [agent, setAgent] = useState("");
  const [days, setDays] = useState("");
  const [isMissing, setMissing] = useState(false);
  const fields = create.error instanceof ApiError ? create.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(scopes.length === 0);
    if (scopes.length > 0)
      create.mutate({ name: name.trim(), scopes, agent_id: agent || null, expires_at: inDays(days) });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
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
      <fieldset>
        <legend className="mb-1 text-table font-semibold">What it may do</legend>
        {SCOPES.map(({ value, label, hint }) => (
          <label key={value} className="flex min-h-8 items-center gap-2.5 max-md:min-h-11">
            <input
              type="checkbox"
              checked={scopes.includes(value)}
              onChange={({ target }) =>
                setScopes((now) => (target.checked ? [...now, value] : now.filter((one) => one !== value)))
              }
              className="size-4 accent-(--accent)"
            />
            <span>{label}</span>
            <span className="text-meta text-muted">{hint}</span>
          </label>
        ))}
        {(isMissing || fields.scopes) && (
          <p role="alert" className="text-meta text-err">
            {fields.scopes ?? "Choose at least one."}
          </p>
        )}
      </fieldset>
      <KeyAgent value={agent} onChange={setAgent} error={fields.agent_id} />
      <Field label="Expires" error={fields.expires_at}>
        {(props) => (
          <Select {...props} value={days} onChange={(event) => setDays(event.target.value)}>
            {LIFETIMES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {create.error && !OWN.some((field) => fields[field]) && (
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
