import { HttpResponse, http } from "msw";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeMe } from "@/testing/factories";
import { server } from "@/testing/server";
import { api, cursorOf, unwrap } from "./client";
import { ApiError } from "./errors";
import { session } from "./session";

beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
beforeEach(() => session.end());
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const me = () => unwrap(api.GET("/api/v1/me/"));

describe("the client", () => {
  it("refreshes once for all who ask at the same time", async () => {
    let refreshes = 0;
    server.use(
      http.post("*/auth/token/refresh/", () => {
        refreshes += 1;
        return HttpResponse.json({ access: "fresh", expires_in: 300 });
      }),
      http.get("*/api/v1/me/", ({ request }) =>
        request.headers.get("Authorization") === "Bearer fresh"
          ? HttpResponse.json(makeMe())
          : HttpResponse.json({ status: 401 }, { status: 401 }),
      ),
    );
    const answers = await Promise.all([me(), me(), me()]);
    expect(answers.map(({ username }) => username)).toEqual(["ada", "ada", "ada"]);
    expect(refreshes).toBe(1);
  });

  it("asks again with a new token when the old one is refused", async () => {
    let valid = "one";
    server.use(
      http.post("*/auth/token/refresh/", () => HttpResponse.json({ access: valid, expires_in: 300 })),
      http.get("*/api/v1/me/", ({ request }) =>
        request.headers.get("Authorization") === `Bearer ${valid}`
          ? HttpResponse.json(makeMe())
          : HttpResponse.json({ status: 401 }, { status: 401 }),
      ),
    );
    await me();
    valid = "two";
    expect((await me()).username).toBe("ada");
  });

  it("ends the session when even the refresh is refused, and says so", async () => {
    server.use(http.post("*/auth/token/refresh/", () => HttpResponse.json({ status: 401 }, { status: 401 })));
    const seen: boolean[] = [];
    await session.signIn("ada", "right").catch(() => undefined);
    const stop = session.subscribe((signedIn) => seen.push(signedIn));
    server.use(http.get("*/api/v1/me/", () => HttpResponse.json({ status: 401 }, { status: 401 })));
    await expect(me()).rejects.toMatchObject({ status: 401 });
    stop();
    expect(session.signedIn).toBe(false);
  });

  it("does not take an unreachable server for a sign-out", async () => {
    await session.refresh();
    server.use(http.get("*/api/v1/me/", () => HttpResponse.error()));
    await expect(me()).rejects.toMatchObject({ status: 0 });
    expect(session.signedIn).toBe(true);
  });

  it("turns problem details into an error with fields and request id", async () => {
    server.use(
      http.post("*/workflows/:slug/runs/", () =>
        HttpResponse.json(
          {
            title: "Invalid",
            status: 400,
            detail: "The input does not fit.",
            errors: { report: ["is required"] },
          },
          { status: 400, headers: { "Content-Type": "application/problem+json", "X-Request-ID": "r1" } },
        ),
      ),
    );
    const call = unwrap(
      api.POST("/api/v1/workflows/{slug}/runs/", { params: { path: { slug: "x" } }, body: { input: {} } }),
    );
    const error: unknown = await call.catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      message: "The input does not fit.",
      fields: { report: "is required" },
      requestId: "r1",
    });
  });
});

it("finds the cursor in a next link", () => {
  expect(cursorOf("/api/v1/runs/?limit=50&cursor=abc")).toBe("abc");
  expect(cursorOf("abc")).toBe("abc");
  expect(cursorOf(null)).toBeUndefined();
});
