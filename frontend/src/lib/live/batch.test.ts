import { describe, expect, it, vi } from "vitest";
import { Batch } from "./batch";

function setup(visible = true, cap = 10) {
  const flush = vi.fn<(items: number[]) => void>();
  const overflow = vi.fn();
  let frame: (() => void) | undefined;
  let later: (() => void) | undefined;
  let drawn: (() => void) | undefined;
  let rest = 0;
  const clock = { now: 0 };
  const batch = new Batch<number>(flush, overflow, cap, {
    visible: () => visible,
    frame: (fn) => {
      frame = fn;
    },
    later: (fn, ms) => {
      [later, rest] = [fn, ms];
    },
    drawn: (fn) => {
      drawn = fn;
    },
    now: () => clock.now,
  });
  const paint = (took = 1) => {
    const draw = frame;
    frame = undefined;
    draw?.();
    clock.now += took;
    drawn?.();
    drawn = undefined;
  };
  return { batch, flush, overflow, paint, wait: () => later?.(), resting: () => rest, clock };
}

describe("a batch", () => {
  it("is handed over once per frame", () => {
    const { batch, flush, paint } = setup();
    batch.push(1);
    batch.push(2);
    expect(flush).not.toHaveBeenCalled();
    paint();
    expect(flush.mock.calls).toEqual([[[1, 2]]]);
  });

  it("does not wait for frames in a hidden tab", () => {
    const { batch, flush, paint, wait } = setup(false);
    batch.push(1);
    paint();
    expect(flush).not.toHaveBeenCalled();
    wait();
    expect(flush).toHaveBeenCalledWith([1]);
  });

  it("rests after a dear frame while changes keep coming, and draws them in one", () => {
    const { batch, flush, paint, wait, resting } = setup();
    batch.push(1);
    paint(10);
    batch.push(2);
    batch.push(3);
    paint();
    expect(flush.mock.calls).toEqual([[[1]]]);
    expect(resting()).toBe(90);
    wait();
    paint();
    expect(flush.mock.calls).toEqual([[[1]], [[2, 3]]]);
  });

  it("draws at once what comes after the rest", () => {
    const { batch, flush, paint, clock } = setup();
    batch.push(1);
    paint(10);
    clock.now += 90;
    batch.push(2);
    paint();
    expect(flush.mock.calls).toEqual([[[1]], [[2]]]);
  });

  it("never rests longer than a person would wait", () => {
    const { batch, paint, resting } = setup();
    batch.push(1);
    paint(5000);
    batch.push(2);
    expect(resting()).toBe(200);
  });

  it("gives up and starts over when too much waits", () => {
    const { batch, flush, overflow, paint } = setup(true, 2);
    for (const item of [1, 2, 3]) batch.push(item);
    expect(overflow).toHaveBeenCalledOnce();
    paint();
    expect(flush).not.toHaveBeenCalled();
  });
});
