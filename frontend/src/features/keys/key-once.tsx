/** A new key, this once. */
import { Button } from "@/components/ui/button";
import { Copyable } from "@/components/ui/copyable";

export function KeyOnce({ text, note, onClose }: { text: string; note?: string; onClose: () => void }) {
  return (
    <div className="flex flex-col gap-4">
      <Copyable name="API key" text={text} />
      {note && <p className="text-table">{note}</p>}
      <div className="flex justify-end">
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}
