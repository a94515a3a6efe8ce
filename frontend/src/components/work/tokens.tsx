/** Tokens in and out, as one short figure with the parts in its tooltip. */
import { count, tokens as short, unknown } from "@/lib/format";

type Tokens = { input: number | null; output: number | null } | null | undefined;

export function TokenCount({ tokens, className = "" }: { tokens: Tokens; className?: string }) {
  const { input = null, output = null } = tokens ?? {};
  if (input === null && output === null) return <span className={className}>{unknown}</span>;
  const total = (input ?? 0) + (output ?? 0);
  return (
    <span className={`tnum ${className}`} title={`${count(input)} tokens in, ${count(output)} out`}>
      {short(total)}
    </span>
  );
}
