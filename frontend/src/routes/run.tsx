import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchPlace, searchText } from "./search";
import { shellRoute } from "./shell";

export const runRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/runs/$id",
  validateSearch: (search): { step?: string; item?: number; span?: number } => ({
    step: searchText(search.step),
    item: searchPlace(search.item),
    span: searchPlace(search.span),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./run.lazy")), "RunRoute"),
});
