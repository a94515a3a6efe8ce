import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import * as z from "zod/mini";
import { patiently } from "@/lib/new-build";
import { rootRoute } from "./root";

/** Only a path of this site: `//host` and `https://…` would send the user elsewhere. */
const path = z.string().check(z.regex(/^\/(?!\/|\\)/));

export const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  validateSearch: z.object({ next: z.catch(z.optional(path), undefined) }),
  component: lazyRouteComponent(() => patiently(() => import("@/features/auth/login-page")), "LoginPage"),
});
