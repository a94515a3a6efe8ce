/** From nothing to an agent on the dashboard: choose a way, make a key, paste, see it arrive. */
import { useState } from "react";
import { Card } from "@/components/ui/card";
import { Copyable } from "@/components/ui/copyable";
import { Page } from "@/components/ui/page";
import { useAgentStatus } from "@/hooks";
import type { NewApiKey } from "@/lib/api/types";
import { cx } from "@/lib/cx";
import { KeyStep } from "./key-step";
import { Signal } from "./signal";
import { WayPicker } from "./way-picker";
import { NO_KEY, type Way, wayOf } from "./ways";

interface ConnectPageProps {
  /** The chosen way; the first one if there is no such way. */
  way: string | undefined;
  onWay: (id: string) => void;
}

export function ConnectPage({ way: wayId, onWay }: ConnectPageProps) {
  const way = wayOf(wayId);
  const [made, setMade] = useState<NewApiKey | null>(null);
  // A key that may not do what another way needs is of no use there.
  const key = made && way.scopes.every((scope) => made.scopes.includes(scope)) ? made : null;
  return (
    <Page title="Connect an agent">
      <p className="max-w-[80ch] text-muted">
        Agents that exist already appear here without being rewritten. Choose how yours speaks, paste what it
        needs, and this page says when it has arrived.
      </p>
      <div className="grid items-start gap-3 lg:grid-cols-[minmax(240px,320px)_minmax(0,1fr)]">
        <Card title="1. How it speaks">
          <WayPicker value={way.id} onChange={onWay} />
        </Card>
        <div className="flex min-w-0 flex-col gap-3">
          <Card title="2. A key for it">
            <KeyStep key={way.id} way={way} made={key} onMade={setMade} />
          </Card>
          <Card title="3. Paste and start">
            <Snippets way={way} made={key} />
          </Card>
          {/* On a small screen it lies under the program to paste: in sight while it is waited for. */}
          <Card
            title="4. Its first signal"
            className={cx(
              key &&
                "max-lg:sticky max-lg:bottom-2 max-lg:z-10 max-md:bottom-[calc(72px+env(safe-area-inset-bottom))] max-lg:shadow-(--shadow)",
            )}
          >
            <Signal made={key} />
          </Card>
        </div>
      </div>
    </Page>
  );
}

function Snippets({ way, made }: { way: Way; made: NewApiKey | null }) {
  const agents = useAgentStatus().data;
  const bound = made?.agent_id ? agents?.find(({ id }) => id === made.agent_id)?.name : undefined;
  const parts = way.parts({
    origin: window.location.origin,
    key: made?.key ?? NO_KEY,
    agent: bound ?? made?.agent_name ?? way.agent,
  });
  return (
    <div className="flex flex-col gap-4">
      {!made && (
        <p className="text-table text-muted">
          <code className="font-mono text-meta">{NO_KEY}</code> stands for the key: make one above, or put in
          one that you have.
        </p>
      )}
      {parts.map(({ title, text }) => (
        <section key={title} aria-label={title} className="flex min-w-0 flex-col gap-1">
          <h3 className="text-table font-semibold">{title}</h3>
          <Copyable name={title} text={text} />
        </section>
      ))}
      <ul className="flex max-w-[80ch] flex-col gap-1 text-table text-muted">
        {way.notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </div>
  );
}
