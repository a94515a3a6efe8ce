/** What starts runs without anybody at the screen: schedules by the clock, triggers by other systems. */
import { Plus, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button } from "@/components/ui/button";
import { Page } from "@/components/ui/page";
import { Tabs } from "@/components/ui/tabs";
import { useCanOperate, useMe } from "@/hooks";
import { visibleText } from "@/lib/format";
import { ScheduleDialog } from "./schedule-dialog";
import { ScheduleList } from "./schedule-list";
import { TriggerDialog } from "./trigger-dialog";
import { TriggerList } from "./trigger-list";

export type StartsTab = "schedules" | "triggers";

interface SchedulesPageProps {
  tab: StartsTab;
  /** Only those of the workflow with this slug. */
  workflow: string | undefined;
  onTab: (tab: StartsTab) => void;
  onAll: () => void;
}

export function SchedulesPage({ tab, workflow, onTab, onAll }: SchedulesPageProps) {
  const [isMaking, setMaking] = useState(false);
  const isAdmin = useMe().data?.project.role === "admin";
  const canOperate = useCanOperate();
  const isTrigger = tab === "triggers";
  const mayMake = isTrigger ? isAdmin : canOperate;
  const make = mayMake && (
    <Button variant="primary" onClick={() => setMaking(true)}>
      <Plus size={14} aria-hidden /> {isTrigger ? "New trigger" : "New schedule"}
    </Button>
  );
  const filter = workflow === undefined ? {} : { workflow };
  return (
    <Page title="Schedules" actions={make}>
      {workflow !== undefined && <OnlyOf workflow={workflow} onAll={onAll} />}
      <div className="card w-full max-w-[1200px] min-w-0 overflow-hidden">
        <Tabs
          label="What starts runs"
          value={tab}
          onChange={(value) => onTab(value as StartsTab)}
          tabs={[
            {
              value: "schedules",
              label: "Schedules",
              content: <ScheduleList filter={filter} mayChange={canOperate} />,
            },
            {
              value: "triggers",
              label: "Triggers",
              content: <TriggerList filter={filter} mayChange={isAdmin} />,
            },
          ]}
        />
      </div>
      {isMaking && isTrigger && <TriggerDialog workflow={workflow} onClose={() => setMaking(false)} />}
      {isMaking && !isTrigger && <ScheduleDialog workflow={workflow} onClose={() => setMaking(false)} />}
    </Page>
  );
}

function OnlyOf({ workflow, onAll }: { workflow: string; onAll: () => void }): ReactNode {
  return (
    <p className="flex flex-wrap items-center gap-2 text-table text-muted">
      Only those of <code className="font-mono text-meta text-fg">{visibleText(workflow)}</code>
      <Button size="sm" onClick={onAll}>
        <X size={14} aria-hidden /> Show all
      </Button>
    </p>
  );
}
