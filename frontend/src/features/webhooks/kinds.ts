/** The patterns a webhook asks for: `run.finished`, `run.*` or `*`. */
import type { WebhookKind } from "@/lib/api/types";

const groupOf = (kind: string): string => kind.slice(0, kind.indexOf("."));

/** The kinds under the noun they are about, in the server's order. */
export function groupsOf(kinds: readonly WebhookKind[]): { name: string; kinds: WebhookKind[] }[] {
  const found = new Map<string, WebhookKind[]>();
  for (const kind of kinds) {
    const name = groupOf(kind.kind);
    const group = found.get(name);
    if (group) group.push(kind);
    else found.set(name, [kind]);
  }
  return [...found].map(([name, some]) => ({ name, kinds: some }));
}

/** The kinds whose name or sentence holds every word of the text. */
export function found(kinds: readonly WebhookKind[], text: string): WebhookKind[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  return kinds.filter(({ kind, says }) => {
    const about = `${kind} ${says}`.toLowerCase();
    return wanted.every((word) => about.includes(word));
  });
}

/** Whether the pattern is asked for, by itself or by a wider one. */
export function isWanted(chosen: readonly string[], pattern: string): boolean {
  return chosen.includes("*") || chosen.includes(pattern) || chosen.includes(`${groupOf(pattern)}.*`);
}

/** A whole group takes the place of its kinds. */
export function toggled(chosen: readonly string[], pattern: string): string[] {
  if (chosen.includes(pattern)) return chosen.filter((one) => one !== pattern);
  const kept = pattern.endsWith(".*")
    ? chosen.filter((one) => groupOf(one) !== groupOf(pattern))
    : [...chosen];
  return [...kept, pattern];
}
