import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchText } from "./search";
import { shellRoute } from "./shell";

export const connectRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/connect",
  validateSearch: (search): { way?: string } => ({ way: searchText(search.way) }),
  component: lazyRouteComponent(() => patiently(() => import("./connect.lazy")), "ConnectRoute"),
});
