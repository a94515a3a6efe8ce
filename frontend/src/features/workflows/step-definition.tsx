/** What a step of a definition asks for, and after which steps. */
import { Link } from "@tanstack/react-router";
import { X } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Fact, Facts } from "@/components/work/facts";
import type { WorkflowStep } from "@/lib/api/types";
import { visibleText, words } from "@/lib/format";

interface StepDefinitionProps {
  step: WorkflowStep;
  steps: readonly WorkflowStep[];
  onClose: () => void;
}

export function StepDefinition({ step, steps, onClose }: StepDefinitionProps) {
  const nameOf = (key: string) => steps.find((one) => one.key === key)?.name ?? key;
  return (
    <Card
      title={visibleText(step.name)}
      actions={
        <Button size="icon" variant="ghost" aria-label="Close step" title="Close step" onClick={onClose}>
          <X size={14} aria-hidden />
        </Button>
      }
    >
      <Facts>
        {step.command === null ? (
          <Fact name="Kind">{step.kind === "approval" ? "Approval by people" : "Wait"}</Fact>
        ) : (
          <>
            <Fact name="Command">
              <Link
                to="/commands"
                search={{ q: step.command }}
                className="font-mono text-meta text-accent hover:underline"
              >
                {step.command}
              </Link>
            </Fact>
            <Fact name="Agent">{step.agent ? words(step.agent) : "Any agent that can do it"}</Fact>
          </>
        )}
        <Fact name="After">
          {step.needs.length > 0 ? step.needs.map(nameOf).join(", ") : "Starts at once"}
        </Fact>
        <Fact name="Key">
          <code className="font-mono text-meta">{step.key}</code>
        </Fact>
      </Facts>
    </Card>
  );
}
