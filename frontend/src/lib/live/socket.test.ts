import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { agentEvent } from "@/testing/factories";
import type { LiveEvent, Position } from "./protocol";
import { type LiveOptions, LiveSocket, type LiveStatus } from "./socket";

/** The browser's end of a socket, driven by hand. */
class FakeSocket {
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  says(...frames: object[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }
  ends(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

const event = (seq: number, prev = seq - 1): LiveEvent => ({ ...agentEvent(seq, { agent_id: "a" }), prev });
const ready = (mode: string, seq: number, epoch = "e1") => ({ type: "ready", mode, epoch, seq });

function setup(over: Partial<LiveOptions> = {}) {
  const sockets: FakeSocket[] = [];
  const applied: number[] = [];
  const seen: LiveStatus[] = [];
  const snapshot = vi.fn<() => Promise<Position | null>>(async () => ({ epoch: "e1", seq: 10 }));
  const live = new LiveSocket({
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    ticket: async () => "t",
    project: () => "default",
    snapshot,
    onEvent: ({ seq }) => applied.push(seq),
    onTick: () => undefined,
    onStatus: (status) => seen.push(status),
    random: () => 1,
    ...over,
  });
  const last = () => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  };
  const settle = () => vi.advanceTimersByTimeAsync(0);
  return { live, sockets, applied, snapshot, last, settle, status: () => seen.at(-1) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function connected(over: Partial<LiveOptions> = {}) {
  const rig = setup(over);
  rig.live.start({ epoch: "e1", seq: 10 });
  await rig.settle();
  rig.last().open();
  rig.last().says(ready("resumed", 10));
  return rig;
}

describe("connecting", () => {
  it("says where it stands, and goes live when the server resumes", async () => {
    const { last, status } = await connected();
    expect(last().sent[0]).toEqual({
      type: "hello",
      v: 1,
      ticket: "t",
      project: "default",
      epoch: "e1",
      seq: 10,
    });
    expect(status()).toMatchObject({ phase: "live", staleSince: null });
  });

  it("buffers events while the snapshot loads and drops those it already holds", async () => {
    let deliver: (position: Position) => void = () => undefined;
    const rig = setup({ snapshot: () => new Promise((resolve) => (deliver = resolve)) });
    rig.live.start();
    await rig.settle();
    rig.last().open();
    rig.last().says(ready("snapshot_required", 10), event(11), event(12), event(13));
    expect(rig.applied).toEqual([]);
    deliver({ epoch: "e1", seq: 12 });
    await rig.settle();
    expect(rig.applied).toEqual([13]);
    expect(rig.status()?.phase).toBe("live");
  });

  it("takes several frames in one message", async () => {
    const { last, applied } = await connected();
    last().onmessage?.({ data: JSON.stringify([event(11), event(12)]) });
    expect(applied).toEqual([11, 12]);
  });
});

describe("order", () => {
  it("applies each event once, and accepts merged ones", async () => {
    const { last, applied } = await connected();
    last().says(event(11), event(11), event(15, 11), event(16));
    expect(applied).toEqual([11, 15, 16]);
  });

  it("asks again from its position after a gap, and takes a snapshot after a second one", async () => {
    const rig = await connected();
    rig.last().says(event(11), event(14));
    await rig.settle();
    expect(rig.sockets).toHaveLength(2);
    rig.last().open();
    expect(rig.last().sent[0]).toMatchObject({ epoch: "e1", seq: 11 });
    rig.last().says(ready("resumed", 11), event(14));
    await rig.settle();
    rig.last().open();
    expect(rig.last().sent[0]).not.toHaveProperty("seq");
    expect(rig.applied).toEqual([11]);
  });

  it("notices by the mark that the last event is missing", async () => {
    const rig = await connected();
    rig.last().says(event(11), { type: "mark", seq: 11 });
    expect(rig.sockets).toHaveLength(1);
    rig.last().says({ type: "mark", seq: 12 });
    await rig.settle();
    expect(rig.sockets).toHaveLength(2);
  });

  it("starts over from a snapshot when told to", async () => {
    const rig = await connected();
    rig.snapshot.mockResolvedValue({ epoch: "e2", seq: 50 });
    rig.last().says({ type: "reset", reason: "epoch" }, event(51, 50));
    await rig.settle();
    expect(rig.applied).toEqual([51]);
    expect(rig.live.at).toEqual({ epoch: "e2", seq: 51 });
  });
});

describe("a broken connection", () => {
  it("says since when the screen is stale and when it tries again, then resumes", async () => {
    const rig = await connected();
    const now = Date.now();
    rig.last().ends(1006);
    expect(rig.status()).toMatchObject({
      phase: "reconnecting",
      staleSince: now,
      retryAt: now + 500,
      attempt: 1,
    });
    await vi.advanceTimersByTimeAsync(500);
    rig.last().open();
    rig.last().says(ready("resumed", 11), event(11));
    expect(rig.status()?.phase).toBe("live");
    expect(rig.applied).toEqual([11]);
  });

  it("waits longer each time, up to 20 s", async () => {
    const rig = await connected();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      rig.last().ends(1006);
      const wait = (rig.status()?.retryAt ?? 0) - Date.now();
      waits.push(wait);
      await vi.advanceTimersByTimeAsync(wait);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  });

  it("is retried at once when the network comes back", async () => {
    const rig = await connected();
    rig.last().ends(1006);
    rig.live.wake();
    await rig.settle();
    expect(rig.sockets).toHaveLength(2);
  });

  it("is noticed when nothing arrives for 35 s", async () => {
    const rig = await connected();
    await vi.advanceTimersByTimeAsync(34_000);
    expect(rig.status()?.phase).toBe("live");
    expect(rig.last().sent.at(-1)).toEqual({ type: "ping" });
    await vi.advanceTimersByTimeAsync(1500);
    expect(rig.sockets.length).toBeGreaterThan(1);
  });

  it("polls the snapshot while no socket can be had", async () => {
    const rig = setup();
    rig.live.start({ epoch: "e1", seq: 10 });
    await rig.settle();
    rig.last().ends(1006);
    rig.snapshot.mockResolvedValue({ epoch: "e1", seq: 30 });
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(2000);
      if (rig.last().readyState === 0) rig.last().ends(1006);
    }
    expect(rig.snapshot).toHaveBeenCalled();
    expect(rig.live.at?.seq).toBe(30);
    expect(rig.status()?.staleSince).toBeGreaterThan(Date.now() - 15_000);
  });

  it("is final when the server forbids it", async () => {
    const rig = await connected();
    rig.last().ends(4403);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(rig.sockets).toHaveLength(1);
    expect(rig.status()?.phase).toBe("denied");
  });

  it("honours the wait a restarting server asks for", async () => {
    const rig = await connected();
    rig.last().ends(1012, '{"retry_ms": 3000}');
    expect((rig.status()?.retryAt ?? 0) - Date.now()).toBe(3500);
  });

  it("leaves nothing behind when stopped", async () => {
    const rig = await connected();
    rig.live.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(rig.last().readyState).toBe(3);
  });
});
