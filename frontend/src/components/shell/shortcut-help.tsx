import { Dialog } from "@/components/ui/dialog";
import { navItems } from "./nav";

function Keys({ keys }: { keys: string[] }) {
  return (
    <span className="flex gap-1">
      {keys.map((key) => (
        <kbd
          key={key}
          className="min-w-6 rounded-control border bg-surface-2 px-1.5 text-center font-mono text-meta leading-5"
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}

const general = [
  { label: "Search and jump", keys: ["Ctrl", "K"] },
  { label: "Filter or search", keys: ["/"] },
  { label: "Next, previous row", keys: ["j", "k"] },
  { label: "Close", keys: ["Esc"] },
  { label: "This help", keys: ["?"] },
];

export default function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const rows = [
    ...navItems.map(({ label, key }) => ({ label: `Go to ${label.toLowerCase()}`, keys: ["g", key] })),
    ...general,
  ];
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()} title="Keyboard shortcuts">
      <ul className="grid gap-x-8 gap-y-2 sm:grid-cols-2">
        {rows.map((row) => (
          <li key={row.label} className="flex items-center justify-between gap-3">
            <span>{row.label}</span>
            <Keys keys={row.keys} />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
