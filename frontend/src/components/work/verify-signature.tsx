/** How a receiver checks what we sign, as a program to take along. */
import { Copyable } from "@/components/ui/copyable";
import { SecretPart } from "@/components/ui/secret-once";

const python = (secret: string): string => `import base64, hashlib, hmac
def is_genuine(headers, body, secret="${secret}"):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(wanted, one) for one in headers["webhook-signature"].split())`;

export function VerifySignature({ secret }: { secret: string }) {
  return (
    <SecretPart
      title="Verify in Python"
      hint="The signature of Standard Webhooks; libraries for it exist in most languages."
    >
      <Copyable name="Code" text={python(secret)} />
    </SecretPart>
  );
}
