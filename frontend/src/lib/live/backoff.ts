/** Full jitter: a random wait in [0, min(20 s, 0.5 s · 2^attempt)], so that a restart is not a stampede. */
export function backoff(
  attempt: number,
  random: () => number = Math.random,
  base = 500,
  cap = 20_000,
): number {
  const ceiling = Math.min(cap, base * 2 ** Math.min(attempt, 10));
  return Math.round(random() * ceiling);
}
