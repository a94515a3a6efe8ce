/** Webhooks: addresses of others that are told of events, signed, and what each was told. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { keys } from "./keys";
import { cursorList } from "./paging";
import type {
  DeliveryState,
  NewWebhook,
  Page,
  Webhook,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookKind,
  WebhookTest,
  WebhookWithSecret,
} from "./types";

export const webhooksQuery = () =>
  cursorList(
    keys.webhooks.list,
    (cursor, signal) =>
      unwrap(api.GET("/api/v1/webhooks/", { params: { query: { cursor } }, signal })) as Promise<
        Page<Webhook>
      >,
  );

export const webhookQuery = (id: string) =>
  queryOptions({
    queryKey: keys.webhooks.detail(id),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/webhooks/{webhook_id}/", { params: { path: { webhook_id: id } }, signal }),
      ) as Promise<Webhook>,
  });

/** What can be asked for; it cannot change while the server runs. */
export const webhookKindsQuery = queryOptions({
  queryKey: keys.webhookKinds,
  queryFn: ({ signal }) => unwrap(api.GET("/api/v1/webhooks/kinds/", { signal })) as Promise<WebhookKind[]>,
  staleTime: Number.POSITIVE_INFINITY,
});

export const deliveriesQuery = (id: string, state?: DeliveryState) =>
  cursorList(
    keys.webhooks.deliveries(id, state),
    (cursor, signal) =>
      unwrap(
        api.GET("/api/v1/webhooks/{webhook_id}/deliveries/", {
          params: { path: { webhook_id: id }, query: { state, cursor } },
          signal,
        }),
      ) as Promise<Page<WebhookDelivery>>,
  );

export const deliveryQuery = (id: string, deliveryId: string) =>
  queryOptions({
    queryKey: keys.webhooks.delivery(id, deliveryId),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/", {
          params: { path: { webhook_id: id, delivery_id: deliveryId } },
          signal,
        }),
      ) as Promise<WebhookDeliveryDetail>,
  });

export function useCreateWebhook() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: NewWebhook) =>
      unwrap(
        api.POST("/api/v1/webhooks/", { body: body as Required<NewWebhook> }),
      ) as Promise<WebhookWithSecret>,
    onSuccess: refresh,
  });
}

export function useChangeWebhook(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: Partial<NewWebhook>) =>
      unwrap(
        api.PATCH("/api/v1/webhooks/{webhook_id}/", {
          params: { path: { webhook_id: id } },
          body: body as Required<NewWebhook>,
        }),
      ),
    onSettled: refresh,
  });
}

export function useRotateWebhookSecret(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (overlap_hours: number) =>
      unwrap(
        api.POST("/api/v1/webhooks/{webhook_id}/secret/", {
          params: { path: { webhook_id: id } },
          body: { overlap_hours },
        }),
      ) as Promise<WebhookWithSecret>,
    onSuccess: refresh,
  });
}

export function useDeleteWebhook(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () =>
      unwrap<unknown>(api.DELETE("/api/v1/webhooks/{webhook_id}/", { params: { path: { webhook_id: id } } })),
    onSuccess: refresh,
  });
}

/** Sends an event of no meaning now and waits for the answer. */
export function useTestWebhook(id: string) {
  return useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/webhooks/{webhook_id}/test/", { params: { path: { webhook_id: id } } }),
      ) as Promise<WebhookTest>,
  });
}

export function useResendDead(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/webhooks/{webhook_id}/resend/", { params: { path: { webhook_id: id } } })),
    onSettled: refresh,
  });
}

export function useResendDelivery(id: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (deliveryId: string) =>
      unwrap(
        api.POST("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend/", {
          params: { path: { webhook_id: id, delivery_id: deliveryId } },
        }),
      ),
    onSettled: refresh,
  });
}

function useRefresh() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.webhooks.all });
}
