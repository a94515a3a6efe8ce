/** What an agent does at this moment: how far it is, what it says about it, and the text so far. */
import { ProgressBar } from "@/components/status";
import { percent, visibleText } from "@/lib/format";
import { LiveText } from "./live-text";

interface NowWritingProps {
  progress: number;
  message: string;
  text: string;
  label: string;
}

export function NowWriting({ progress, message, text, label }: NowWritingProps) {
  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-center gap-3">
        <ProgressBar value={progress} status="running" label="Progress of this step" className="flex-1" />
        <span className="tnum w-10 text-right text-meta text-muted">{percent(progress)}</span>
      </div>
      {message && <p className="truncate text-table text-muted">{visibleText(message)}</p>}
      {text ? (
        <LiveText text={text} label={label} />
      ) : (
        <p className="text-table text-muted">Nothing written yet. Text appears here as it is written.</p>
      )}
    </div>
  );
}
