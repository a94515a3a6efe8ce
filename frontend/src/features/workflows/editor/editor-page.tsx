/** Writing a workflow: its text beside the graph it makes and what is wrong with it. */
import { useQuery } from "@tanstack/react-query";
import { ShieldAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { useMe } from "@/hooks";
import { commandsQuery } from "@/lib/api/commands";
import { workflowQuery } from "@/lib/api/workflows";
import { visibleText } from "@/lib/format";
import { copyOf, template } from "./starting-text";
import { Workbench } from "./workbench";

export function EditWorkflowPage({ slug }: { slug: string }) {
  const query = useQuery(workflowQuery(slug));
  return (
    <Frame title="Edit workflow" query={query}>
      {(workflow) => (
        <Workbench
          title={`Edit ${visibleText(workflow.name)}`}
          saved={workflow}
          text={workflow.source ?? ""}
        />
      )}
    </Frame>
  );
}

/** From a template, or from a copy of the workflow `from`. */
export function NewWorkflowPage({ from }: { from: string | undefined }) {
  const role = useMe().data?.project.role;
  if (role === "viewer") {
    return (
      <Page title="New workflow">
        <div className="card">
          <EmptyState icon={ShieldAlert} title="Your role may not save workflows">
            Operators and admins of the project may. You can look at every workflow and its versions.
          </EmptyState>
        </div>
      </Page>
    );
  }
  return from === undefined ? <FromTemplate /> : <FromCopy slug={from} />;
}

function FromTemplate() {
  const query = useQuery(commandsQuery());
  return (
    <Frame title="New workflow" query={query}>
      {(commands) => <Workbench title="New workflow" saved={null} text={template(commands)} />}
    </Frame>
  );
}

function FromCopy({ slug }: { slug: string }) {
  const query = useQuery(workflowQuery(slug));
  return (
    <Frame title="New workflow" query={query}>
      {(workflow) => (
        <Workbench
          title={`Copy of ${visibleText(workflow.name)}`}
          saved={null}
          text={copyOf(workflow.source ?? "", workflow)}
        />
      )}
    </Frame>
  );
}

interface FrameProps<Data> {
  title: string;
  query: Parameters<typeof Loaded<Data>>[0]["query"];
  children: (data: Data) => ReactNode;
}

/** The page until its text is there; the workbench brings a page of its own. */
function Frame<Data>({ title, query, children }: FrameProps<Data>) {
  if (query.data !== undefined) return children(query.data);
  return (
    <Page title={title}>
      <Loaded
        framed
        query={query}
        what="The text to start from could not be loaded"
        skeleton={<Skeleton className="h-[60dvh]" />}
      >
        {children}
      </Loaded>
    </Page>
  );
}
