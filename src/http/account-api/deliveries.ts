import { z } from "zod";
import { Uuid } from "../../kernel/schema.ts";
import { getDelivery } from "../../notifications/deliveries/get-delivery.ts";
import { listDeliveries } from "../../notifications/deliveries/list-deliveries.ts";
import { recoverDeliveries } from "../../notifications/deliveries/recover-deliveries.ts";
import { retryDelivery } from "../../notifications/deliveries/retry-delivery.ts";
import { DELIVERY_STATES } from "../../notifications/model/delivery-rows.ts";
import {
  DeliveriesView,
  DeliveryInDetailView,
  DeliveryView,
  RecoverBody,
  RecoveredView,
  viewDelivery,
  viewDeliveryInDetail,
} from "../../notifications/model/schema.ts";
import { Topic } from "../../notifications/model/topic.ts";
import { operation, Paged } from "../operation.ts";
import { queryInteger, queryPage, querySeconds } from "../query.ts";

// What receivers and operators miss elsewhere: which message went where, the number of attempts, and the responses.

const DeliveryPath = z.object({ delivery: Uuid });

export const deliveryOperations = [
  operation("list_deliveries", {
    method: "get",
    path: "/notifications/deliveries",
    summary: "List the webhook deliveries of the account, newest first",
    query: z.object({
      subscription: Uuid.optional(),
      publisher: Uuid.optional(),
      topic: Topic.optional(),
      twin: Uuid.optional(),
      trigger: z.string().optional(),
      state: z.enum(DELIVERY_STATES).optional(),
      ge: querySeconds(),
      le: querySeconds(),
      cursor: z.string().optional(),
      limit: queryInteger(1, 100, 100),
    }),
    ok: { status: 200, view: DeliveriesView },
    serve: ({ deps, actor, query }) => {
      const { subscription: subscriptionId, publisher: publisherId, twin: twinId, ...rest } = query;
      const filter = { subscriptionId, publisherId, twinId, ...rest };
      const { deliveries, cursor } = deps.store.read((reader) => listDeliveries(reader, actor, filter));
      return new Paged({ deliveries: deliveries.map(viewDelivery), cursor }, cursor);
    },
  }),
  operation("get_delivery", {
    method: "get",
    path: "/notifications/deliveries/{delivery}",
    summary: "Get a webhook delivery with its attempts and the event that caused it",
    params: DeliveryPath,
    query: z.object({ cursor: queryPage.cursor }),
    ok: { status: 200, view: DeliveryInDetailView },
    serve: ({ deps, actor, params, query }) => {
      const page = deps.store.read((reader) => getDelivery(reader, actor, params.delivery, query.cursor));
      return new Paged(viewDeliveryInDetail(page.delivery), page.cursor);
    },
  }),
  operation("retry_delivery", {
    method: "post",
    path: "/notifications/deliveries/{delivery}/retry",
    summary: "Try a webhook delivery again, at once",
    params: DeliveryPath,
    ok: { status: 201, view: DeliveryView },
    serve: async ({ deps, actor, params }) =>
      viewDelivery(await deps.store.write(retryDelivery, actor, { id: params.delivery })),
  }),
  operation("recover_deliveries", {
    method: "post",
    path: "/notifications/recover",
    summary: "Deliver everything that was not delivered since an instant",
    body: RecoverBody,
    ok: { status: 201, view: RecoveredView },
    serve: async ({ deps, actor, body }) => {
      const { since, topic, subscription } = body;
      const wish = { since, topic: topic ?? undefined, subscriptionId: subscription ?? undefined };
      return { recovered: await recoverDeliveries(deps, actor, wish) };
    },
  }),
];
