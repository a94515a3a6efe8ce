/** Which commands match what was typed, grouped by the capability they need. */
import type { Command } from "@/lib/api/types";

export interface Group {
  capability: string;
  commands: Command[];
}

export function matching(commands: readonly Command[], typed: string): Command[] {
  const terms = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (terms.length === 0) return [...commands];
  return commands.filter(({ name, title, description, capability }) => {
    const text = `${name} ${title} ${description} ${capability}`.toLowerCase();
    return terms.every((term) => text.includes(term));
  });
}

export function byCapability(commands: readonly Command[]): Group[] {
  const groups = new Map<string, Command[]>();
  for (const command of commands) {
    const group = groups.get(command.capability);
    if (group) group.push(command);
    else groups.set(command.capability, [command]);
  }
  return [...groups]
    .map(([capability, list]) => ({ capability, commands: list }))
    .sort((a, b) => a.capability.localeCompare(b.capability));
}
