/** Every key of the project: what it may do, for whom, when it was used, and what one can do with it. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { KeyRound, Lock } from "lucide-react";
import { useState } from "react";
import { Button, buttonClass } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { EmptyState, SkeletonRows } from "@/components/ui/states";
import { FilterButtons } from "@/components/work/list";
import { Loaded } from "@/components/work/loaded";
import { More } from "@/components/work/more";
import { useMe } from "@/hooks";
import { apiKeysQuery } from "@/lib/api/api-keys";
import type { ApiKey } from "@/lib/api/types";
import { KeyRow } from "./key-row";
import { MakeKey } from "./make-key";

const STATES = [
  { value: "usable", label: "In use" },
  { value: "over", label: "Revoked or expired" },
  { value: "", label: "All" },
];

export type KeysState = "usable" | "over" | "all";

interface KeysPageProps {
  state: KeysState;
  onState: (state: KeysState) => void;
}

export function KeysPage({ state, onState }: KeysPageProps) {
  const role = useMe().data?.project.role;
  const [isMaking, setMaking] = useState(false);
  const isAdmin = role === "admin";
  return (
    <Page
      title="API keys"
      actions={
        isAdmin && (
          <>
            <Link to="/connect" className={buttonClass()}>
              Connect an agent
            </Link>
            <Button variant="primary" onClick={() => setMaking(true)}>
              New key
            </Button>
          </>
        )
      }
    >
      {role === undefined ? (
        <SkeletonRows rows={4} />
      ) : isAdmin ? (
        <Keys state={state} onState={onState} />
      ) : (
        <EmptyState icon={Lock} title="Only admins of the project see its keys" className="card">
          Ask one of them for a key, or to make you an admin.
        </EmptyState>
      )}
      {isMaking && <MakeKey onClose={() => setMaking(false)} />}
    </Page>
  );
}

function Keys({ state, onState }: KeysPageProps) {
  const query = useInfiniteQuery(apiKeysQuery(state === "all" ? {} : { state }));
  return (
    <>
      <FilterButtons
        label="State"
        options={STATES}
        value={state === "all" ? "" : state}
        onChange={(value) => onState((value || "all") as KeysState)}
      />
      <Loaded framed query={query} what="The keys could not be loaded">
        {(found) => (
          <section aria-label="API keys" className="card">
            {found.length > 0 ? <KeyList keys={found} /> : <NoKeys state={state} />}
            <More query={query} />
          </section>
        )}
      </Loaded>
    </>
  );
}

function KeyList({ keys }: { keys: ApiKey[] }) {
  const prefixes = new Map(keys.map(({ id, prefix }) => [id, prefix]));
  return (
    <ul aria-label="Keys">
      {keys.map((key) => (
        <KeyRow key={key.id} apiKey={key} prefixOf={(id) => prefixes.get(id)} />
      ))}
    </ul>
  );
}

function NoKeys({ state }: { state: KeysState }) {
  return state === "over" ? (
    <EmptyState icon={KeyRound} title="No key was revoked or has expired" />
  ) : (
    <EmptyState icon={KeyRound} title="No keys yet">
      Agents and programs sign in with a key.{" "}
      <Link to="/connect" className="text-accent underline">
        Connect an agent
      </Link>{" "}
      makes one with what it needs.
    </EmptyState>
  );
}
