import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice } from "./search";
import { shellRoute } from "./shell";

const states = ["over", "all"] as const;

export const keysRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/keys",
  validateSearch: (search): { state?: (typeof states)[number] } => ({
    state: searchChoice(search.state, states),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./keys.lazy")), "KeysRoute"),
});
