/** Where an agent takes its work, for those who may know it, and what admins do about it. */
import { KeyRound, Pencil } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Section } from "@/components/work/section";
import { useMe } from "@/hooks";
import { useRotateAgentSecret } from "@/lib/api/endpoints";
import { messageOf } from "@/lib/api/errors";
import type { AgentDetail } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { EndpointDialog } from "./endpoint-dialog";
import { EndpointSecret } from "./endpoint-secret";
import { EndpointTry } from "./endpoint-try";

export function EndpointSection({ agent }: { agent: AgentDetail }) {
  const isAdmin = useMe().data?.project.role === "admin";
  const [open, setOpen] = useState<"change" | "secret" | null>(null);
  const close = () => setOpen(null);
  if (!agent.endpoint) return null;
  return (
    <Section title="Endpoint">
      <p className="font-mono text-meta [overflow-wrap:anywhere]">{visibleText(agent.endpoint)}</p>
      {isAdmin && (
        <>
          <div className="flex flex-wrap gap-2">
            <Button size="sm" onClick={() => setOpen("change")}>
              <Pencil size={14} aria-hidden /> Change
            </Button>
            <Button size="sm" onClick={() => setOpen("secret")}>
              <KeyRound size={14} aria-hidden /> New secret
            </Button>
          </div>
          <EndpointTry id={agent.id} />
        </>
      )}
      {open === "change" && <EndpointDialog agent={agent} onClose={close} />}
      {open === "secret" && <NewSecret agent={agent} onClose={close} />}
    </Section>
  );
}

function NewSecret({ agent, onClose }: { agent: AgentDetail; onClose: () => void }) {
  const rotate = useRotateAgentSecret(agent.id);
  const name = visibleText(agent.name);
  const made = rotate.data;
  return (
    <Dialog
      open
      wide={made !== undefined}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      title={made ? `The new secret of ${name}` : `A new secret for ${name}?`}
      description="Calls are signed with the old one, too, until you make the next."
      footer={
        !made && (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" busy={rotate.isPending} onClick={() => rotate.mutate()}>
              {rotate.isPending ? "Making it…" : "Make a new secret"}
            </Button>
          </>
        )
      }
    >
      {made ? (
        <EndpointSecret id={agent.id} secret={made.secret} onClose={onClose} />
      ) : rotate.error ? (
        <p role="alert" className="text-err">
          {messageOf(rotate.error)}
        </p>
      ) : (
        <p className="text-muted">Give it to the endpoint whenever you like: both are good meanwhile.</p>
      )}
    </Dialog>
  );
}
