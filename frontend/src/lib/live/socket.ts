/**
 * The resumable socket: hello with the last position, apply in order, notice every gap, reconnect
 * with full jitter. It knows frames and positions; what an event means is the reducer's business.
 */
import { backoff } from "./backoff";
import { type Frame, isEvent, isTick, type LiveEvent, type Position, type Tick } from "./protocol";

export type Phase = "idle" | "connecting" | "live" | "reconnecting" | "denied";
export type LiveStatus = {
  phase: Phase;
  /** When the next attempt starts, ms since the epoch; null while one is under way. */
  retryAt: number | null;
  /** Since when the screen may be behind; null while live. Moves forward when polling succeeds. */
  staleSince: number | null;
  attempt: number;
};

type Socket = Pick<WebSocket, "send" | "close" | "readyState"> & {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
};
export type LiveOptions = {
  connect: () => Socket;
  ticket: () => Promise<string>;
  project: () => string | null;
  /** Fetches and shows a fresh snapshot; resolves to its position, or null when it was not to be had. */
  snapshot: () => Promise<Position | null>;
  onEvent: (event: LiveEvent) => void;
  onTick: (tick: Tick) => void;
  onStatus: (status: LiveStatus) => void;
  random?: () => number;
  now?: () => number;
};

const silenceMs = 35_000;
const pingMs = 20_000;
const pollMs = 15_000;

export class LiveSocket {
  private socket: Socket | null = null;
  private position: Position | null = null;
  private buffer: LiveEvent[] | null = null;
  private gaps = 0;
  private running = false;
  private generation = 0;
  private lastFrame = 0;
  private timers: { retry?: Timer; watchdog?: Timer; ping?: Timer; poll?: Timer } = {};
  private status: LiveStatus = { phase: "idle", retryAt: null, staleSince: null, attempt: 0 };
  private readonly random: () => number;
  private readonly now: () => number;

  constructor(private readonly options: LiveOptions) {
    this.random = options.random ?? Math.random;
    this.now = options.now ?? Date.now;
  }

  start(position: Position | null = null): void {
    if (this.running) return;
    this.running = true;
    this.position = position;
    this.report({ phase: "connecting", retryAt: null, staleSince: null, attempt: 0 });
    this.startPolling();
    void this.open();
  }

  stop(): void {
    this.running = false;
    this.drop();
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.timers = {};
    this.report({ phase: "idle", retryAt: null, staleSince: null, attempt: 0 });
  }

  /** The network or the tab came back: do not wait for the backoff. */
  wake(): void {
    if (!this.running || this.status.phase === "denied") return;
    if (this.status.phase === "live") {
      if (this.now() - this.lastFrame > pingMs) this.send({ type: "ping" });
      return;
    }
    if (this.timers.retry) this.retryNow();
  }

  retryNow(): void {
    clearTimeout(this.timers.retry);
    this.timers.retry = undefined;
    if (this.running) void this.open();
  }

  /** Forget the position: the next ready starts from a snapshot. */
  resync(): void {
    this.position = null;
    this.reconnect(0);
  }

  get at(): Position | null {
    return this.position;
  }

  private async open(): Promise<void> {
    const generation = ++this.generation;
    this.report({ ...this.status, retryAt: null });
    let ticket: string;
    try {
      ticket = await this.options.ticket();
    } catch {
      if (generation === this.generation) this.scheduleRetry();
      return;
    }
    if (!this.running || generation !== this.generation) return;
    const socket = this.options.connect();
    this.socket = socket;
    const mine = () => generation === this.generation;
    socket.onopen = () => {
      if (!mine()) return;
      const project = this.options.project();
      this.send({ type: "hello", v: 1, ticket, ...(project && { project }), ...this.position });
      this.watch();
    };
    socket.onmessage = (event) => {
      if (mine()) this.receive(event.data);
    };
    // A refused connection fires both; only close schedules.
    socket.onerror = () => undefined;
    socket.onclose = (event) => {
      if (mine()) this.closed(event.code, event.reason);
    };
    this.watch();
  }

  private receive(data: unknown): void {
    this.watch();
    let parsed: Frame | Frame[];
    try {
      parsed = JSON.parse(String(data)) as Frame | Frame[];
    } catch {
      this.resync();
      return;
    }
    const generation = this.generation;
    for (const frame of Array.isArray(parsed) ? parsed : [parsed]) {
      if (generation !== this.generation) return;
      this.handle(frame);
    }
  }

