/** The secret of an agent's endpoint, this once, and how the endpoint uses it and answers. */
import { Copyable } from "@/components/ui/copyable";
import { SecretOnce, SecretPart } from "@/components/ui/secret-once";
import { EndpointTry } from "./endpoint-try";

const python = (secret: string): string => `import base64, hashlib, hmac
def is_genuine(headers, body, secret="${secret}"):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(wanted, one) for one in headers["webhook-signature"].split())`;

const answer = `{"output": {"text": "Done"}, "usage": {"input_tokens": 120, "output_tokens": 40}}`;

interface EndpointSecretProps {
  id: string;
  secret: string;
  onClose: () => void;
}

export function EndpointSecret({ id, secret, onClose }: EndpointSecretProps) {
  return (
    <SecretOnce secret={secret} onClose={onClose}>
      <SecretPart title="Verify in Python" hint="The signature of Standard Webhooks.">
        <Copyable name="Code" text={python(secret)} />
      </SecretPart>
      <SecretPart
        title="Answer"
        hint="200 with this. Or 202, and later fence and output to callback_url + result/ with callback_token."
      >
        <Copyable name="Answer" text={answer} />
      </SecretPart>
      <EndpointTry id={id} />
    </SecretOnce>
  );
}
