/** The form under an open approval: its fields, a comment, and the two buttons. */
import { Check, X } from "lucide-react";
import { useId, useState } from "react";
import { SchemaForm } from "@/components/schema-form";
import { BlockedButton, Button } from "@/components/ui/button";
import { Field, Textarea } from "@/components/ui/field";
import { Confirm } from "@/components/work/confirm";
import { useDecide } from "@/lib/api/approvals";
import type { Approval } from "@/lib/api/types";
import { sentence, visibleText } from "@/lib/format";
import { localTimes } from "@/lib/time";

export function Decide({ approval }: { approval: Approval }) {
  if (!approval.can_decide) return <NotMine approval={approval} />;
  return <DecideForm approval={approval} />;
}

function DecideForm({ approval }: { approval: Approval }) {
  const decide = useDecide(approval.id);
  const [comment, setComment] = useState("");
  const [option, setOption] = useState("");
  const [missing, setMissing] = useState(false);
  const hasOptions = approval.options.length > 0;
  // One mutation, two buttons: only the pressed one turns busy.
  const approving = decide.isPending && decide.variables?.approved === true;
  return (
    <SchemaForm
      schema={approval.fields}
      empty={null}
      disabled={decide.isPending}
      problem={decide.error}
      onSubmit={(fields) => {
        setMissing(hasOptions && !option);
        if (hasOptions && !option) return;
        decide.mutate({ approved: true, comment, fields, ...(hasOptions && { option }) });
      }}
      className="border-t pt-3"
    >
      {hasOptions && (
        <Options
          options={approval.options}
          value={option}
          error={missing && !option ? "Choose one of these to approve." : undefined}
          disabled={decide.isPending}
          onChange={setOption}
        />
      )}
      <Field
        label="Comment"
        hint={`Kept with the decision; ${approval.agent ? "the agent" : "later steps"} can read it.`}
      >
        {(props) => (
          <Textarea
            {...props}
            value={comment}
            maxLength={2000}
            disabled={decide.isPending}
            onChange={(event) => setComment(event.target.value)}
            className="field-sizing-content max-h-60 min-h-14"
          />
        )}
      </Field>
      <div className="flex flex-wrap gap-2">
        <Button
          type="submit"
          variant="primary"
          busy={approving}
          disabled={decide.isPending}
          className="max-md:flex-1"
        >
          <Check size={14} aria-hidden />
          {approving ? "Approving…" : "Approve"}
        </Button>
        <Confirm
          label="Reject"
          pendingLabel="Rejecting…"
          keep="Go back"
          title="Reject this?"
          description={visibleText(approval.title)}
          icon={<X size={14} aria-hidden />}
          disabled={decide.isPending}
          className="max-md:flex-1"
          mutation={{
            mutate: (_, options) => decide.mutate({ approved: false, comment }, options),
            isPending: decide.isPending,
            error: decide.error,
          }}
        >
          {approval.agent
            ? "The agent is told so, and goes on as it sees fit."
            : "The step fails, and the run goes on only if its workflow says so."}
          {comment ? " Your comment is kept as the reason." : " You gave no reason: go back to write one."}
        </Confirm>
      </div>
    </SchemaForm>
  );
}

interface OptionsProps {
  options: readonly string[];
  value: string;
  error: string | undefined;
  disabled: boolean;
  onChange: (option: string) => void;
}

/** What an agent lets people choose from. */
function Options({ options, value, error, disabled, onChange }: OptionsProps) {
  const id = useId();
  return (
    <fieldset
      aria-describedby={error ? `${id}-error` : undefined}
      disabled={disabled}
      className="flex min-w-0 flex-col gap-1"
    >
      <legend className="mb-1 text-table font-semibold">Choose one</legend>
      {options.map((option) => (
        <label
          key={option}
          className="flex min-h-8 cursor-pointer items-center gap-2 rounded-control border px-2.5 py-1 has-checked:border-accent has-checked:bg-surface-2 max-md:min-h-11"
        >
          <input
            type="radio"
            name={id}
            value={option}
            checked={option === value}
            aria-invalid={error ? true : undefined}
            onChange={() => onChange(option)}
            className="shrink-0 accent-accent"
          />
          <span className="min-w-0 wrap-anywhere">{visibleText(option)}</span>
        </label>
      ))}
      {error && (
        <p id={`${id}-error`} role="alert" className="text-meta text-err">
          {error}
        </p>
      )}
    </fieldset>
  );
}

/** The buttons stay in their place, so that it is plain what somebody else can do here. */
function NotMine({ approval }: { approval: Approval }) {
  const reason = sentence(localTimes(visibleText(approval.why_not))) || "You cannot decide this.";
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-t pt-3">
      <BlockedButton variant="primary" whyNot={reason}>
        <Check size={14} aria-hidden />
        Approve
      </BlockedButton>
      <BlockedButton variant="danger" whyNot={reason}>
        <X size={14} aria-hidden />
        Reject
      </BlockedButton>
      <p className="min-w-0 flex-1 basis-48 text-table text-muted">{reason}</p>
    </div>
  );
}
