/** Which events a webhook asks for: everything, whole groups, or kinds one by one. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Input } from "@/components/ui/field";
import { Loaded } from "@/components/work/loaded";
import type { WebhookKind } from "@/lib/api/types";
import { webhookKindsQuery } from "@/lib/api/webhooks";
import { words } from "@/lib/format";
import { found, groupsOf, isWanted, toggled } from "./kinds";

interface KindsPickerProps {
  /** `run.finished`, `run.*` or `*`. */
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  error?: string | undefined;
}

export function KindsPicker({ chosen, onChange, error }: KindsPickerProps) {
  const query = useQuery(webhookKindsQuery);
  const [text, setText] = useState("");
  return (
    <fieldset aria-describedby={error ? "kinds-error" : undefined} className="min-w-0">
      <legend className="text-table font-semibold">Told of</legend>
      {error && (
        <p id="kinds-error" role="alert" className="text-meta text-err">
          {error}
        </p>
      )}
      <Loaded query={query} what="The kinds of events could not be loaded">
        {(kinds) => (
          <div className="mt-1 flex flex-col gap-1.5">
            <Input
              type="search"
              aria-label="Find a kind"
              placeholder="Find a kind…"
              value={text}
              onChange={(event) => setText(event.target.value)}
              // Enter would send the form around it.
              onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
              autoComplete="off"
              spellCheck={false}
            />
            <Kinds shown={found(kinds, text)} chosen={chosen} onChange={onChange} isSearch={text !== ""} />
          </div>
        )}
      </Loaded>
    </fieldset>
  );
}

interface KindsProps extends Omit<KindsPickerProps, "error"> {
  shown: readonly WebhookKind[];
  isSearch: boolean;
}

function Kinds({ shown, chosen, onChange, isSearch }: KindsProps) {
  const all = chosen.includes("*");
  return (
    <div className="max-h-80 overflow-y-auto rounded-control border max-md:max-h-none">
      {!isSearch && (
        <Box checked={all} onToggle={() => onChange(all ? [] : ["*"])} strong>
          Everything <Code>*</Code>
          <Hint>also kinds that come with later versions</Hint>
        </Box>
      )}
      {shown.length === 0 && (
        <p role="status" className="px-3 py-2 text-table text-muted">
          No kind has these words.
        </p>
      )}
      {groupsOf(shown).map(({ name, kinds: some }) => {
        const pattern = `${name}.*`;
        return (
          <fieldset key={name} aria-label={words(name)} className="border-t first:border-t-0">
            <Box
              checked={isWanted(chosen, pattern)}
              disabled={all}
              strong
              onToggle={() => onChange(toggled(chosen, pattern))}
            >
              {words(name)} <Code>{pattern}</Code>
            </Box>
            {some.map(({ kind, says, often }) => (
              <Box
                key={kind}
                checked={isWanted(chosen, kind)}
                disabled={all || chosen.includes(pattern)}
                onToggle={() => onChange(toggled(chosen, kind))}
              >
                <Code>{kind}</Code>
                <Hint>
                  {says}
                  {often && <span className="text-warn"> (very often)</span>}
                </Hint>
              </Box>
            ))}
          </fieldset>
        );
      })}
    </div>
  );
}

interface BoxProps {
  checked: boolean;
  disabled?: boolean;
  strong?: boolean;
  onToggle: () => void;
  children: ReactNode;
}

function Box({ checked, disabled, strong, onToggle, children }: BoxProps) {
  return (
    <label
      className={`flex min-h-8 items-start gap-2.5 px-3 py-1.5 text-table max-md:min-h-11 max-md:py-3 ${strong ? "font-semibold" : "pl-8"}`}
    >
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={onToggle}
        className="mt-0.5 size-4 shrink-0 accent-(--accent)"
      />
      <span className="flex min-w-0 flex-wrap items-baseline gap-x-2">{children}</span>
    </label>
  );
}

const Code = ({ children }: { children: ReactNode }) => (
  <code className="font-mono text-meta [overflow-wrap:anywhere]">{children}</code>
);
const Hint = ({ children }: { children: ReactNode }) => (
  <span className="text-meta font-normal text-muted">{children}</span>
);
