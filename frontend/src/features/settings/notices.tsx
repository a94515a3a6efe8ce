/** With what the webhooks of approvals are signed: an admin shows it to a receiver and makes another. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Copyable } from "@/components/ui/copyable";
import { Dialog } from "@/components/ui/dialog";
import { SecretPart } from "@/components/ui/secret-once";
import { ErrorState, SkeletonRows } from "@/components/ui/states";
import { RotateSecret } from "@/components/work/rotate-secret";
import { VerifySignature } from "@/components/work/verify-signature";
import { type NoticeSecret, noticeSecretQuery, useRotateNoticeSecret } from "@/lib/api/settings";
import { absolute } from "@/lib/time";

export function Notices() {
  return (
    <Card title="Approval notices">
      <p className="text-table text-muted">
        Webhooks that tell of an approval (<code className="font-mono text-meta">notify</code> in a workflow)
        are signed with a secret of the project, so that a receiver knows they are genuine.
      </p>
      <div className="mt-2 flex flex-wrap gap-2">
        <ShowSecret />
        <RotateSecret
          name="approval notices"
          rotation={useRotateNoticeSecret()}
          label="Sign with the old one, too, for"
          before="Give it to the receivers while the old one is still valid."
          after={signedUntil}
          shown={(made, close) => (
            <div className="flex flex-col gap-4">
              <TheSecret made={made} />
              <div className="flex justify-end">
                <Button variant="primary" onClick={close}>
                  Done
                </Button>
              </div>
            </div>
          )}
        />
      </div>
    </Card>
  );
}

const signedUntil = ({ old_secret_until: until }: NoticeSecret): string =>
  until
    ? `Notices carry the old signature, too, until ${absolute(until)}.`
    : "Notices are signed with this one only.";

function ShowSecret() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button size="sm" onClick={() => setOpen(true)}>
        Show the secret
      </Button>
      {isOpen && <SecretDialog close={() => setOpen(false)} />}
    </>
  );
}

/** Asked for only while it is looked at, and kept nowhere. */
function SecretDialog({ close }: { close: () => void }) {
  const { data: secret, error, refetch } = useQuery(noticeSecretQuery);
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && close()}
      title="The secret of approval notices"
      description={secret ? signedUntil(secret) : "Whoever has it can sign in this server’s name."}
    >
      {secret ? (
        <div className="flex flex-col gap-4">
          <TheSecret made={secret} />
        </div>
      ) : error ? (
        <ErrorState error={error} retry={() => void refetch()} what="The secret could not be loaded" />
      ) : (
        <SkeletonRows rows={3} className="h-5" />
      )}
    </Dialog>
  );
}

function TheSecret({ made }: { made: NoticeSecret }) {
  return (
    <>
      <SecretPart title={`Secret, number ${made.version}`} hint="Admins can read it here again.">
        <Copyable name="Secret" text={made.secret} />
      </SecretPart>
      <VerifySignature secret={made.secret} />
    </>
  );
}
