/** The editor at work: text, graph, problems, and the buttons that save and run. */
import { Play, Save } from "lucide-react";
import { lazy, Suspense, useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { BlockedButton, Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Page } from "@/components/ui/page";
import { Skeleton } from "@/components/ui/states";
import { FilterButtons } from "@/components/work/list";
import { StartRun } from "@/components/work/start-run";
import { useCanOperate } from "@/hooks";
import { messageOf } from "@/lib/api/errors";
import type { Workflow } from "@/lib/api/types";
import { cx } from "@/lib/cx";
import { patiently } from "@/lib/new-build";
import type { CodeEditorHandle, Place } from "./code-editor";
import { LeaveGuard } from "./leave-guard";
import { Overtaken } from "./overtaken";
import { Preview } from "./preview";
import { ProblemList } from "./problem-list";
import { SaveDialog } from "./save-dialog";
import { lineOfStep } from "./step-line";
import { useCatalogue } from "./use-catalogue";
import { useSaving } from "./use-saving";
import { useValidation } from "./use-validation";

const CodeEditor = lazy(() => patiently(() => import("./code-editor")));

type Part = "text" | "graph" | "problems";

interface WorkbenchProps {
  title: string;
  /** The workflow as the server has it now; null while there is none yet. */
  saved: Workflow | null;
  /** What the text is at first; later ones do not overwrite what is being written. */
  text: string;
}

export function Workbench({ title, saved, text: initial }: WorkbenchProps) {
  const slug = saved?.slug ?? "";
  const mayEdit = useCanOperate();
  const [text, setText] = useState(initial);
  const [part, setPart] = useState<Part>("text");
  const [selected, setSelected] = useState<string | null>(null);
  const [isStarting, setStarting] = useState(false);
  const editor = useRef<CodeEditorHandle | null>(null);
  const catalogue = useCatalogue();
  const checked = useValidation(text, slug);
  const saving = useSaving(saved, text, initial);
  const hint = useId();
  const { isDirty, base } = saving;
  const ask = () => {
    if (mayEdit && isDirty) saving.ask();
  };
  useSaveKey(ask);

  function goTo(place: Place) {
    setPart("text");
    // On a phone the text is shown by this very press; it can take the focus after that.
    requestAnimationFrame(() => editor.current?.goTo(place));
  }

  function select(key: string | null) {
    setSelected(key);
    const line = key === null ? null : lineOfStep(text, key);
    if (line !== null) goTo({ line });
  }

  return (
    <Page
      title={title}
      // As high as the window, so that text and graph stay beside each other.
      className="lg:h-[calc(100dvh-48px)]"
      actions={
        <>
          <span className="text-meta text-muted">{stateOf(saved, base.version, isDirty)}</span>
          {saved && mayEdit && <RunButton isDirty={isDirty} onRun={() => setStarting(true)} />}
          {mayEdit && (
            <Button variant="primary" busy={saving.save.isPending} disabled={!isDirty} onClick={ask}>
              <Save size={14} aria-hidden /> {saved ? "Save…" : "Create"}
            </Button>
          )}
        </>
      }
    >
      <span className="lg:hidden">
        <FilterButtons
          label="Show"
          value={part}
          onChange={(value) => setPart(value as Part)}
          options={[
            { value: "text", label: "Text" },
            { value: "graph", label: "Graph" },
            { value: "problems", label: "Problems", count: checked.problems.length },
          ]}
        />
      </span>
      {!saved && saving.save.error && (
        <p role="alert" className="text-err">
          {messageOf(saving.save.error)}
        </p>
      )}
      {saved && saved.version > base.version && (
        <Overtaken
          workflow={saved}
          isDirty={isDirty}
          onCompare={ask}
          onLoad={() => {
            editor.current?.replace(saved.source ?? "");
            saving.startFrom(saved);
          }}
        />
      )}
      <div className="grid min-h-0 flex-1 gap-3 lg:grid-cols-[3fr_2fr]">
        <Card
          label="Text"
          className={cx(
            "has-[.cm-focused]:outline-2 has-[.cm-focused]:outline-accent h-[calc(100dvh-350px)] min-h-80 lg:h-auto lg:min-h-0",
            part !== "text" && "max-lg:hidden",
          )}
          bodyClassName="flex min-h-0 flex-col overflow-hidden p-0"
        >
          <div className="min-h-0 flex-1">
            <Suspense fallback={<Skeleton className="h-full" />}>
              <CodeEditor
                initial={initial}
                catalogue={catalogue}
                problems={checked.problems}
                readOnly={!mayEdit}
                describedBy={hint}
                onChange={setText}
                onReady={(handle) => {
                  editor.current = handle;
                }}
              />
            </Suspense>
          </div>
          <p id={hint} className="border-t px-3 py-1.5 text-meta text-muted">
            {mayEdit
              ? "Ctrl-Space offers what fits, Ctrl-S saves. Tab indents; Escape, then Tab leaves the text."
              : "You can read this. Operators and admins may change it."}
          </p>
        </Card>
        <div className={cx("flex min-h-0 min-w-0 flex-col gap-3", part === "text" && "max-lg:hidden")}>
          <div className={cx("min-h-0 flex-1", part !== "graph" && "max-lg:hidden")}>
            <Preview checked={checked} selected={selected} onSelect={select} />
          </div>
          <div className={cx("shrink-0", part !== "problems" && "max-lg:hidden")}>
            <ProblemList checked={checked} onGo={goTo} />
          </div>
        </div>
      </div>
      {saving.isAsking && (
        <SaveDialog
          slug={slug}
          text={text}
          base={base.version}
          busy={saving.save.isPending}
          error={saving.save.error}
          onSave={saving.saveOn}
          onClose={saving.stop}
        />
      )}
      {isStarting && saved && <StartRun open onOpenChange={setStarting} workflow={saved} />}
      <LeaveGuard shouldAsk={() => mayEdit && saving.wouldBeLost()} />
    </Page>
  );
}

function stateOf(saved: Workflow | null, version: number, isDirty: boolean): string {
  if (!saved) return "Not saved yet";
  return isDirty ? `Changed since version ${version}` : `Version ${version}`;
}

function RunButton({ isDirty, onRun }: { isDirty: boolean; onRun: () => void }) {
  if (isDirty) {
    return (
      <BlockedButton whyNot="Save first: a run takes the version that is saved.">
        <Play size={14} aria-hidden /> Run
      </BlockedButton>
    );
  }
  return (
    <Button onClick={onRun}>
      <Play size={14} aria-hidden /> Run
    </Button>
  );
}

/** Ctrl-S or Cmd-S anywhere on the page, in place of the browser's own. */
function useSaveKey(save: () => void) {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    if (!event.repeat) save();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}
