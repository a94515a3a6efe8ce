import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice, searchText } from "./search";
import { shellRoute } from "./shell";

interface Search {
  step?: string;
  tab?: "versions";
  /** The versions to compare. */
  from?: number;
  to?: number;
}

const searchNumber = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < 1e9 ? value : undefined;

export const workflowRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/workflows/$slug",
  validateSearch: (search): Search => ({
    step: searchText(search.step),
    tab: searchChoice(search.tab, ["versions"]),
    from: searchNumber(search.from),
    to: searchNumber(search.to),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./workflow.lazy")), "WorkflowRoute"),
});
