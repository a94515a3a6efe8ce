/** A form in a dialog: what is missing is said at its field before anything is sent, the server's objections after. */
import { type FormEvent, type ReactNode, useState } from "react";
import { Button } from "@/components/ui/button";
import { messageOf } from "@/lib/api/errors";
import { FormFooter } from "./form-footer";
import { sorted } from "./problems";

/** One sentence for each field that is wrong, by the field's name. */
export type Wrong = Record<string, string>;

interface DialogFormProps<Body> {
  /** The fields that are shown: what else the server objects to stands below the form. */
  fields: readonly string[];
  saving: { isPending: boolean; error: Error | null };
  /** The word on the button: "Create webhook". */
  save: string;
  /** The body of what was filled in; it is sent when nothing was added to `wrong`. */
  read: (text: (name: string) => string, wrong: Wrong) => Body;
  onSave: (body: Body) => void;
  onClose: () => void;
  children: (errors: Wrong) => ReactNode;
}

export function DialogForm<Body>(props: DialogFormProps<Body>) {
  const { fields, saving, save, read, onSave, onClose, children } = props;
  const [wrong, setWrong] = useState<Wrong>({});
  const refused = sorted(saving.error, fields);
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const found: Wrong = {};
    const body = read((name) => String(form.get(name) ?? "").trim(), found);
    setWrong(found);
    if (Object.keys(found).length === 0) onSave(body);
  }
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      {children({ ...refused.fields, ...wrong })}
      {refused.rest && (
        <p role="alert" className="text-err">
          {messageOf(refused.rest)}
        </p>
      )}
      <FormFooter onCancel={onClose}>
        <Button type="submit" variant="primary" busy={saving.isPending}>
          {saving.isPending ? "Saving…" : save}
        </Button>
      </FormFooter>
    </form>
  );
}
