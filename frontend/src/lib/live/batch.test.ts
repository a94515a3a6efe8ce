import { describe, expect, it, vi } from "vitest";
import { Batch } from "./batch";

function setup(visible = true, cap = 10) {
  const flush = vi.fn<(items: number[]) => void>();
  const overflow = vi.fn();
  let frame: () => void = () => undefined;
  let later: () => void = () => undefined;
  const batch = new Batch<number>(flush, overflow, cap, {
    visible: () => visible,
    frame: (fn) => (frame = fn),
    later: (fn) => (later = fn),
  });
  return { batch, flush, overflow, paint: () => frame(), wait: () => later() };
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

  it("gives up and starts over when too much waits", () => {
    const { batch, flush, overflow, paint } = setup(true, 2);
    for (const item of [1, 2, 3]) batch.push(item);
    expect(overflow).toHaveBeenCalledOnce();
    paint();
    expect(flush).not.toHaveBeenCalled();
  });
});
