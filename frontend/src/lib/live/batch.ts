/**
 * Collects what arrives and hands it over once per animation frame. A hidden tab gets no frames, so
 * there a 1 s timer does it. More than `cap` waiting items means the tab was frozen: start over.
 */
export type Scheduler = {
  visible: () => boolean;
  frame: (fn: () => void) => void;
  later: (fn: () => void) => void;
};

const browser: Scheduler = {
  visible: () => document.visibilityState === "visible",
  frame: (fn) => void requestAnimationFrame(fn),
  later: (fn) => void setTimeout(fn, 1000),
};

export class Batch<T> {
  private waiting: T[] = [];
  private scheduled = false;

  constructor(
    private readonly flush: (items: T[]) => void,
    private readonly overflow: () => void,
    private readonly cap = 10_000,
    private readonly scheduler: Scheduler = browser,
  ) {}

  push(item: T): void {
    if (this.waiting.length >= this.cap) {
      this.clear();
      this.overflow();
      return;
    }
    this.waiting.push(item);
    if (this.scheduled) return;
    this.scheduled = true;
    if (this.scheduler.visible()) this.scheduler.frame(this.run);
    else this.scheduler.later(this.run);
  }

  /** Everything waiting, now; used before a snapshot replaces the state. */
  readonly run = (): void => {
    this.scheduled = false;
    const items = this.waiting;
    if (items.length === 0) return;
    this.waiting = [];
    this.flush(items);
  };

  clear(): void {
    this.waiting = [];
  }
}
