import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { lookOf, StatusIcon } from "@/components/status";
import { visibleText } from "@/lib/format";
import { linkTo } from "@/lib/link";
import { dismissToast, type Toast, toastStore } from "./toast";

const statusOf = (level: Toast["level"]) => (level === "success" ? "completed" : level);
const sticky = (level: Toast["level"]) => level === "critical" || level === "error";

function ToastCard({ toast }: { toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => dismissToast(toast.id), sticky(toast.level) ? 15_000 : 6_000);
    return () => clearTimeout(timer);
  }, [toast]);
  return (
    <li
      data-tone={lookOf(statusOf(toast.level)).tone}
      className="popover animate-rise-in pointer-events-auto flex w-full items-start gap-2 border-l-[3px] border-l-(--tone) py-2 pr-1 pl-3"
    >
      <StatusIcon status={statusOf(toast.level)} size={16} className="mt-0.5" />
      <div role={sticky(toast.level) ? "alert" : "status"} className="min-w-0 flex-1 text-table">
        <p className="break-words">{visibleText(toast.title)}</p>
        {toast.link && (
          <Link
            {...linkTo(toast.link.to)}
            className="text-accent hover:underline"
            onClick={() => dismissToast(toast.id)}
          >
            {toast.link.label}
          </Link>
        )}
      </div>
      <button
        type="button"
        aria-label="Dismiss"
        className="inline-flex size-7 items-center justify-center rounded-control text-muted hover:bg-surface-2 max-md:size-11"
        onClick={() => dismissToast(toast.id)}
      >
        <X size={14} aria-hidden="true" />
      </button>
    </li>
  );
}

export function Toaster() {
  const toasts = useSyncExternalStore(toastStore.subscribe, toastStore.read);
  return (
    <section
      aria-label="Notifications"
      className="pointer-events-none fixed right-4 bottom-4 z-60 w-[360px] max-w-[calc(100vw-32px)] max-md:bottom-[calc(72px+env(safe-area-inset-bottom))]"
    >
      <ol className="flex flex-col gap-2">
        {toasts.map((toast) => (
          <ToastCard key={toast.id} toast={toast} />
        ))}
      </ol>
    </section>
  );
}
