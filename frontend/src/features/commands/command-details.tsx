/** What a command takes, what the model is told, who can do it and within which limits. */
import { Link } from "@tanstack/react-router";
import { UntrustedText } from "@/components/ui/untrusted";
import { Fact, Facts } from "@/components/work/facts";
import type { Command } from "@/lib/api/types";
import { duration, plural, visibleText } from "@/lib/format";

export function CommandDetails({ command }: { command: Command }) {
  return (
    <div className="flex flex-col gap-4 px-4 pt-1 pb-4 md:pl-10">
      <p className="max-w-[72ch] text-table lg:hidden">{command.description}</p>
      <Facts>
        <Fact name="Time limit">{duration(command.timeout_seconds)}</Fact>
        <Fact name="Tries">{plural(command.max_attempts, "attempt")} at most</Fact>
        <Fact name="Agents">
          {command.agents.length === 0 && <span className="text-muted">No agent can do this yet</span>}
          <span className="flex flex-wrap gap-x-3">
            {command.agents.map(({ id, name }) => (
              <Link key={id} to="/agents/$id" params={{ id }} className="text-accent hover:underline">
                {visibleText(name)}
              </Link>
            ))}
          </span>
        </Fact>
      </Facts>
      <Parameters command={command} />
      {command.prompt && (
        <div>
          <h3 className="mb-1 text-meta font-normal text-muted">Prompt</h3>
          <UntrustedText
            text={command.prompt}
            className="max-h-64 overflow-y-auto rounded-control bg-surface-2 p-3 font-mono text-meta leading-[18px]"
          />
        </div>
      )}
    </div>
  );
}

function Parameters({ command: { parameters } }: { command: Command }) {
  const required = new Set(parameters.required ?? []);
  const entries = Object.entries(parameters.properties ?? {});
  if (entries.length === 0) return <p className="text-table text-muted">Takes no input.</p>;
  return (
    <table className="w-full max-w-[880px] text-table">
      <caption className="mb-1 text-left text-meta text-muted">Parameters</caption>
      <tbody>
        {entries.map(([key, schema]) => (
          <tr key={key} className="border-t align-baseline">
            <th scope="row" className="py-1.5 pr-4 text-left font-mono text-meta font-normal">
              {key}
            </th>
            <td className="py-1.5 pr-4 text-meta text-muted">
              {String(schema.enum ? "choice" : (schema.type ?? "any"))}
              {required.has(key) && ", required"}
            </td>
            <td className="py-1.5">{schema.description ?? schema.title}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
