/** API keys with sensible defaults; a test names only what it is about. */
import type { ApiKey } from "@/lib/api/types";

let next = 0;

export const makeApiKey = (over: Partial<ApiKey> = {}): ApiKey => {
  const number = ++next;
  return {
    id: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`,
    name: `robot ${number}`,
    prefix: `pre${String(number).padStart(5, "0")}`,
    scopes: ["agent"],
    agent_id: null,
    agent_name: null,
    state: "usable",
    replaces: null,
    replaced_by: null,
    created_by: "admin",
    created_at: "2026-11-22T12:00:00Z",
    expires_at: null,
    last_used_at: null,
    revoked_at: null,
    ...over,
  };
};
