import { Link } from "@tanstack/react-router";
import { buttonClass } from "@/components/ui/button";
import { Card } from "@/components/ui/card";

const link = "text-accent underline";

/** Shown while a project has no agent: the way to the first one, and on. */
export function FirstSteps() {
  return (
    <Card title="Connect your first agent" className="lg:col-span-3">
      <ol className="flex list-decimal flex-col gap-3 pl-5 marker:font-semibold marker:text-muted">
        <li>
          Choose how your agent speaks (shell, SDK, MCP, OpenTelemetry), make a key for it and paste what it
          needs. It appears on this page at once.
          <div className="mt-2">
            <Link to="/connect" className={buttonClass("primary")}>
              Connect an agent
            </Link>
          </div>
        </li>
        <li>
          Give it work from{" "}
          <Link to="/commands" className={link}>
            commands
          </Link>{" "}
          or start a{" "}
          <Link to="/workflows" className={link}>
            workflow
          </Link>
          .
        </li>
      </ol>
    </Card>
  );
}
