/** Asks before a page is left whose text would be lost. */
import { useBlocker } from "@tanstack/react-router";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";

export function LeaveGuard({ shouldAsk }: { shouldAsk: () => boolean }) {
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ current, next }) => current.pathname !== next.pathname && shouldAsk(),
    enableBeforeUnload: shouldAsk,
    withResolver: true,
  });
  if (status !== "blocked") return null;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && reset()}
      title="Leave without saving?"
      description="What you wrote since the last save would be lost."
      footer={
        <>
          <Button onClick={reset}>Keep editing</Button>
          <Button variant="danger" onClick={proceed}>
            Leave
          </Button>
        </>
      }
    >
      <p className="text-muted">Nothing is kept of a text that is not saved.</p>
    </Dialog>
  );
}
