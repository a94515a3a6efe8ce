/** An error with its code, in the words the server or the agent gave. */
import { visibleText } from "@/lib/format";

export function Failure({ error, title }: { error: { code: string; message: string }; title: string }) {
  return (
    <div data-tone="err" className="border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2">
      <p className="font-semibold">
        {title} <code className="font-mono text-meta font-normal text-muted">{visibleText(error.code)}</code>
      </p>
      <p className="break-words whitespace-pre-wrap">{visibleText(error.message)}</p>
    </div>
  );
}
