import type { Actor } from "../kernel/actor.ts";
import type { JsonObject } from "../kernel/json.ts";
import { type WithRawJson, writeJson } from "../kernel/json-text.ts";
import type { Tx } from "../store/sqlite/sql.ts";
import { insertEvent } from "./rows.ts";

/** An event: its kind, the account, the twin (if any), and the data that changed. */
type Event = {
  kind: `${string}.${string}`;
  accountId: string;
  twinId?: string;
  data: JsonObject | WithRawJson<JsonObject>;
};

/**
 * Writes the journal row of a change in the change's own transaction, and returns its sequence. Never secrets, not even
 * digests of them.
 */
export function record(tx: Tx, actor: Actor, event: Event): number {
  return insertEvent(tx, {
    accountId: event.accountId,
    twinId: event.twinId ?? null,
    kind: event.kind,
    actorKind: actor.kind,
    actorId: idOf(actor),
    data: writeJson(event.data),
  });
}

function idOf(actor: Actor): string | null {
  if (actor.kind === "user") return actor.userId;
  return actor.kind === "device" ? actor.deviceId : null;
}
