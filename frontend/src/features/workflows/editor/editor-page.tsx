/** Writing a workflow: its text beside the graph it makes and what is wrong with it. */
import { useQuery } from "@tanstack/react-query";
import { ShieldAlert } from "lucide-react";
import { Page } from "@/components/ui/page";
import { EmptyState, Skeleton } from "@/components/ui/states";
import { Loaded } from "@/components/work/loaded";
import { useMe } from "@/hooks";
import { commandsQuery } from "@/lib/api/commands";
import type { Workflow } from "@/lib/api/types";
import { workflowQuery } from "@/lib/api/workflows";
import { visibleText } from "@/lib/format";
import { copyOf, template } from "./starting-text";
import { Workbench } from "./workbench";

export function EditWorkflowPage({ slug }: { slug: string }) {
  const query = useQuery(workflowQuery(slug));
  return (
    <Frame title={query.data ? `Edit ${visibleText(query.data.name)}` : "Edit workflow"} query={query}>
      {(workflow) => <Workbench saved={workflow} text={workflow.source ?? ""} />}
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
      {(commands) => <Workbench saved={null} text={template(commands)} />}
    </Frame>
  );
}

function FromCopy({ slug }: { slug: string }) {
  const query = useQuery(workflowQuery(slug));
  return (
    <Frame title={query.data ? `Copy of ${visibleText(query.data.name)}` : "New workflow"} query={query}>
      {(workflow: Workflow) => <Workbench saved={null} text={copyOf(workflow.source ?? "", workflow)} />}
    </Frame>
  );
}

interface FrameProps<Data> {
  title: string;
  query: Parameters<typeof Loaded<Data>>[0]["query"];
  children: (data: Data) => React.ReactNode;
}

function Frame<Data>({ title, query, children }: FrameProps<Data>) {
  if (query.data !== undefined) return <TitledPage title={title}>{children(query.data)}</TitledPage>;
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

/** The workbench brings its own buttons, so the page's heading stands in it. */
function TitledPage({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <Page title={title} className="lg:h-[calc(100dvh-48px)]">
      {children}
    </Page>
  );
}
