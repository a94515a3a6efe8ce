/** Saving the text of the editor: from which version it was written, what is asked, what came of it. */
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { toast } from "@/components/ui/toast";
import { useSaveDefinition } from "@/lib/api/definitions";
import type { Workflow } from "@/lib/api/types";
import { visibleText } from "@/lib/format";

export function useSaving(saved: Workflow | null, text: string, initial: string) {
  const navigate = useNavigate();
  const save = useSaveDefinition(saved?.slug ?? "");
  const [base, setBase] = useState({ version: saved?.version ?? 0, text: saved ? initial : "" });
  const [isAsking, setAsking] = useState(false);
  // The page is left right after a new workflow was saved, before anything is rendered again.
  const isSaved = useRef(false);
  const isDirty = text !== base.text;

  function create() {
    save.mutate(
      { source: text, base: null },
      {
        onSuccess: ({ slug, name }) => {
          isSaved.current = true;
          toast({ level: "success", title: `${visibleText(name)} is saved` });
          void navigate({ to: "/workflows/$slug/edit", params: { slug }, replace: true });
        },
      },
    );
  }

  function saveOn(version: number) {
    save.mutate(
      { source: text, base: version },
      {
        onSuccess: ({ version: number, is_new_version }) => {
          setAsking(false);
          setBase((before) => ({ version: number, text: is_new_version ? text : before.text }));
          toast({
            level: is_new_version ? "success" : "info",
            title: is_new_version
              ? `Version ${number} is saved`
              : `It is the text of version ${number}, so there is nothing to save`,
          });
        },
      },
    );
  }

  return {
    base,
    isDirty,
    isAsking,
    save,
    saveOn,
    /** Ask what to do with the text, or make the workflow at once when there is none yet. */
    ask() {
      if (save.isPending) return;
      save.reset();
      if (saved) setAsking(true);
      else create();
    },
    stop: () => setAsking(false),
    /** The text is that of `workflow` from now on. */
    startFrom: (workflow: Workflow) => setBase({ version: workflow.version, text: workflow.source ?? "" }),
    wouldBeLost: () => isDirty && text !== initial && !isSaved.current,
  };
}
