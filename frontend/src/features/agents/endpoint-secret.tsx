/** The secret of an agent's endpoint, this once, and how the endpoint uses it and answers. */
import { Copyable } from "@/components/ui/copyable";
import { SecretOnce, SecretPart } from "@/components/ui/secret-once";
import { VerifySignature } from "@/components/work/verify-signature";
import { EndpointTry } from "./endpoint-try";

const answer = `{"output": {"text": "Done"}, "usage": {"input_tokens": 120, "output_tokens": 40}}`;

interface EndpointSecretProps {
  id: string;
  secret: string;
  onClose: () => void;
}

export function EndpointSecret({ id, secret, onClose }: EndpointSecretProps) {
  return (
    <SecretOnce secret={secret} onClose={onClose}>
      <VerifySignature secret={secret} />
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
