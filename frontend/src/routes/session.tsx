import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { shellRoute } from "./shell";

export const sessionRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/sessions/$id",
  component: lazyRouteComponent(() => patiently(() => import("./session.lazy")), "SessionRoute"),
});
