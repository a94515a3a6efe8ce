/** How much of the project may be at work at a time, beside what is now. Admins change it. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Field, Input } from "@/components/ui/field";
import { ErrorState, SkeletonRows } from "@/components/ui/states";
import { useMe } from "@/hooks";
import { ApiError, messageOf } from "@/lib/api/errors";
import { projectQuery, useChangeLimits } from "@/lib/api/settings";
import { count } from "@/lib/format";
import { Facts } from "./facts";

type Project = Awaited<ReturnType<NonNullable<typeof projectQuery.queryFn>>>;

export function Limits() {
  const { data: project, error, refetch } = useQuery(projectQuery);
  const isAdmin = useMe().data?.project.role === "admin";
  return (
    <Card title="Limits of the project" className="lg:col-span-2">
      {project ? (
        <div className="grid items-start gap-x-8 gap-y-4 md:grid-cols-2">
          <Facts
            rows={[
              [
                "Runs at work",
                <Now
                  key="r"
                  now={project.runs_at_work}
                  limit={project.max_runs}
                  waiting={project.runs_queued}
                />,
              ],
              [
                "Command runs at work",
                <Now
                  key="c"
                  now={project.command_runs_at_work}
                  limit={project.max_command_runs}
                  waiting={project.command_runs_queued}
                />,
              ],
            ]}
          />
          {isAdmin ? (
            <LimitsForm project={project} />
          ) : (
            <p className="text-table text-muted">Admins of the project change these limits.</p>
          )}
        </div>
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The limits could not be loaded" />
      ) : (
        <SkeletonRows rows={2} className="h-5" />
      )}
    </Card>
  );
}

function Now({ now, limit, waiting }: { now: number; limit: number | null; waiting: number }) {
  return (
    <span className="tnum">
      {count(now)}
      {limit === null ? ", no limit" : ` of ${count(limit)}`}
      {waiting > 0 && <span className="text-muted">, {count(waiting)} waiting</span>}
    </span>
  );
}

const textOf = (limit: number | null) => (limit === null ? "" : String(limit));
const isLimit = (text: string) => text.trim() === "" || (/^\d{1,6}$/.test(text.trim()) && Number(text) > 0);
const limitOf = (text: string) => (text.trim() === "" ? null : Number(text));

function LimitsForm({ project }: { project: Project }) {
  const save = useChangeLimits();
  const [runs, setRuns] = useState(textOf(project.max_runs));
  const [commandRuns, setCommandRuns] = useState(textOf(project.max_command_runs));
  const isGood = isLimit(runs) && isLimit(commandRuns);
  const isSame = runs === textOf(project.max_runs) && commandRuns === textOf(project.max_command_runs);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isGood) save.mutate({ max_runs: limitOf(runs), max_command_runs: limitOf(commandRuns) });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-3" noValidate>
      <div className="grid gap-3 sm:grid-cols-2">
        <LimitField label="Runs at a time" value={runs} onChange={setRuns} />
        <LimitField label="Command runs at a time" value={commandRuns} onChange={setCommandRuns} />
      </div>
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" variant="primary" busy={save.isPending} disabled={!isGood || isSame}>
          {save.isPending ? "Saving…" : "Save limits"}
        </Button>
        <p className="text-meta text-muted">
          What is at work goes on, also when it is more than the new limit.
        </p>
      </div>
      {save.error && (
        <p role="alert" className="text-table text-err">
          {save.error instanceof ApiError ? messageOf(save.error) : "The limits could not be saved."}
        </p>
      )}
    </form>
  );
}

function LimitField(props: { label: string; value: string; onChange: (value: string) => void }) {
  const { label, value, onChange } = props;
  return (
    <Field
      label={label}
      hint="Empty: no limit"
      error={isLimit(value) ? undefined : "A whole number from 1, or nothing."}
    >
      {(control) => (
        <Input
          {...control}
          inputMode="numeric"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
