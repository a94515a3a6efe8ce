/**
 * The access token, in memory only, and its single-flight refresh. The refresh token is an HttpOnly
 * cookie that no script can read; a reload therefore always starts with one refresh call.
 */
import { ApiError, problemFrom } from "./errors";
import type { Snapshot, TokenAnswer } from "./types";

type Listener = (signedIn: boolean) => void;
type Boot = {
  /** false: the server said that nobody is signed in; null: it could not be asked. */
  token: Promise<TokenAnswer | false | null>;
  snapshot: Promise<Snapshot | null>;
};
declare global {
  interface Window {
    __boot?: Boot;
  }
}

const base = "/api/v1/auth";
let access: { token: string; expiresAt: number } | null = null;
let refreshing: Promise<boolean> | null = null;
let bootUsed = false;
const listeners = new Set<Listener>();

const post = (path: string, body: unknown) =>
  fetch(`${base}/${path}`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

function keep(answer: TokenAnswer | null): boolean {
  const was = access !== null;
  access = answer && { token: answer.access, expiresAt: Date.now() + answer.expires_in * 1000 };
  if (was !== (access !== null)) for (const listener of listeners) listener(access !== null);
  return access !== null;
}

async function bootToken(): Promise<TokenAnswer | false | null> {
  if (bootUsed || !window.__boot) return null;
  bootUsed = true;
  return window.__boot.token.catch(() => null);
}

async function refreshNow(): Promise<boolean> {
  const early = await bootToken();
  if (early !== null) return keep(early || null);
  const response = await post("token/refresh/", {}).catch(() => null);
  // An unreachable server is not a sign-out: the user keeps the page and it retries.
  if (!response || response.status >= 500 || response.status === 429) {
    throw response ? await problemFrom(response) : new ApiError(0, {});
  }
  return keep(response.ok ? ((await response.json()) as TokenAnswer) : null);
}

export const session = {
  get signedIn(): boolean {
    return access !== null;
  },
  token(): string | null {
    return access?.token ?? null;
  },
  /** True when the token is missing or within 15 s of its end. */
  get needsRefresh(): boolean {
    return access === null || access.expiresAt - Date.now() < 15_000;
  },
  /** All callers share one request; resolves to whether the user is signed in. */
  refresh(): Promise<boolean> {
    refreshing ??= refreshNow().finally(() => {
      refreshing = null;
    });
    return refreshing;
  },
  async signIn(username: string, password: string): Promise<void> {
    const response = await post("token/", { username, password }).catch(() => null);
    if (!response) throw new ApiError(0, {});
    if (!response.ok) throw await problemFrom(response);
    keep((await response.json()) as TokenAnswer);
  },
  async signOut(): Promise<void> {
    await fetch(`${base}/logout/`, {
      method: "POST",
      credentials: "same-origin",
      headers: {
        "Content-Type": "application/json",
        ...(access && { Authorization: `Bearer ${access.token}` }),
      },
      body: "{}",
    }).catch(() => null);
    keep(null);
  },
  /** The server refused the token: forget it, and let the shell send the user to the login page. */
  end(): void {
    keep(null);
  },
  subscribe(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
