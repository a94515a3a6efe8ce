/** For whom a key is: any agent, or one of those that ask for their work or send telemetry. */
import { Field, Select } from "@/components/ui/field";
import { useAgentStatus } from "@/hooks";
import { visibleText } from "@/lib/format";

interface KeyAgentProps {
  /** The agent's id; empty for any. */
  value: string;
  onChange: (agentId: string) => void;
  error?: string | undefined;
}

export function KeyAgent({ value, onChange, error }: KeyAgentProps) {
  const agents = (useAgentStatus().data ?? []).filter(({ connector }) => connector === "pull");
  return (
    <Field label="For" hint="A key of one agent can act as that agent only." error={error}>
      {(props) => (
        <Select {...props} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">The fleet: any agent, also new ones</option>
          {agents
            .toSorted((a, b) => a.name.localeCompare(b.name))
            .map(({ id, name }) => (
              <option key={id} value={id}>
                {visibleText(name)}
              </option>
            ))}
        </Select>
      )}
    </Field>
  );
}
