/** The dialog that starts a run of a workflow from its input form. */
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { SchemaForm } from "@/components/schema-form";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { idempotencyKey } from "@/lib/api/client";
import { useStartRun } from "@/lib/api/runs";
import type { Workflow } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { FormFooter } from "./form-footer";

interface StartRunProps {
  workflow: Pick<Workflow, "slug" | "name" | "description" | "input">;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

export function StartRun({ workflow, open, onOpenChange }: StartRunProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Run ${visibleText(workflow.name)}`}
      description={visibleText(workflow.description)}
    >
      <StartForm workflow={workflow} close={() => onOpenChange(false)} />
    </Dialog>
  );
}

function StartForm({ workflow, close }: { workflow: StartRunProps["workflow"]; close: () => void }) {
  const start = useStartRun(workflow.slug);
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
    <SchemaForm schema={workflow.input} onSubmit={submit} problem={start.error} disabled={start.isPending}>
      <FormFooter onCancel={close}>
        <Button type="submit" variant="primary" busy={start.isPending}>
          {start.isPending ? "Starting…" : "Start run"}
        </Button>
      </FormFooter>
    </SchemaForm>
  );
}
