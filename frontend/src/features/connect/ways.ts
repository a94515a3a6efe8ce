/**
 * The ways in: what to paste for each, with the key filled in. A snippet is true of the product as it is:
 * docs/agents.md says the same in more words.
 */
import type { Scope } from "@/lib/api/api-keys";
import { commanded } from "./ways-commanded";
import { watched } from "./ways-watched";

export interface Filled {
  /** Where this server is, as the browser knows it. */
  origin: string;
  key: string;
  /** The agent the key belongs to; a name to begin with for a key of the fleet. */
  agent: string;
}

export interface Part {
  /** What it is: "Shell", ".mcp.json". */
  title: string;
  text: string;
}

export interface Way {
  id: string;
  name: string;
  /** Who uses it, in a few words. */
  who: string;
  group: "commanded" | "watched";
  scopes: Scope[];
  /** The name a new agent begins with. */
  agent: string;
  parts: (filled: Filled) => Part[];
  notes: string[];
}

export const ways: Way[] = [...commanded, ...watched];

export const wayOf = (id: string | undefined): Way => ways.find((way) => way.id === id) ?? (ways[0] as Way);

/** What stands for a key until there is one. */
export const NO_KEY = "mc_…";
