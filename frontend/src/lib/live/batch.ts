/**
 * Collects what arrives and hands it over once per animation frame. A hidden tab gets no frames, so
 * there a 1 s timer does it. More than `cap` waiting items means the tab was frozen: start over.
 *
 * The first change after a quiet moment is drawn in the next frame. While changes keep coming, the page
 * rests after each frame in proportion to what that frame cost, so that drawing takes at most a tenth of
 * the time and a page that is dear to draw stays quick to answer.
 */

export type Scheduler = {
  visible: () => boolean;
  frame: (fn: () => void) => void;
  later: (fn: () => void, ms: number) => void;
  /** Calls back when what was handed over has been drawn. */
  drawn: (fn: () => void) => void;
  now: () => number;
};

const browser: Scheduler = {
  visible: () => document.visibilityState === "visible",
  frame: (fn) => void requestAnimationFrame(fn),
  later: (fn, ms) => void setTimeout(fn, ms),
  // The first task after a frame's callbacks runs when its layout and paint are done.
  drawn: (fn) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      fn();
    };
    port2.postMessage(null);
  },
  now: () => performance.now(),
};

/** How long the page rests after a frame, as a multiple of what the frame took. */
const REST = 9;
/** Longer would be seen, however slow the machine. */
const LONGEST_REST_MS = 200;

export class Batch<T> {
  private waiting: T[] = [];
  private scheduled = false;
  private restsUntil = 0;

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
    const { visible, frame, later, now } = this.scheduler;
    const rest = this.restsUntil - now();
    if (!visible()) later(this.run, 1000);
    else if (rest > 0) later(() => (visible() ? frame(this.draw) : this.run()), rest);
    else frame(this.draw);
  }

  private readonly draw = (): void => {
    const { drawn, now } = this.scheduler;
    const begun = now();
    this.run();
    drawn(() => {
      const took = now() - begun;
      this.restsUntil = now() + Math.min(LONGEST_REST_MS, took * REST);
    });
  };

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
