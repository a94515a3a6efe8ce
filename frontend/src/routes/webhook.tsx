import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { searchChoice, searchText } from "./search";
import { shellRoute } from "./shell";

const states = ["pending", "sent", "dead"] as const;

export const webhookRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/webhooks/$id",
  validateSearch: (search): { state?: (typeof states)[number]; delivery?: string } => ({
    state: searchChoice(search.state, states),
    delivery: searchText(search.delivery),
  }),
  component: lazyRouteComponent(() => patiently(() => import("./webhook.lazy")), "WebhookRoute"),
});
