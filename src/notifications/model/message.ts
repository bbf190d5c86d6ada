import type { JsonText } from "../../kernel/json-text.ts";
import { toSeconds } from "../../kernel/schema.ts";
import type { Vault } from "../../store/keys/vault.ts";
import type { Delivery } from "./delivery-rows.ts";
import { hashOf, openHashKey } from "./secrets.ts";
import { linkOf, type Purpose } from "./tokens.ts";

type Field = readonly [name: string, text: JsonText];

/**
 * The body of a delivery (specification 2.12), the same bytes at each attempt: all inputs were fixed when it was
 * enqueued. Links and hash need keys that the database has only sealed, so they are inserted here.
 */
export function bodyOf(vault: Vault, delivery: Delivery): string {
  const fields = fieldsOf(vault, delivery);
  const hashed = fields.filter(([name]) => name !== "number" && name !== "publisher");
  const key = delivery.hashKey === null ? null : openHashKey(vault, delivery.subscriptionId, delivery.hashKey);
  const hash: Field[] = key
    ? [
        [
          "hash",
          json(
            hashOf(
              key,
              hashed.map(([, text]) => plain(text)),
            ),
          ),
        ],
      ]
    : [];
  return objectOf([...fields, ...hash]);
}

/** In hash order. `number` and `publisher`, which the original does not have, are covered by the signature only. */
function fieldsOf(vault: Vault, delivery: Delivery): Field[] {
  const { type, id, trigger, twinId, event, number, sentAt, publisherId } = delivery;
  const link = (purpose: Purpose) =>
    json(linkOf(vault, delivery.linkBase, purpose, { accountId: delivery.accountId, id: delivery.subscriptionId }));
  const named: Field[] = [
    ["topic", json(delivery.topic)],
    ["account", json(delivery.accountId)],
    ["validity_ts", json(toSeconds(delivery.validityAt))],
  ];
  const head: Field = ["type", json(type)];
  const message: Field = ["message", json(id)];
  const sent: Field = ["sent_ts", json(toSeconds(sentAt))];
  if (type === "Confirmation") {
    return [head, message, sent, ["confirmation_url", link("c")], ["subscription", objectOf(named)]];
  }
  const linked = objectOf([...named, ["refresh_url", link("r")], ["unsubscribe_url", link("u")]]);
  if (type === "Expiring") return [head, message, sent, ["refresh_url", link("r")], ["subscription", linked]];
  return [
    head,
    ["trigger", json(trigger)] as const,
    message,
    ["twin", json(twinId)] as const,
    ["event", event as JsonText] as const,
    sent,
    ["subscription", linked] as const,
    ["number", json(number)] as const,
    // Not inside the event, whose members are names of entries.
    ...(publisherId === "" ? [] : [["publisher", json(publisherId)] as const]),
  ];
}

const json = (value: string | number | null) => JSON.stringify(value) as JsonText;
const objectOf = (fields: readonly Field[]) =>
  `{${fields.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}` as JsonText;

/** For the hash: strings without quotes, anything else as its JSON text in the body. */
const plain = (text: JsonText): string => (text.startsWith('"') ? JSON.parse(text) : text);
