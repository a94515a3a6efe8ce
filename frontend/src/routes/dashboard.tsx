import { createRoute } from "@tanstack/react-router";
import * as z from "zod/mini";
import { DashboardPage } from "@/features/dashboard/dashboard-page";
import { shellRoute } from "./shell";

const range = z.enum(["15m", "1h", "6h", "24h"]);

// Not lazy: it is what a cold browser opens, and a chunk would cost a round trip.
export const dashboardRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  validateSearch: z.object({ range: z.catch(z.optional(range), undefined) }),
  component: DashboardPage,
});
