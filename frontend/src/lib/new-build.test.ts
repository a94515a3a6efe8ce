import { describe, expect, it, vi } from "vitest";
import { patiently, reloadForNewBuild } from "./new-build";

const entry = "/assets/index-old.js";

function around(page: string | null) {
  const kept = new Map<string, string>();
  return {
    ask: async () => {
      if (page === null) throw new TypeError("Failed to fetch");
      return { ok: true, text: async () => page };
    },
    entry,
    reload: vi.fn(),
    now: () => 100_000,
    storage: {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    },
  };
}

describe("a chunk that cannot be loaded", () => {
  it("reloads the page once when the server has another build", async () => {
    const here = around('<script src="/assets/index-new.js">');
    expect(await reloadForNewBuild(here)).toBe(true);
    expect(await reloadForNewBuild(here)).toBe(false);
    expect(here.reload).toHaveBeenCalledTimes(1);
  });

  it("leaves the page alone when the build is the same or the server is away", async () => {
    for (const page of [`<script src="${entry}">`, null]) {
      const here = around(page);
      expect(await reloadForNewBuild(here)).toBe(false);
      expect(here.reload).not.toHaveBeenCalled();
    }
  });

  it("is asked for again until it comes", async () => {
    const load = vi.fn().mockRejectedValueOnce(new TypeError("away")).mockResolvedValueOnce("chunk");
    expect(await patiently(load, [0, 0])).toBe("chunk");
    const never = vi.fn().mockRejectedValue(new TypeError("away"));
    await expect(patiently(never, [0])).rejects.toThrow("away");
    expect(never).toHaveBeenCalledTimes(2);
  });
});
