import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { shellRoute } from "./shell";

export const webhooksRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks",
  component: lazyRouteComponent(() => patiently(() => import("./webhooks.lazy")), "WebhooksRoute"),
});
