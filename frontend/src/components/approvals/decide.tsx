/** The form under an open approval: its fields, a comment, and the two buttons. */
import { Check, X } from "lucide-react";
import { useState } from "react";
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
  // One mutation, two buttons: only the pressed one turns busy.
  const approving = decide.isPending && decide.variables?.approved === true;
  return (
    <SchemaForm
      schema={approval.fields}
      empty={null}
      disabled={decide.isPending}
      problem={decide.error}
      onSubmit={(fields) => decide.mutate({ approved: true, comment, fields })}
      className="border-t pt-3"
    >
      <Field label="Comment" hint="Kept with the decision; later steps can read it.">
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
          The step fails, and the run goes on only if its workflow says so.
          {comment ? " Your comment is kept as the reason." : " You gave no reason: go back to write one."}
        </Confirm>
      </div>
    </SchemaForm>
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
