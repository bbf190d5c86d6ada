import { record } from "../events/record.ts";
import type { Actor } from "../kernel/actor.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import { type JsonText, writeJson, writeObject } from "../kernel/json-text.ts";
import { once } from "../kernel/once.ts";
import { toSeconds } from "../kernel/schema.ts";
import { publish, type Trigger } from "../notifications/publish.ts";
import { TOPIC } from "../notifications/topic.ts";
import { ledgerValues } from "../policy/ledger-values.ts";
import { type Performer, ruleHolds, scopeOf } from "../policy/scope.ts";
import type { Scope } from "../rules/rule.ts";
import { compileTemplate, renderName } from "../rules/template.ts";
import type { Reader, Tx } from "../store/sql.ts";
import { findTwin, type Twin } from "../twins/rows.ts";
import { type Entry, NULL } from "./entry.ts";
import type { Change } from "./record-entries.ts";

type LedgerKey = { twinId: string; accountId: string };
type Told = { name: string; event: JsonText };

/** A topic's name is told to nobody when it is none, but to the journal: this much of it. */
const SKIPPED_LENGTH_MAX = 200;

/**
 * Publishes what entries ask to have published (specification 2.8): one message for each topic, with every entry of the request that has
 * a rule for it which holds. Only values are told, so a change of nothing but properties is not. A topic that comes out
 * invalid is skipped, and the journal says so.
 */
export function publishEntries(
  tx: Tx,
  actor: Actor,
  trigger: Trigger,
  ledger: LedgerKey,
  changes: readonly Change[],
): void {
  const published = changes.filter(
    ({ before, after }) => (after ?? before)?.publish && before?.valueChangedAt !== after?.valueChangedAt,
  );
  const twin = published.length > 0 ? findTwin(tx, ledger.twinId) : undefined;
  if (!twin) return;
  const values = once(() => ledgerValues(tx, twin.id, ledger.accountId));
  const byTopic = new Map<string, Told[]>();
  const skipped: JsonObject[] = [];
  for (const change of published) {
    const entry = (change.after ?? change.before) as Entry;
    const scope = scopeOfChange(tx, performerOf(actor, entry), { twin, accountId: ledger.accountId, values }, change);
    const told = { name: entry.name, event: eventOf(tx, change) };
    for (const topic of topicsOf(tx, entry, scope)) {
      if (TOPIC.test(topic)) byTopic.set(topic, [...(byTopic.get(topic) ?? []), told]);
      else skipped.push({ entry: entry.name, topic: topic.slice(0, SKIPPED_LENGTH_MAX).toWellFormed() });
    }
  }
  const where = { accountId: ledger.accountId, twinId: twin.id };
  for (const [topic, told] of byTopic) {
    const event = writeObject(told.map(({ name, event }) => [name, event]));
    publish(tx, { ...where, trigger, topics: [topic], event });
  }
  if (skipped.length > 0) record(tx, actor, { kind: "notification.skipped", ...where, data: { skipped } });
}

/** The topics whose rule holds, each once though two templates may come to the same. */
function topicsOf(reader: Reader, { publish }: Entry, scope: Scope): Set<string> {
  const rules = Object.entries<string>(JSON.parse(publish as JsonText));
  const held = rules.filter(([, rule]) => ruleHolds(rule, reader, scope));
  return new Set(held.map(([template]) => renderName(compileTemplate(template), scope)));
}

/** A reference is copied by ourselves, for whoever added it; who has left since is nobody to rules. */
const performerOf = (actor: Actor, entry: Entry): Performer =>
  actor.kind === "user" ? actor : { accountId: entry.accountId, userId: entry.reference?.addedBy ?? "" };

/** What a publishing rule and a topic see: the entry and its ledger after the change, and the value on both sides of it. */
function scopeOfChange(
  reader: Reader,
  performer: Performer,
  ledger: { twin: Twin; accountId: string; values: () => JsonObject },
  { before, after }: Change,
): Scope {
  const valueIn = (entry: Entry | undefined): JsonValue => JSON.parse(entry?.value ?? NULL);
  return scopeOf(reader, performer, {
    twin: ledger.twin,
    ledger,
    entry: { name: (after ?? before)?.name as string, value: () => after?.value ?? NULL },
    more: { new_value: () => valueIn(after), old_value: () => valueIn(before) },
  });
}

const eventOf = (tx: Tx, { before, after }: Change): JsonText =>
  writeObject([
    ["new_value", after?.value ?? NULL],
    ["old_value", before?.value ?? NULL],
    ["changed_ts", writeJson(toSeconds(after?.valueChangedAt ?? tx.now))],
  ]);
