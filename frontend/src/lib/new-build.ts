/**
 * A chunk that cannot be loaded has two causes: the server is away, or it has a newer build and the old
 * chunk is gone. Only the second is mended by loading the page again.
 */
const RELOAD_PAUSE_MS = 10_000;

type Surroundings = {
  ask: (url: string) => Promise<{ ok: boolean; text: () => Promise<string> }>;
  /** The entry script of the page that is running. */
  entry: string;
  reload: () => void;
  now: () => number;
  storage: Pick<Storage, "getItem" | "setItem">;
};

/** Reload once when the server offers another entry script than the one that runs. */
export async function reloadForNewBuild(around: Surroundings): Promise<boolean> {
  const page = await around.ask("/").catch(() => null);
  if (!page?.ok) return false;
  if ((await page.text()).includes(around.entry)) return false;
  const last = Number(around.storage.getItem("mc.reloaded") ?? 0);
  if (around.now() - last < RELOAD_PAUSE_MS) return false;
  around.storage.setItem("mc.reloaded", String(around.now()));
  around.reload();
  return true;
}

/** A dynamic import that waits out a server that is away, for half a minute. */
export async function patiently<T>(
  load: () => Promise<T>,
  pauses = [500, 1000, 2000, 4000, 8000, 15_000],
): Promise<T> {
  for (const pause of pauses) {
    try {
      return await load();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return load();
}
