import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { patiently } from "@/lib/new-build";
import { rootRoute } from "./root";

/** Only a path of this site: `//host` and `https://…` would send the user elsewhere. */
const OWN_PATH = /^\/(?!\/|\\)/;

export const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  validateSearch: ({ next }): { next?: string | undefined } => ({
    next: typeof next === "string" && OWN_PATH.test(next) ? next : undefined,
  }),
  component: lazyRouteComponent(() => patiently(() => import("@/features/auth/login-page")), "LoginPage"),
});
