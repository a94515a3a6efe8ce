import { Link } from "@tanstack/react-router";
import { Dialog } from "@/components/ui/dialog";
import { navItems } from "./nav";
import { NavBadge } from "./navigation";

/** What the bottom bar has no room for. */
export default function MoreSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="More">
      <ul className="flex flex-col">
        {navItems.slice(4).map((item) => (
          <li key={item.to}>
            <Link
              to={item.to}
              onClick={onClose}
              className="flex h-12 items-center gap-3 rounded-control px-2 hover:bg-surface-2"
            >
              <item.icon size={20} aria-hidden="true" className="text-muted" />
              <span className="flex-1">{item.label}</span>
              <NavBadge to={item.to} />
            </Link>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
