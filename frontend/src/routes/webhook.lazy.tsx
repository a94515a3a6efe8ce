import { WebhookPage } from "@/features/webhooks/webhook-page";
import { webhookRoute } from "./webhook";

export function WebhookRoute() {
  const { id } = webhookRoute.useParams();
  const { state, delivery } = webhookRoute.useSearch();
  const navigate = webhookRoute.useNavigate();
  return (
    <WebhookPage
      id={id}
      state={state}
      delivery={delivery}
      onState={(next) => void navigate({ search: next ? { state: next } : {}, replace: true })}
      onDelivery={(next) => void navigate({ search: (now) => ({ ...now, delivery: next }), replace: !next })}
      onGone={() => void navigate({ to: "/webhooks" })}
    />
  );
}
