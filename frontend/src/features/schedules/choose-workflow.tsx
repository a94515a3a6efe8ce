/** The workflow whose runs are started; fixed once it is chosen and saved. */
import { useQuery } from "@tanstack/react-query";
import { Field, Select } from "@/components/ui/field";
import type { Workflow } from "@/lib/api/types";
import { workflowsQuery } from "@/lib/api/workflows";
import { visibleText } from "@/lib/format";

interface ChooseWorkflowProps {
  slug: string;
  onChoose: (slug: string) => void;
  error?: string | undefined;
}

export function ChooseWorkflow({ slug, onChoose, error }: ChooseWorkflowProps) {
  const { data: workflows, error: failed } = useQuery(workflowsQuery());
  const problem =
    error ?? (failed ? "The workflows could not be loaded. Close this and try again." : undefined);
  return (
    <Field label="Workflow" required {...(problem && { error: problem })}>
      {(props) => (
        <Select {...props} value={slug} onChange={(event) => onChoose(event.target.value)}>
          <option value="">{workflows ? "Choose…" : "Loading…"}</option>
          {workflows?.map((one) => (
            <option key={one.slug} value={one.slug}>
              {visibleText(one.name)}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

export function useWorkflow(slug: string): Workflow | undefined {
  return useQuery(workflowsQuery()).data?.find((one) => one.slug === slug);
}
