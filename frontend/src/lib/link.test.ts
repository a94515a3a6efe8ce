import { expect, it } from "vitest";
import { linkTo } from "./link";

it("keeps the path and the search apart", () => {
  expect(linkTo("/runs?status=failed&workflow=x")).toEqual({
    to: "/runs",
    search: { status: "failed", workflow: "x" },
  });
});

it("never leaves the site", () => {
  expect(linkTo("//elsewhere.example/runs").to).toBe("/runs");
});
