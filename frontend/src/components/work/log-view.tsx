/** The log of a command run as it grows: filtered, followed to its end, copied or taken away as a file. */
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownToLine, Check, Copy, Download } from "lucide-react";
import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Input, Select } from "@/components/ui/field";
import { SkeletonRows } from "@/components/ui/states";
import { commandRunLogQuery } from "@/lib/api/logs";
import type { LogLevel, LogLine } from "@/lib/api/types";
import { cx } from "@/lib/cx";
import { plural, visibleText } from "@/lib/format";
import { absolute, clockTimeSeconds } from "@/lib/time";
import { saveFile } from "./file";
import { Loaded } from "./loaded";
import { chosenLines, writtenOut } from "./log-lines";

interface LogViewProps {
  commandRunId: string;
  /** Of the downloaded file, without its ending. */
  fileName: string;
  /** Whether more lines are expected. */
  live: boolean;
}

export function LogView({ commandRunId, fileName, live }: LogViewProps) {
  const query = useQuery(commandRunLogQuery(commandRunId));
  return (
    <Loaded query={query} what="The log could not be loaded" skeleton={<SkeletonRows rows={4} />}>
      {({ lines }) =>
        lines.length > 0 ? (
          <Log lines={lines} fileName={fileName} live={live} />
        ) : (
          <p className="text-table text-muted">
            {live ? "Nothing logged yet. Lines appear here as they are written." : "Nothing was logged."}
          </p>
        )
      }
    </Loaded>
  );
}

function Log({ lines, fileName, live }: { lines: readonly LogLine[] } & Omit<LogViewProps, "commandRunId">) {
  const [level, setLevel] = useState<LogLevel>("debug");
  const [text, setText] = useState("");
  const [follows, setFollows] = useState(live);
  const shown = useMemo(() => chosenLines(lines, level, text), [lines, level, text]);
  const written = () => writtenOut(shown);
  return (
    <div className="flex min-w-0 flex-col gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <span className="w-44 max-sm:w-full">
          <Select
            aria-label="Level"
            value={level}
            onChange={(event) => setLevel(event.target.value as LogLevel)}
          >
            <option value="debug">All levels</option>
            <option value="info">Info and above</option>
            <option value="warning">Warnings and errors</option>
            <option value="error">Errors</option>
          </Select>
        </span>
        <span className="w-40 max-sm:w-full">
          <Input
            type="search"
            aria-label="Find in the log"
            placeholder="Find"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </span>
        <span className="tnum text-meta text-muted" role="status">
          {shown.length === lines.length
            ? plural(lines.length, "line")
            : `${shown.length} of ${plural(lines.length, "line")}`}
        </span>
        <span className="ml-auto flex">
          <Button
            size="sm"
            variant="ghost"
            aria-pressed={follows}
            onClick={() => setFollows(!follows)}
            className="aria-pressed:bg-surface-2"
          >
            <ArrowDownToLine size={14} aria-hidden />
            Follow
          </Button>
          <CopyLines written={written} />
          <Button
            size="icon"
            variant="ghost"
            className="text-muted"
            title="Download"
            aria-label="Download the log"
            onClick={() => saveFile(written(), `${fileName}.log`, "text/plain")}
          >
            <Download size={14} aria-hidden />
          </Button>
        </span>
      </div>
      {shown.length > 0 ? (
        <Lines lines={shown} follows={follows} onFollow={setFollows} />
      ) : (
        <p className="text-table text-muted">No line has this level and text.</p>
      )}
    </div>
  );
}

function CopyLines({ written }: { written: () => string }) {
  const [isCopied, setCopied] = useState(false);
  // Only secure pages may write the clipboard; elsewhere the download has to do.
  if (!globalThis.navigator?.clipboard) return null;
  return (
    <Button
      size="icon"
      variant="ghost"
      className="text-muted"
      title={isCopied ? "Copied" : "Copy"}
      aria-label={isCopied ? "Copied the log" : "Copy the log"}
      onClick={() => void navigator.clipboard.writeText(written()).then(() => setCopied(true))}
      onBlur={() => setCopied(false)}
    >
      {isCopied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
    </Button>
  );
}

/** A reader this close to the end is following it. */
const NEAR_END_PX = 24;
const VIRTUAL_ABOVE = 200;
const LINE_PX = 18;

interface LinesProps {
  lines: readonly LogLine[];
  follows: boolean;
  onFollow: (follows: boolean) => void;
}

function Lines({ lines, follows, onFollow }: LinesProps) {
  const box = useRef<HTMLElement>(null);
  const isVirtual = lines.length > VIRTUAL_ABOVE;
  const rows = useVirtualizer({
    count: lines.length,
    enabled: isVirtual,
    getScrollElement: () => box.current,
    getItemKey: (index) => lines[index]?.number ?? index,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  const last = lines.at(-1)?.number;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new last line is the reason to scroll
  useLayoutEffect(() => {
    if (!follows) return;
    if (isVirtual) rows.scrollToIndex(lines.length - 1, { align: "end" });
    else if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [follows, last, isVirtual]);

  return (
    <section
      ref={box}
      aria-label="Lines of the log"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      onWheel={({ deltaY }) => deltaY < 0 && follows && onFollow(false)}
      onKeyDown={({ key }) => (key === "ArrowUp" || key === "PageUp" || key === "Home") && onFollow(false)}
      onTouchMove={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
        follows && scrollHeight - scrollTop - clientHeight > NEAR_END_PX && onFollow(false)
      }
      className="max-h-96 min-h-24 overflow-auto overscroll-contain rounded-control bg-surface-2 py-2 font-mono text-meta leading-[18px]"
    >
      {isVirtual ? (
        <div className="relative" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ key, index, start }) => (
            <div
              key={key}
              ref={rows.measureElement}
              data-index={index}
              className="absolute inset-x-0 top-0"
              style={{ transform: `translateY(${start}px)` }}
            >
              <Line line={lines[index] as LogLine} />
            </div>
          ))}
        </div>
      ) : (
        lines.map((line) => <Line key={line.number} line={line} />)
      )}
    </section>
  );
}

const TONES: { [Level in LogLevel]?: string } = { warning: "warn", error: "err" };

function Line({ line: { number, level, text, at } }: { line: LogLine }) {
  const tone = TONES[level];
  return (
    <div
      data-tone={tone}
      className={cx(
        "flex items-start gap-3 px-3 hover:bg-surface max-md:gap-2",
        tone && "border-l-[3px] border-l-(--tone) pl-[9px]",
      )}
    >
      <span aria-hidden className="w-10 shrink-0 text-right text-muted tnum select-none max-md:hidden">
        {number}
      </span>
      <time dateTime={at} title={absolute(at)} className="shrink-0 text-muted tnum">
        {clockTimeSeconds(Date.parse(at))}
      </time>
      <span className={cx("min-w-0 break-words whitespace-pre-wrap", level === "debug" && "text-muted")}>
        {tone && (
          <span className="font-semibold text-(--tone)">{level === "error" ? "Error " : "Warning "}</span>
        )}
        {visibleText(text)}
      </span>
    </div>
  );
}
