/** How a sender signs, as a shell script that works when it is pasted. */

export const addressOf = (path: string): string => `${window.location.origin}${path}`;

export function script(path: string, secret: string): string {
  return `ADDRESS='${addressOf(path)}'
SECRET='${secret}'
BODY='{"title": "It broke"}'
ID="msg_$(date +%s)_$$"; AT=$(date +%s)
KEY=$(printf %s "\${SECRET#whsec_}" | openssl base64 -d -A | od -An -tx1 | tr -d ' \\n')
SIGNATURE=$(printf '%s.%s.%s' "$ID" "$AT" "$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | openssl base64 -A)
curl "$ADDRESS" -H 'Content-Type: application/json' -H "webhook-id: $ID" \\
  -H "webhook-timestamp: $AT" -H "webhook-signature: v1,$SIGNATURE" -d "$BODY"`;
}
