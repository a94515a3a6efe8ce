import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Play } from "lucide-react";
import { useState } from "react";
import { SchemaForm } from "@/components/schema-form";
import { announce } from "@/components/shell/announcer";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Select } from "@/components/ui/field";
import { EmptyState, ErrorState, SkeletonRows } from "@/components/ui/states";
import { idempotencyKey } from "@/lib/api/client";
import { ApiError } from "@/lib/api/errors";
import { useStartRun } from "@/lib/api/runs";
import type { Workflow } from "@/lib/api/types";
import { workflowsQuery } from "@/lib/api/workflows";
import { plural } from "@/lib/format";

/** Choose a workflow, fill in what it asks for, start it, and go and watch. */
export default function RunDialog({ onClose }: { onClose: () => void }) {
  const { data: workflows, error, refetch } = useQuery(workflowsQuery());
  const [slug, setSlug] = useState<string | null>(null);
  const chosen = workflows?.find((each) => each.slug === slug) ?? workflows?.[0];
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Run a workflow"
      description={chosen?.description}
    >
      {chosen && workflows ? (
        <div className="flex flex-col gap-4">
          <Field label="Workflow">
            {(props) => (
              <Select {...props} value={chosen.slug} onChange={(event) => setSlug(event.target.value)}>
                {workflows.map((workflow) => (
                  <option key={workflow.slug} value={workflow.slug}>
                    {workflow.name} ({plural(workflow.steps.length, "step")})
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <RunForm key={chosen.slug} workflow={chosen} onClose={onClose} />
        </div>
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The workflows could not be loaded" />
      ) : workflows ? (
        <EmptyState title="There are no workflows">Add one to the library, then run it here.</EmptyState>
      ) : (
        <SkeletonRows rows={3} className="h-14" />
      )}
    </Dialog>
  );
}

function RunForm({ workflow, onClose }: { workflow: Workflow; onClose: () => void }) {
  const navigate = useNavigate();
  const start = useStartRun(workflow.slug);
  // One key for this filled form: sending it twice cannot start two runs. A corrected form gets a new one.
  const [key, setKey] = useState(idempotencyKey);
  return (
    <SchemaForm
      schema={workflow.input}
      disabled={start.isPending}
      problem={start.error}
      onSubmit={(input) =>
        start.mutate(
          { input, key },
          {
            onSuccess: (run) => {
              announce("run started");
              onClose();
              void navigate({ to: "/runs/$id", params: { id: run.id } });
            },
            onError: (error) => {
              if (error instanceof ApiError && error.status >= 400 && error.status < 500)
                setKey(idempotencyKey());
            },
          },
        )
      }
    >
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" busy={start.isPending}>
          <Play size={14} aria-hidden="true" />
          {start.isPending ? "Starting" : "Run"}
        </Button>
      </div>
    </SchemaForm>
  );
}
