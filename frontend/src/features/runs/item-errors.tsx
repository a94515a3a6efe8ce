/** Why items of a map failed: what was said, and of how many; the first of each opens. */
import type { Step } from "@/lib/api/types";
import { count, plural, visibleText } from "@/lib/format";

interface ItemErrorsProps {
  errors: Step["item_errors"];
  onItem: (item: number) => void;
}

const MOST_SHOWN = 5;
/** The server tells no more. */
const TOLD = 100;

export function ItemErrors({ errors, onItem }: ItemErrorsProps) {
  if (errors.length === 0) return null;
  const alike = new Map<string, Step["item_errors"]>();
  for (const error of errors) {
    const key = `${error.code} ${error.message}`;
    alike.set(key, [...(alike.get(key) ?? []), error]);
  }
  const shown = [...alike.values()].slice(0, MOST_SHOWN);
  return (
    <ul aria-label="Failed items" className="mb-2 flex flex-col gap-1 text-table">
      {shown.map((same) => {
        const [first] = same;
        if (!first) return null;
        const { index, code, message } = first;
        return (
          <li
            key={index}
            data-tone="err"
            className="min-w-0 border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-1.5"
          >
            <button
              type="button"
              onClick={() => onItem(index)}
              className="font-semibold text-accent hover:underline max-md:min-h-11"
            >
              Item {count(index + 1)}
              {same.length > 1 && ` and ${plural(same.length - 1, "other")}`}
            </button>{" "}
            <code className="font-mono text-meta text-muted">{visibleText(code)}</code>
            <p className="break-words">{visibleText(message)}</p>
          </li>
        );
      })}
      {alike.size > MOST_SHOWN && (
        <li className="text-muted">{plural(alike.size - MOST_SHOWN, "other error")} below.</li>
      )}
      {errors.length >= TOLD && <li className="text-muted">Of the first {count(TOLD)} that failed.</li>}
    </ul>
  );
}
