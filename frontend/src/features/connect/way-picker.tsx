/** The ways in, in two groups: those that take commands, and those that are only watched. */
import { Link } from "@tanstack/react-router";
import { type Way, ways } from "./ways";

const GROUPS: { group: Way["group"]; title: string; hint: string }[] = [
  { group: "commanded", title: "Takes commands", hint: "Seen, commanded, cancelled." },
  { group: "watched", title: "Is watched", hint: "Seen by its telemetry, goes on as it is." },
];

export function WayPicker({ value, onChange }: { value: string; onChange: (id: string) => void }) {
  return (
    <div className="flex flex-col gap-4">
      {GROUPS.map(({ group, title, hint }) => (
        <fieldset key={group} className="min-w-0">
          <legend className="text-table font-semibold">{title}</legend>
          <p className="mb-1 text-meta text-muted">{hint}</p>
          <div className="grid gap-1 max-lg:sm:grid-cols-2">
            {ways
              .filter((way) => way.group === group)
              .map((way) => (
                <label
                  key={way.id}
                  className="flex min-h-9 cursor-pointer items-center gap-2.5 rounded-control border border-transparent px-2 py-1 hover:bg-surface-2 has-checked:border-accent has-checked:bg-surface-2 max-md:min-h-11"
                >
                  <input
                    type="radio"
                    name="way"
                    value={way.id}
                    checked={way.id === value}
                    onChange={() => onChange(way.id)}
                    className="size-4 shrink-0 accent-(--accent)"
                  />
                  <span className="min-w-0">
                    {way.name} <span className="block text-meta text-muted">{way.who}</span>
                  </span>
                </label>
              ))}
          </div>
        </fieldset>
      ))}
      <p className="text-meta text-muted">
        An agent that is a server of its own needs no key: it is called at its HTTP endpoint, signed. Make it
        with <em>New HTTP agent</em> among the{" "}
        <Link to="/agents" className="text-accent underline">
          agents
        </Link>
        .
      </p>
    </div>
  );
}
