/** Makes an agent that is reached at an HTTP endpoint, or changes one. */
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { DialogForm, type Wrong } from "@/components/work/dialog-form";
import { useChangeAgent, useCreateAgent } from "@/lib/api/endpoints";
import type { AgentDetail, NewEndpointAgent } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { EndpointSecret } from "./endpoint-secret";

const FIELDS = ["name", "type", "endpoint", "capabilities", "max_parallel", "description"];

interface EndpointDialogProps {
  /** The one to change; a new one without. */
  agent?: AgentDetail;
  onClose: () => void;
}

export function EndpointDialog({ agent, onClose }: EndpointDialogProps) {
  const create = useCreateAgent();
  const change = useChangeAgent(agent?.id ?? "");
  const saving = agent ? change : create;
  const made = create.data;
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={made ? visibleText(made.name) : agent ? `Change ${visibleText(agent.name)}` : "New HTTP agent"}
      description={
        made
          ? "It takes work from now on."
          : "Its work is posted to an address of yours, signed, and answered at once or by a callback."
      }
    >
      {made ? (
        <EndpointSecret id={made.id} secret={made.secret} onClose={onClose} />
      ) : (
        <Form
          agent={agent}
          saving={saving}
          onSave={(body) => (agent ? change.mutate(body, { onSuccess: onClose }) : create.mutate(body))}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

interface FormProps {
  agent: AgentDetail | undefined;
  saving: { isPending: boolean; error: Error | null };
  onSave: (body: NewEndpointAgent) => void;
  onClose: () => void;
}

function read(text: (name: string) => string, wrong: Wrong): NewEndpointAgent {
  const parallel = Number(text("max_parallel"));
  if (!text("name")) wrong.name = "Give it a name.";
  if (!text("endpoint")) wrong.endpoint = "Say where to post its work to.";
  if (!(Number.isInteger(parallel) && parallel >= 1 && parallel <= 100))
    wrong.max_parallel = "A number from 1 to 100.";
  const capabilities = text("capabilities").split(",");
  return {
    name: text("name"),
    type: text("type") || "external",
    endpoint: text("endpoint"),
    description: text("description"),
    capabilities: capabilities.map((one) => one.trim()).filter(Boolean),
    max_parallel: parallel,
  };
}

function Form({ agent, saving, onSave, onClose }: FormProps) {
  return (
    <DialogForm
      fields={FIELDS}
      saving={saving}
      save={agent ? "Save" : "Create agent"}
      read={read}
      onSave={onSave}
      onClose={onClose}
    >
      {(errors) => (
        <>
          <div className="grid gap-4 md:grid-cols-2">
            <Field label="Name" required error={errors.name}>
              {(props) => (
                <Input {...props} name="name" defaultValue={agent?.name} maxLength={100} autoComplete="off" />
              )}
            </Field>
            <Field label="Type" error={errors.type}>
              {(props) => (
                <Input
                  {...props}
                  name="type"
                  defaultValue={agent?.type}
                  placeholder="external"
                  maxLength={50}
                  autoComplete="off"
                />
              )}
            </Field>
          </div>
          <Field
            label="Endpoint"
            required
            hint="Every command is one POST. Addresses inside the network need MC_OUTBOUND_ALLOW."
            error={errors.endpoint}
          >
            {(props) => (
              <Input
                {...props}
                name="endpoint"
                type="url"
                defaultValue={agent?.endpoint}
                placeholder="https://agents.example.org/work"
                className="font-mono text-meta"
                maxLength={2000}
                autoComplete="off"
                spellCheck={false}
              />
            )}
          </Field>
          <Field
            label="Capabilities"
            hint="Separated by commas. Commands of the catalogue name the one they need."
            error={errors.capabilities}
          >
            {(props) => (
              <Input
                {...props}
                name="capabilities"
                defaultValue={agent?.capabilities.join(", ")}
                placeholder="coding, review"
                autoComplete="off"
              />
            )}
          </Field>
          <div className="grid gap-4 md:grid-cols-[minmax(0,1fr)_12rem]">
            <Field label="Description" error={errors.description}>
              {(props) => (
                <Input
                  {...props}
                  name="description"
                  defaultValue={agent?.description}
                  maxLength={500}
                  autoComplete="off"
                />
              )}
            </Field>
            <Field label="At a time" error={errors.max_parallel}>
              {(props) => (
                <Input
                  {...props}
                  name="max_parallel"
                  type="number"
                  min={1}
                  max={100}
                  defaultValue={agent?.max_parallel ?? 1}
                />
              )}
            </Field>
          </div>
        </>
      )}
    </DialogForm>
  );
}
