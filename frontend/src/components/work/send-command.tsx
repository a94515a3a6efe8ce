/** The dialog that asks an agent to do something: which command, which agent, and the form of its input. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { SchemaForm } from "@/components/schema-form";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Select } from "@/components/ui/field";
import { EmptyState } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { useSendCommand } from "@/lib/api/agents";
import { idempotencyKey } from "@/lib/api/client";
import { commandsQuery } from "@/lib/api/commands";
import type { Command, Ref } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { FormFooter } from "./form-footer";

interface SendCommandProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** One of the two is given; the other is chosen in the dialog. */
  agent?: Ref;
  command?: Command;
}

export function SendCommand({ open, onOpenChange, agent, command }: SendCommandProps) {
  const title = agent ? `Send a command to ${agent.name}` : (command?.title ?? "Send a command");
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={visibleText(title)}
      description={command?.description}
    >
      {agent ? (
        <CommandChoice agent={agent} close={() => onOpenChange(false)} />
      ) : (
        command && <AgentChoice command={command} close={() => onOpenChange(false)} />
      )}
    </Dialog>
  );
}

function CommandChoice({ agent, close }: { agent: Ref; close: () => void }) {
  const query = useQuery(commandsQuery());
  const [name, setName] = useState("");
  return (
    <Loaded query={query} what="The commands could not be loaded">
      {(all) => {
        const commands = all.filter(({ agents }) => agents.some(({ id }) => id === agent.id));
        const chosen = commands.find((command) => command.name === name) ?? commands[0];
        if (!chosen)
          return <EmptyState title="Nothing to send">No command fits what this agent can do.</EmptyState>;
        return (
          <div className="flex flex-col gap-4">
            <Field label="Command" hint={chosen.description}>
              {(wiring) => (
                <Select {...wiring} value={chosen.name} onChange={(event) => setName(event.target.value)}>
                  {commands.map((command) => (
                    <option key={command.name} value={command.name}>
                      {command.title}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            <InputForm key={chosen.name} agent={agent} command={chosen} close={close} />
          </div>
        );
      }}
    </Loaded>
  );
}

function AgentChoice({ command, close }: { command: Command; close: () => void }) {
  const [id, setId] = useState("");
  const agent = command.agents.find((one) => one.id === id) ?? command.agents[0];
  if (!agent) {
    return (
      <EmptyState title="No agent can do this yet">
        Connect an agent with the capability “{command.capability}”, and it can be chosen here.
      </EmptyState>
    );
  }
  return (
    <div className="flex flex-col gap-4">
      <Field label="Agent">
        {(wiring) => (
          <Select {...wiring} value={agent.id} onChange={(event) => setId(event.target.value)}>
            {command.agents.map((one) => (
              <option key={one.id} value={one.id}>
                {visibleText(one.name)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <InputForm agent={agent} command={command} close={close} />
    </div>
  );
}

function InputForm({ agent, command, close }: { agent: Ref; command: Command; close: () => void }) {
  const send = useSendCommand(agent.id);
  const navigate = useNavigate();
  // The same key for every try of this form: a lost answer never sends the command twice.
  const [attempt, setAttempt] = useState({ key: idempotencyKey(), body: "" });

  function submit(input: Record<string, unknown>) {
    const body = JSON.stringify([agent.id, input]);
    const key = attempt.body && attempt.body !== body ? idempotencyKey() : attempt.key;
    setAttempt({ key, body });
    send.mutate(
      { command: command.name, input, key },
      {
        onSuccess: ({ id }) => {
          close();
          void navigate({ to: "/command-runs/$id", params: { id } });
        },
      },
    );
  }

  return (
    <SchemaForm schema={command.parameters} onSubmit={submit} problem={send.error} disabled={send.isPending}>
      <FormFooter onCancel={close}>
        <Button type="submit" variant="primary" busy={send.isPending}>
          {send.isPending ? "Sending…" : "Send command"}
        </Button>
      </FormFooter>
    </SchemaForm>
  );
}
