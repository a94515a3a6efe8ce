/** The dialogs that start a run from the input form of its workflow: a first one, or one like an earlier run. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { SchemaForm } from "@/components/schema-form";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { SkeletonRows } from "@/components/ui/states";
import { idempotencyKey } from "@/lib/api/client";
import { useRerun } from "@/lib/api/control";
import { useStartRun } from "@/lib/api/runs";
import type { JsonObject, Run, Workflow } from "@/lib/api/types";
import { workflowQuery } from "@/lib/api/workflows";
import { visibleText } from "@/lib/format";
import { FormFooter } from "./form-footer";
import { Loaded } from "./loaded";

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

interface StartRunProps extends DialogProps {
  workflow: Pick<Workflow, "slug" | "name" | "description" | "input">;
}

export function StartRun({ workflow, open, onOpenChange }: StartRunProps) {
  const start = useStartRun(workflow.slug);
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Run ${visibleText(workflow.name)}`}
      description={visibleText(workflow.description)}
    >
      <StartForm schema={workflow.input} start={start} close={() => onOpenChange(false)} />
    </Dialog>
  );
}

type Earlier = Pick<Run, "id" | "number" | "workflow" | "workflow_name" | "version" | "input">;

/** The input of the earlier run, to be changed or sent as it was. */
export function RunAgain({ run, open, onOpenChange }: DialogProps & { run: Earlier }) {
  const workflow = useQuery(workflowQuery(run.workflow));
  const start = useRerun(run.id);
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Run ${visibleText(run.workflow_name)} again`}
      description={`Starts a new run. Run #${run.number} stays as it is.`}
    >
      <Loaded
        query={workflow}
        what="The form of this workflow could not be loaded"
        skeleton={<SkeletonRows rows={3} className="h-14" />}
      >
        {({ input, version }) => (
          <div className="flex flex-col gap-4">
            {version !== run.version && (
              <p data-tone="warn" className="border-l-[3px] border-l-(--tone) bg-surface-2 px-3 py-2">
                The workflow has changed since: run #{run.number} was version {run.version}, the new run is
                version {version}.
              </p>
            )}
            <StartForm
              schema={input}
              initial={run.input as JsonObject}
              start={start}
              close={() => onOpenChange(false)}
            />
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}

interface StartFormProps {
  schema: Workflow["input"];
  initial?: JsonObject;
  start: ReturnType<typeof useRerun> | ReturnType<typeof useStartRun>;
  close: () => void;
}

function StartForm({ schema, initial, start, close }: StartFormProps) {
  const navigate = useNavigate();
  // The same key for every try of the same input: a lost answer never starts a second run.
  const [attempt, setAttempt] = useState({ key: idempotencyKey(), body: "" });

  function submit(input: Record<string, unknown>) {
    const body = JSON.stringify(input);
    const key = attempt.body && attempt.body !== body ? idempotencyKey() : attempt.key;
    setAttempt({ key, body });
    start.mutate(
      { input, key },
      {
        onSuccess: ({ id }) => {
          close();
          void navigate({ to: "/runs/$id", params: { id } });
        },
      },
    );
  }

  return (
    <SchemaForm
      schema={schema}
      onSubmit={submit}
      problem={start.error}
      disabled={start.isPending}
      {...(initial && { initial })}
    >
      <FormFooter onCancel={close}>
        <Button type="submit" variant="primary" busy={start.isPending}>
          {start.isPending ? "Starting…" : "Start run"}
        </Button>
      </FormFooter>
    </SchemaForm>
  );
}
