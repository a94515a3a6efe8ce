/** The one HTTP client: typed paths, bearer token, one refresh on 401, problem details as exceptions. */
import createClient from "openapi-fetch";
import { ApiError, problemFrom } from "./errors";
import type { paths } from "./schema";
import { session } from "./session";

const projectKey = "mc.project";

/** The project the user last chose; the server falls back to the first membership. */
export const project = {
  get: (): string | null => localStorage.getItem(projectKey),
  set: (slug: string): void => localStorage.setItem(projectKey, slug),
  clear: (): void => localStorage.removeItem(projectKey),
};

function prepared(request: Request): Request {
  const copy = request.clone();
  const token = session.token();
  if (token) copy.headers.set("Authorization", `Bearer ${token}`);
  const slug = project.get();
  if (slug) copy.headers.set("X-Project", slug);
  return copy;
}

export async function authFetch(request: Request): Promise<Response> {
  if (session.needsRefresh) await session.refresh();
  const send = () =>
    fetch(prepared(request)).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      throw new ApiError(0, {});
    });
  const response = await send();
  if (response.status !== 401) return response;
  if (await session.refresh()) {
    const again = await send();
    if (again.status !== 401) return again;
  }
  session.end();
  return response;
}

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: authFetch,
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** `await unwrap(api.GET(...))` → the data, or an ApiError. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok) return data as T;
  if (error && typeof error === "object") throw new ApiError(response.status, error, response);
  throw response.bodyUsed ? new ApiError(response.status, {}, response) : await problemFrom(response);
}

/** The opaque cursor inside a `next` link, or the cursor itself. */
export function cursorOf(next: string | null): string | undefined {
  if (!next) return undefined;
  return (
    new URLSearchParams(next.split("?")[1] ?? "").get("cursor") ?? (next.includes("/") ? undefined : next)
  );
}

export const idempotencyKey = (): string =>
  // randomUUID needs a secure context; plain http on a LAN address is not one.
  crypto.randomUUID?.() ??
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
