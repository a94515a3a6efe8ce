import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { visibleText } from "@/lib/format";
import { ItemErrors } from "./item-errors";

const error = (index: number, message = "It broke", code = "agent_error") => ({ index, code, message });
const rows = () =>
  within(screen.getByRole("list", { name: "Failed items" }))
    .getAllByRole("listitem")
    .map((row) => row.textContent);

describe("the errors of a map's items", () => {
  it("are told once for all that are alike, and open the first of these", async () => {
    const onItem = vi.fn();
    render(<ItemErrors errors={[error(4), error(2, "Too late", "timeout"), error(7)]} onItem={onItem} />);
    expect(rows()).toEqual(["Item 5 and 1 other agent_errorIt broke", "Item 3 timeoutToo late"]);
    await userEvent.click(screen.getByRole("button", { name: "Item 5 and 1 other" }));
    expect(onItem).toHaveBeenCalledExactlyOnceWith(4);
  });

  it("say how many kinds are left out, and that the server tells no more than so many", () => {
    const many = Array.from({ length: 100 }, (_, index) => error(index, `Reason ${index % 7}`));
    render(<ItemErrors errors={many} onItem={vi.fn()} />);
    expect(rows().slice(5)).toEqual(["2 other errors below.", "Of the first 100 that failed."]);
  });

  it("are text, whatever an agent says, and nothing when there is none", () => {
    const said = "<img src=x onerror=alert(1)>\u202e";
    const { rerender, container } = render(<ItemErrors errors={[error(0, said)]} onItem={vi.fn()} />);
    expect(screen.getByText(visibleText(said))).toBeInTheDocument();
    expect(container.querySelector("img")).toBeNull();
    rerender(<ItemErrors errors={[]} onItem={vi.fn()} />);
    expect(container).toBeEmptyDOMElement();
  });
});