  private handle(frame: Frame): void {
    if (isEvent(frame)) this.event(frame);
    else if (isTick(frame)) this.options.onTick(frame);
    else if (frame.type === "ready") this.ready(frame.mode, frame.epoch);
    else if (frame.type === "mark") this.mark(frame.seq);
    else if (frame.type === "reset") void this.loadSnapshot();
  }

  private ready(mode: string, epoch: string): void {
    if (mode === "resumed" && this.position?.epoch === epoch) this.goLive();
    else void this.loadSnapshot();
  }

  private event(event: LiveEvent): void {
    if (this.buffer) {
      this.buffer.push(event);
      return;
    }
    const { position } = this;
    if (!position || event.seq <= position.seq) return;
    if (event.prev > position.seq) {
      this.gap();
      return;
    }
    this.position = { ...position, seq: event.seq };
    this.gaps = 0;
    this.options.onEvent(event);
  }

  private mark(seq: number): void {
    if (this.buffer || !this.position) return;
    if (seq > this.position.seq) this.gap();
    else this.gaps = 0;
  }

  /** Something was missed: once, ask again from where we are; twice, start from a snapshot. */
  private gap(): void {
    this.gaps += 1;
    if (this.gaps > 1) {
      this.gaps = 0;
      this.position = null;
    }
    this.reconnect(0);
  }

  private async loadSnapshot(): Promise<void> {
    const generation = this.generation;
    this.buffer = [];
    const position = await this.options.snapshot().catch(() => null);
    if (generation !== this.generation) return;
    const buffered = this.buffer ?? [];
    this.buffer = null;
    if (!position) {
      this.reconnect();
      return;
    }
    this.position = position;
    this.goLive();
    for (const event of buffered) {
      if (generation !== this.generation) return;
      this.event(event);
    }
  }

  private goLive(): void {
    clearTimeout(this.timers.poll);
    this.timers.poll = undefined;
    this.schedulePing();
    this.report({ phase: "live", retryAt: null, staleSince: null, attempt: 0 });
  }

  private closed(code: number, reason: string): void {
    this.drop();
    if (!this.running) return;
    if (code === 4403) {
      this.report({ ...this.status, phase: "denied", retryAt: null, staleSince: this.now() });
      return;
    }
    if (code === 4409) this.position = null;
    const atLeast = code === 4429 ? 5000 : code === 1012 ? retryHint(reason) : 0;
    this.scheduleRetry(atLeast);
  }

  private reconnect(delay?: number): void {
    this.drop();
    if (this.running) this.scheduleRetry(0, delay);
  }

  private scheduleRetry(atLeast = 0, exactly?: number): void {
    const attempt = this.status.attempt + 1;
    const delay = exactly ?? atLeast + backoff(attempt - 1, this.random);
    const staleSince = this.status.staleSince ?? this.now();
    this.report({ phase: "reconnecting", retryAt: this.now() + delay, staleSince, attempt });
    clearTimeout(this.timers.retry);
    this.timers.retry = setTimeout(() => this.retryNow(), delay);
    this.startPolling();
  }

  /** While no socket works the page still moves, every 15 s. */
  private startPolling(): void {
    this.timers.poll ??= setTimeout(() => {
      this.timers.poll = undefined;
      if (!this.running || this.status.phase === "live") return;
      const generation = this.generation;
      void this.options
        .snapshot()
        .catch(() => null)
        .then((position) => {
          if (generation !== this.generation || this.status.phase === "live") return;
          if (position) {
            this.position = position;
            this.report({ ...this.status, staleSince: this.now() });
          }
        })
        .finally(() => this.running && this.status.phase !== "live" && this.startPolling());
    }, pollMs);
  }

  private watch(): void {
    this.lastFrame = this.now();
    clearTimeout(this.timers.watchdog);
    this.timers.watchdog = setTimeout(() => this.reconnect(), silenceMs);
  }

  private schedulePing(): void {
    clearTimeout(this.timers.ping);
    this.timers.ping = setTimeout(() => {
      this.send({ type: "ping" });
      this.schedulePing();
    }, pingMs);
  }

  private send(frame: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame));
  }

  private drop(): void {
    this.generation += 1;
    this.buffer = null;
    clearTimeout(this.timers.watchdog);
    clearTimeout(this.timers.ping);
    const { socket } = this;
    this.socket = null;
    if (socket && socket.readyState <= 1) socket.close(1000);
  }

  private report(status: LiveStatus): void {
    this.status = status;
    this.options.onStatus(status);
  }
}

type Timer = ReturnType<typeof setTimeout>;

/** `retry_ms` of a 1012 close, as JSON or as a bare number. */
function retryHint(reason: string): number {
  const found = /\d+/.exec(reason);
  return found ? Math.min(Number(found[0]), 20_000) : 0;
}
