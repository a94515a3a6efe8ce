import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const compareRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/runs/compare",
  validateSearch: (search): { a?: string; b?: string; all?: boolean } => ({
    a: searchText(search.a),
    b: searchText(search.b),
    all: search.all === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => patiently(() => import("./compare.lazy")), "CompareRoute"),
});
