/** The buttons of a form in a dialog; they stay in sight while a long form scrolls. */
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";

export function FormFooter({ onCancel, children }: { onCancel: () => void; children: ReactNode }) {
  return (
    <div className="sticky -bottom-4 -mx-4 -mb-4 flex justify-end gap-2 border-t bg-surface px-4 py-3 md:rounded-b-card">
      <Button onClick={onCancel}>Cancel</Button>
      {children}
    </div>
  );
}
