import { Link } from "@tanstack/react-router";
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";

const snippet = (origin: string) => `curl -X POST ${origin}/api/v1/agents/register/ \\
  -H "Authorization: Bearer $MC_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "My agent", "type": "coder", "capabilities": ["code.review"]}'`;

/** Shown while a project has no agent: what to do, with what to copy. */
export function FirstSteps() {
  const [copied, setCopied] = useState(false);
  const text = snippet(window.location.origin);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <Card title="Connect your first agent" className="lg:col-span-3">
      <ol className="flex list-decimal flex-col gap-3 pl-5 marker:font-semibold marker:text-muted">
        <li>
          Create an API key with the scope <span className="font-mono text-meta">agent</span> in{" "}
          <Link to="/settings" className="text-accent hover:underline">
            settings
          </Link>
          .
        </li>
        <li>
          Register the agent; it appears on this page at once.
          <div className="mt-2 flex items-start gap-2">
            <pre
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
              tabIndex={0}
              className="min-w-0 flex-1 overflow-x-auto rounded-control bg-surface-2 p-3 font-mono text-meta"
            >
              {text}
            </pre>
            <Button
              size="icon"
              onClick={() => void copy()}
              aria-label={copied ? "Copied" : "Copy the command"}
            >
              {copied ? <Check size={14} aria-hidden="true" /> : <Copy size={14} aria-hidden="true" />}
            </Button>
          </div>
        </li>
        <li>
          Give it work from{" "}
          <Link to="/commands" className="text-accent hover:underline">
            commands
          </Link>{" "}
          or start a workflow.
        </li>
      </ol>
    </Card>
  );
}
