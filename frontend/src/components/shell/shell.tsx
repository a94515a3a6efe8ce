import { Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { live } from "@/app/live";
import { Toaster } from "@/components/ui/toaster";
import { patiently } from "@/lib/new-build";
import { Announcer } from "./announcer";
import { Header } from "./header";
import { BottomBar, Sidebar } from "./navigation";
import { PausedBanner } from "./paused-banner";
import { useShortcuts } from "./shortcuts";

const Palette = lazy(() => patiently(() => import("./palette")));
const ShortcutHelp = lazy(() => patiently(() => import("./shortcut-help")));

export function Shell() {
  const navigate = useNavigate();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useEffect(() => {
    void live.start();
    return live.stop;
  }, []);
  useShortcuts({
    go: (to) => void navigate({ to }),
    search: () => setPalette(true),
    help: () => setHelp(true),
  });
  return (
    <div className="flex min-h-dvh">
      <a
        href="#main"
        className="popover fixed top-2 left-2 z-60 -translate-y-20 px-3 py-2 focus:translate-y-0"
      >
        Skip to content
      </a>
      <Sidebar />
      <div className="flex min-w-0 flex-1 flex-col">
        <Header onSearch={() => setPalette(true)} onHelp={() => setHelp(true)} />
        <PausedBanner />
        <main
          id="main"
          tabIndex={-1}
          className="flex-1 pb-[calc(64px+env(safe-area-inset-bottom))] outline-none md:pb-6"
        >
          <Outlet />
        </main>
      </div>
      <BottomBar />
      <Toaster />
      <Announcer />
      <Suspense fallback={null}>
        {palette && <Palette onClose={() => setPalette(false)} />}
        {help && <ShortcutHelp onClose={() => setHelp(false)} />}
      </Suspense>
    </div>
  );
}
