import { act, renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { between, useSelection } from "./selection";

describe("a selection", () => {
  it("knows what lies between two rows, in either direction", () => {
    expect(between(["a", "b", "c", "d"], "b", "d")).toEqual(["b", "c", "d"]);
    expect(between(["a", "b", "c", "d"], "c", "a")).toEqual(["a", "b", "c"]);
    expect(between(["a", "b"], "gone", "b")).toEqual(["b"]);
  });

  it("takes single rows, ranges, all and none", () => {
    const { result } = renderHook(() => useSelection(["a", "b", "c", "d"]));
    act(() => result.current.toggle("b", false));
    act(() => result.current.toggle("d", true));
    expect([...result.current.ids]).toEqual(["b", "c", "d"]);
    act(() => result.current.toggle("c", false));
    expect([...result.current.ids]).toEqual(["b", "d"]);
    act(() => result.current.toggleAll());
    expect(result.current.ids.size).toBe(4);
    act(() => result.current.toggleAll());
    expect(result.current.ids.size).toBe(0);
  });
});
