import { Link, useLocation } from "@tanstack/react-router";
import { Menu as MenuIcon } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import type { Tone } from "@/components/status";
import { useMe, useOpenAlerts, useOpenApprovals } from "@/hooks";
import { cx } from "@/lib/cx";
import { count } from "@/lib/format";
import { patiently } from "@/lib/new-build";
import { Logo } from "./logo";
import { type NavItem, navItems } from "./nav";

const MoreSheet = lazy(() => patiently(() => import("./more-sheet")));

type BadgeProps = { className?: string };

export function AlertBadge({ className }: BadgeProps) {
  return <Badge open={useOpenAlerts().data?.length ?? 0} tone="warn" className={className} />;
}

function ApprovalBadge({ className }: BadgeProps) {
  return <Badge open={useOpenApprovals() ?? 0} tone="hold" className={className} />;
}

/** The count that belongs to an entry of the navigation, if any. */
export function NavBadge({ to, className }: BadgeProps & Pick<NavItem, "to">) {
  if (to === "/alerts") return <AlertBadge className={className} />;
  return to === "/approvals" ? <ApprovalBadge className={className} /> : null;
}

function Badge({ open, tone, className }: BadgeProps & { open: number; tone: Tone }) {
  if (open === 0) return null;
  return (
    <span
      data-tone={tone}
      className={cx(
        "tint tnum inline-flex h-5 min-w-5 items-center justify-center rounded-pill px-1.5 text-caption text-fg",
        className,
      )}
    >
      {count(open)}
      <span className="sr-only"> open</span>
    </span>
  );
}

/** Marks the entry a page without one belongs to. */
function useIsWithin({ also }: NavItem): { "data-status"?: "active" } {
  const isWithin = useLocation({
    select: ({ pathname }) => also?.some((path) => pathname.startsWith(path)) ?? false,
  });
  return isWithin ? { "data-status": "active" } : {};
}

function SidebarLink({ item }: { item: NavItem }) {
  const within = useIsWithin(item);
  return (
    <Link
      {...within}
      to={item.to}
      activeOptions={{ exact: item.to === "/" }}
      title={`${item.label} (g ${item.key})`}
      className="flex h-8 items-center gap-2.5 rounded-control px-2.5 text-table text-muted transition-colors duration-100 hover:bg-surface-2 hover:text-fg data-[status=active]:bg-surface-2 data-[status=active]:font-semibold data-[status=active]:text-fg max-lg:justify-center max-lg:px-0"
    >
      <item.icon size={16} aria-hidden="true" className="shrink-0" />
      <span className="flex-1 max-lg:sr-only">{item.label}</span>
      <NavBadge to={item.to} className="max-lg:hidden" />
    </Link>
  );
}

export function Sidebar() {
  const { data: me } = useMe();
  return (
    <nav
      aria-label="Main"
      className="sticky top-0 hidden h-dvh w-14 shrink-0 flex-col gap-0.5 border-r bg-surface p-2 md:flex lg:w-52"
    >
      <Link to="/" className="mb-2 flex h-8 items-center gap-2.5 px-2 max-lg:justify-center max-lg:px-0">
        <Logo />
        <span className="font-semibold max-lg:sr-only">Mission Control</span>
      </Link>
      {navItems.map((item) => (
        <SidebarLink key={item.to} item={item} />
      ))}
      {me && (
        <p className="mt-auto px-2.5 pb-1 text-caption text-muted max-lg:hidden">
          {me.project.name}
          <br />
          <span className="tnum">{me.server.version}</span> · {me.server.mode}
        </p>
      )}
    </nav>
  );
}

const barClass =
  "flex h-14 flex-1 flex-col items-center justify-center gap-0.5 text-caption text-muted data-[status=active]:text-fg";

export function BottomBar() {
  const [more, setMore] = useState(false);
  return (
    <nav
      aria-label="Main"
      className="fixed inset-x-0 bottom-0 z-30 flex border-t bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {navItems.slice(0, 4).map((item) => (
        <Link key={item.to} to={item.to} activeOptions={{ exact: item.to === "/" }} className={barClass}>
          <item.icon size={20} aria-hidden="true" />
          {item.label}
        </Link>
      ))}
      <button
        type="button"
        className={cx(barClass, "relative")}
        onClick={() => setMore(true)}
        aria-haspopup="dialog"
      >
        <MenuIcon size={20} aria-hidden="true" />
        More
        <AlertBadge className="absolute top-1 left-1/2 ml-1" />
      </button>
      <Suspense fallback={null}>{more && <MoreSheet onClose={() => setMore(false)} />}</Suspense>
    </nav>
  );
}
