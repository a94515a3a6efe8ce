/** Asks the server what is wrong with a text, a moment after it stopped changing; older questions are dropped. */
import { useEffect, useState } from "react";
import { validate } from "@/lib/api/definitions";
import type { DefinitionProblem, Validation, WorkflowStep } from "@/lib/api/types";

const PAUSE_MS = 300;

export interface Checked {
  /** Nothing yet, an answer to the text as it is, an answer to an earlier one, or none to be had. */
  state: "checking" | "answered" | "outdated" | "failed";
  /** The text that `problems` are about. */
  text: string | null;
  problems: readonly DefinitionProblem[];
  error: Error | null;
  /** The newest text that was a workflow, and what it means. */
  last:
    | (Pick<Validation, "input_schema" | "name" | "slug" | "description"> & {
        steps: readonly WorkflowStep[];
      })
    | null;
  /** Whether `last` is what the text means now. */
  isCurrent: boolean;
}

const NOTHING: Checked = {
  state: "checking",
  text: null,
  problems: [],
  error: null,
  last: null,
  isCurrent: false,
};

export function useValidation(text: string, workflow: string): Checked {
  const [checked, setChecked] = useState(NOTHING);
  useEffect(() => {
    const controller = new AbortController();
    const timer = setTimeout(() => {
      validate({ source: text, workflow }, controller.signal).then(
        (answer) => {
          if (!controller.signal.aborted) setChecked((before) => answered(before, text, answer));
        },
        (error: Error) => {
          if (!controller.signal.aborted) setChecked((before) => ({ ...before, state: "failed", error }));
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, workflow]);
  if (checked.state === "answered" && checked.text !== text) return { ...checked, state: "outdated" };
  return checked;
}

function answered(before: Checked, text: string, answer: Validation): Checked {
  const { graph, problems, name, slug, description, input_schema } = answer;
  return {
    state: "answered",
    text,
    problems,
    error: null,
    last: graph ? { steps: graph.steps, name, slug, description, input_schema } : before.last,
    isCurrent: graph !== null,
  };
}
