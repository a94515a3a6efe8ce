import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { type Heard, heardAt, Signal } from "./signal";

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
const agent = (over: Partial<Heard>): Heard => ({
  provenance: "live",
  signal_at: ago(12),
  last_active: ago(400),
  ...over,
});

it.each([
  ["live", "live 12 s"],
  ["event", "event 12 s"],
  ["inferred", "inferred 12 s"],
])("says how it is known, and how long ago: %s", (provenance, said) => {
  render(<Signal agent={agent({ provenance })} />);
  expect(screen.getByText(said)).toHaveAttribute("title", expect.stringContaining("last signal"));
});

it("says stale, and what it was, when nothing was heard for a minute", () => {
  render(<Signal agent={agent({ signal_at: ago(185), provenance: "inferred" })} />);
  expect(screen.getByText("stale 3 m").title).toContain("inferred from its telemetry");
});

it("doubts nothing of an agent that the server works for itself", () => {
  render(<Signal agent={agent({ provenance: "", signal_at: null })} />);
  expect(screen.getByText("6 m ago")).toBeInTheDocument();
});

it("takes a heartbeat that changed nothing for a signal too", () => {
  const [earlier, later] = [ago(90), ago(5)];
  expect(heardAt({ provenance: "live", signal_at: earlier, last_active: later })).toBe(later);
  expect(heardAt({ provenance: "live", signal_at: later, last_active: earlier })).toBe(later);
});
