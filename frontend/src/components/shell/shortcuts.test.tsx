import { fireEvent, render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { useShortcuts } from "./shortcuts";

const actions = { go: vi.fn(), search: vi.fn(), help: vi.fn() };
function Page() {
  useShortcuts(actions);
  return (
    <main>
      <input aria-label="Name" />
      <ul>
        <li>
          <a href="/runs/1">one</a>
        </li>
        <li>
          <a href="/runs/2">two</a>
        </li>
      </ul>
    </main>
  );
}

describe("shortcuts", () => {
  beforeEach(() => void vi.clearAllMocks());

  it("go to a page by g and its letter", async () => {
    render(<Page />);
    await userEvent.keyboard("ga");
    expect(actions.go).toHaveBeenCalledExactlyOnceWith("/agents");
  });

  it("open search and help, and walk through rows", async () => {
    const { getByText } = render(<Page />);
    await userEvent.keyboard("/?");
    expect(actions.search).toHaveBeenCalledOnce();
    expect(actions.help).toHaveBeenCalledOnce();
    Element.prototype.scrollIntoView = () => undefined;
    await userEvent.keyboard("jj");
    expect(getByText("two")).toHaveFocus();
    await userEvent.keyboard("k");
    expect(getByText("one")).toHaveFocus();
  });

  it("leave typing, repeats and other keys' combinations alone", async () => {
    const { getByLabelText } = render(<Page />);
    await userEvent.type(getByLabelText("Name"), "ga/?");
    fireEvent.keyDown(window, { key: "?", repeat: true });
    fireEvent.keyDown(window, { key: "/", altKey: true });
    expect(actions.go).not.toHaveBeenCalled();
    expect(actions.search).not.toHaveBeenCalled();
    expect(actions.help).not.toHaveBeenCalled();
  });
});
