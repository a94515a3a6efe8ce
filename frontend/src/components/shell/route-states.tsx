import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { buttonClass } from "@/components/ui/button";
import { EmptyState, ErrorState } from "@/components/ui/states";

export function NotFoundPage() {
  return (
    <EmptyState
      icon={Compass}
      title="There is no such page"
      action={
        <Link to="/" className={buttonClass("secondary")}>
          Go to the dashboard
        </Link>
      }
      className="min-h-[50dvh]"
    >
      The address may be mistyped, or what it showed was removed.
    </EmptyState>
  );
}

export function RouteError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <ErrorState
      className="min-h-[50dvh]"
      what="This page could not be shown"
      error={error}
      retry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}
