import { Link } from "@tanstack/react-router";
import { CircleHelp, Hand, OctagonPause, Search, UserRound } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { DemoLabel } from "@/components/status";
import { buttonClass } from "@/components/ui/button";
import { useCanOperate, useMe, useOpenApprovals, usePause } from "@/hooks";
import { count } from "@/lib/format";
import { patiently } from "@/lib/new-build";
import { ConnectionState } from "./connection";
import { Logo } from "./logo";

const loadUserMenu = () => patiently(() => import("./user-menu"));
const UserMenu = lazy(loadUserMenu);
const StopEverything = lazy(() => patiently(() => import("./stop-everything")));

export function Header({ onSearch, onHelp }: { onSearch: () => void; onHelp: () => void }) {
  const { data: me } = useMe();
  const [stopping, setStopping] = useState(false);
  const mayStop = useCanOperate();
  const pause = usePause();
  const askToStop = mayStop && pause?.paused === false ? () => setStopping(true) : undefined;
  return (
    <header className="sticky top-0 z-30 flex h-12 shrink-0 items-center gap-2 border-b bg-surface px-4 md:px-6">
      <span className="md:hidden">
        <Logo />
      </span>
      <button
        type="button"
        onClick={onSearch}
        className="flex h-8 items-center gap-2 rounded-control border px-2.5 text-table text-muted hover:bg-surface-2 max-md:size-11 max-md:justify-center max-md:border-transparent max-md:px-0 md:w-64"
      >
        <Search size={14} aria-hidden="true" />
        <span className="flex-1 text-left max-md:sr-only">Search and jump</span>
        <kbd className="rounded-[4px] border px-1 font-mono text-caption leading-4 max-md:hidden">Ctrl K</kbd>
      </button>
      <div className="ml-auto flex items-center gap-2 md:gap-3">
        {me?.server.model.demo && <DemoLabel className="max-sm:hidden" />}
        <WaitingApprovals />
        <ConnectionState />
        {askToStop && (
          <button
            type="button"
            aria-label="Stop everything"
            title="Stop everything"
            onClick={askToStop}
            className={buttonClass("ghost", "icon", "max-md:hidden")}
          >
            <OctagonPause size={16} aria-hidden="true" className="text-muted" />
          </button>
        )}
        <button
          type="button"
          aria-label="Keyboard shortcuts"
          onClick={onHelp}
          className={buttonClass("ghost", "icon", "max-md:hidden")}
        >
          <CircleHelp size={16} aria-hidden="true" className="text-muted" />
        </button>
        <UserButton name={me?.name || me?.username || "Account"} onStop={askToStop} />
      </div>
      <Suspense fallback={null}>{stopping && <StopEverything onClose={() => setStopping(false)} />}</Suspense>
    </header>
  );
}

/** On every page and on a phone too: somebody's run waits until it is answered. */
function WaitingApprovals() {
  const open = useOpenApprovals() ?? 0;
  if (open === 0) return null;
  return (
    <Link
      to="/approvals"
      title="Approvals that wait for a person"
      className="inline-flex h-8 items-center rounded-control text-meta text-fg hover:brightness-105 max-md:h-11 max-md:min-w-11 max-md:justify-center"
    >
      <span data-tone="hold" className="tint inline-flex h-7 items-center gap-1.5 rounded-pill px-2.5">
        <Hand size={14} aria-hidden="true" className="text-(--tone)" />
        <span className="tnum">{count(open)}</span>{" "}
        <span className="max-lg:sr-only">{open === 1 ? "approval" : "approvals"}</span>
      </span>
    </Link>
  );
}

/** The menu's code is fetched when the button is near to be used, and takes its place when it is. */
function UserButton({ name, onStop }: { name: string; onStop: (() => void) | undefined }) {
  const [wanted, setWanted] = useState(false);
  const prepare = () => void loadUserMenu();
  const trigger = (
    <button
      type="button"
      aria-label={`Account: ${name}`}
      aria-haspopup="menu"
      className={buttonClass("ghost", "icon")}
      onPointerEnter={prepare}
      onFocus={prepare}
      onClick={() => setWanted(true)}
    >
      <UserRound size={16} aria-hidden="true" className="text-muted" />
    </button>
  );
  if (!wanted) return trigger;
  return (
    <Suspense fallback={trigger}>
      <UserMenu trigger={trigger} onStop={onStop} />
    </Suspense>
  );
}
