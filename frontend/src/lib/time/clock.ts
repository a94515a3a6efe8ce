/** One clock for every "12 s ago" on the page: one timer per interval, never one per row. */

type Clock = { now: number; listeners: Set<() => void>; timer: ReturnType<typeof setInterval> | null };
const clocks = new Map<number, Clock>();

function clockOf(every: number): Clock {
  let clock = clocks.get(every);
  if (!clock) {
    clock = { now: Date.now(), listeners: new Set(), timer: null };
    clocks.set(every, clock);
  }
  return clock;
}

export function subscribeClock(every: number, listener: () => void): () => void {
  const clock = clockOf(every);
  clock.listeners.add(listener);
  clock.timer ??= setInterval(() => {
    clock.now = Date.now();
    for (const each of clock.listeners) each();
  }, every);
  return () => {
    clock.listeners.delete(listener);
    if (clock.listeners.size === 0 && clock.timer) {
      clearInterval(clock.timer);
      clock.timer = null;
    }
  };
}

export function readClock(every: number): number {
  const clock = clockOf(every);
  if (!clock.timer && Date.now() - clock.now > every) clock.now = Date.now();
  return clock.now;
}
