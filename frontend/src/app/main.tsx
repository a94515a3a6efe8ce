import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@/styles/app.css";
import { session } from "@/lib/api/session";
import { patiently, reloadForNewBuild } from "@/lib/new-build";
import { queryClient } from "./query";
import { router } from "./router";
import { theme } from "./theme";

// Radix' scroll lock writes a <style>; the CSP asks for its nonce.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;
if (nonce) setNonce(nonce);

// After a deploy an open tab asks for chunks that are gone.
window.addEventListener("vite:preloadError", () => {
  void reloadForNewBuild({
    ask: (url) => fetch(url, { cache: "no-store" }),
    entry: new URL(import.meta.url).pathname,
    reload: () => window.location.reload(),
    now: Date.now,
    storage: sessionStorage,
  });
});

theme.start();
session.subscribe((signedIn) => {
  if (signedIn) return;
  queryClient.clear();
  const { pathname, href } = router.state.location;
  if (pathname !== "/login") void router.navigate({ to: "/login", search: { next: href } });
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);

// The web font comes after the data: it is a third of the page's bytes.
const loadFonts = () => void patiently(() => import("@/styles/fonts.css")).catch(() => undefined);
if ("requestIdleCallback" in window) window.requestIdleCallback(() => setTimeout(loadFonts, 300));
else setTimeout(loadFonts, 800);
