/** Makes a schedule or changes one: when, of what, with which input, and what if it is late or still busy. */
import { useState } from "react";
import { SchemaForm } from "@/components/schema-form";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { FormFooter } from "@/components/work/form-footer";
import { sorted } from "@/components/work/problems";
import { useChangeSchedule, useCreateSchedule } from "@/lib/api/schedules";
import type { JsonObject, Misfire, NewSchedule, Overlap, Schedule } from "@/lib/api/types";
import { visibleText } from "@/lib/format";
import { localZone } from "@/lib/time/zones";
import { ChooseWorkflow, useWorkflow } from "./choose-workflow";
import { CronFields } from "./cron-fields";
import { misfires, overlaps } from "./policies";

interface ScheduleDialogProps {
  /** The one to change; a new one without. */
  schedule?: Schedule;
  workflow?: string | undefined;
  onClose: () => void;
}

const own = ["workflow", "name", "cron", "time_zone", "misfire", "catch_up_limit", "overlap"] as const;
type Missing = Partial<Record<(typeof own)[number], string>>;

export function ScheduleDialog({ schedule, workflow, onClose }: ScheduleDialogProps) {
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={schedule ? `Change ${visibleText(schedule.name)}` : "New schedule"}
      description={schedule && `Starts runs of ${visibleText(schedule.workflow_name)}.`}
    >
      {schedule ? (
        <Change schedule={schedule} onClose={onClose} />
      ) : (
        <Make slug={workflow} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Make({ slug, onClose }: { slug: string | undefined; onClose: () => void }) {
  const create = useCreateSchedule();
  return (
    <Form
      start={{ ...fresh(), workflow: slug ?? "" }}
      isNew
      saving={{ isPending: create.isPending, error: create.error }}
      onSave={(body) => create.mutate(body, { onSuccess: onClose })}
      onClose={onClose}
    />
  );
}

function Change({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const change = useChangeSchedule(schedule.id);
  return (
    <Form
      start={schedule}
      saving={{ isPending: change.isPending, error: change.error }}
      onSave={({ workflow: _fixed, ...body }) => change.mutate(body, { onSuccess: onClose })}
      onClose={onClose}
    />
  );
}

type Values = Pick<
  NewSchedule,
  "workflow" | "name" | "cron" | "time_zone" | "misfire" | "catch_up_limit" | "overlap" | "input"
>;

const fresh = (): Values => ({
  workflow: "",
  name: "",
  cron: "",
  time_zone: localZone(),
  misfire: "once",
  catch_up_limit: 10,
  overlap: "skip",
  input: {},
});

interface FormProps {
  start: Values;
  isNew?: boolean;
  saving: { isPending: boolean; error: Error | null };
  onSave: (body: NewSchedule) => void;
  onClose: () => void;
}

function Form({ start, isNew = false, saving, onSave, onClose }: FormProps) {
  const [values, setValues] = useState<Values>(start);
  const [missing, setMissing] = useState<Missing>({});
  const workflow = useWorkflow(values.workflow);
  const problems = sorted(saving.error, own);
  const errors: Record<string, string> = { ...problems.fields, ...missing };
  const set = <Name extends keyof Values>(name: Name, value: Values[Name]) => {
    setValues((now) => ({ ...now, [name]: value }));
    setMissing(({ [name as keyof Missing]: _mended, ...others }) => others);
  };
  function save(input: JsonObject) {
    const empty: Missing = {};
    if (!values.workflow) empty.workflow = "Choose a workflow.";
    if (!values.name.trim()) empty.name = "Give it a name.";
    if (!values.cron.trim()) empty.cron = "Say when.";
    setMissing(empty);
    if (Object.keys(empty).length === 0)
      onSave({
        ...only(values),
        cron: values.cron.trim(),
        time_zone: values.time_zone?.trim(),
        input,
      } as NewSchedule);
  }
  return (
    <div className="flex flex-col gap-4">
      {isNew && (
        <ChooseWorkflow
          slug={values.workflow}
          onChoose={(slug) => set("workflow", slug)}
          error={errors.workflow}
        />
      )}
      <Field label="Name" required error={errors.name}>
        {(props) => (
          <Input
            {...props}
            value={values.name}
            onChange={(event) => set("name", event.target.value)}
            maxLength={100}
            autoComplete="off"
          />
        )}
      </Field>
      <CronFields
        cron={values.cron}
        zone={values.time_zone ?? "UTC"}
        onCron={(cron) => set("cron", cron)}
        onZone={(zone) => set("time_zone", zone)}
        errors={errors}
      />
      <Choices<Overlap>
        legend="When a run of it is still open"
        choices={overlaps}
        value={values.overlap ?? "skip"}
        onChange={(overlap) => set("overlap", overlap)}
      />
      <Choices<Misfire>
        legend="When moments were missed, because the server was down"
        choices={misfires}
        value={values.misfire ?? "once"}
        onChange={(misfire) => set("misfire", misfire)}
      />
      {values.misfire === "catch_up" && (
        <Field
          label="At most"
          hint="Older moments than these many are left out."
          error={errors.catch_up_limit}
        >
          {(props) => (
            <Input
              {...props}
              type="number"
              min={1}
              max={100}
              className="max-w-28"
              value={values.catch_up_limit}
              onChange={(event) => set("catch_up_limit", event.target.valueAsNumber || 1)}
            />
          )}
        </Field>
      )}
      <section aria-label="Input of its runs" className="flex flex-col gap-3 border-t pt-4">
        <h3 className="text-table font-semibold text-muted">Input of its runs</h3>
        <SchemaForm
          key={workflow?.slug ?? ""}
          schema={workflow?.input}
          onSubmit={save}
          initial={values.input}
          problem={problems.rest}
          disabled={saving.isPending}
          empty={workflow ? "Its runs take no input." : "Choose a workflow first."}
        >
          <FormFooter onCancel={onClose}>
            <Button type="submit" variant="primary" busy={saving.isPending}>
              {saving.isPending ? "Saving…" : isNew ? "Create schedule" : "Save"}
            </Button>
          </FormFooter>
        </SchemaForm>
      </section>
    </div>
  );
}

/** Without what a row holds besides. */
function only(values: Values): Values {
  const { workflow, name, cron, time_zone, misfire, catch_up_limit, overlap, input } = values;
  return { workflow, name, cron, time_zone, misfire, catch_up_limit, overlap, input };
}

interface ChoicesProps<Value extends string> {
  legend: string;
  choices: { value: Value; label: string; hint: string }[];
  value: Value;
  onChange: (value: Value) => void;
}

function Choices<Value extends string>({ legend, choices, value, onChange }: ChoicesProps<Value>) {
  return (
    <fieldset>
      <legend className="mb-1 text-table font-semibold">{legend}</legend>
      {choices.map((choice) => (
        <label
          key={choice.value}
          className="flex min-h-8 flex-wrap items-center gap-x-2.5 py-0.5 max-md:min-h-11"
        >
          <input
            type="radio"
            name={legend}
            checked={choice.value === value}
            onChange={() => onChange(choice.value)}
            className="size-4 accent-(--accent)"
          />
          <span>{choice.label}</span>
          <span className="text-meta text-muted">{choice.hint}</span>
        </label>
      ))}
    </fieldset>
  );
}
