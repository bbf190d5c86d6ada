import { record } from "../../events/record.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import { type JsonText, writeJson, writeObject } from "../../kernel/json-text.ts";
import { toSeconds } from "../../kernel/schema.ts";
import { publish } from "../../notifications/model/publish.ts";
import { TOPIC } from "../../notifications/model/topic.ts";
import type { Author } from "../../policy/author.ts";
import { type Eyes, eyesOn } from "../../policy/eyes.ts";
import { askerOf, ruleHolds, scopeOf } from "../../policy/scope.ts";
import { mentionsOf } from "../../rules/mentions.ts";
import { compileRule, type Scope, variablesOf } from "../../rules/rule.ts";
import { compileTemplate, mentionsInTemplate, renderName, type Template } from "../../rules/template.ts";
import type { Reader, Tx } from "../../store/sqlite/sql.ts";
import { findTwin, type Twin } from "../../twins/rows.ts";
import { publisherIn } from "../model/authors.ts";
import { type Entry, NULL } from "../model/entry.ts";
import type { Change } from "./record-entries.ts";

type Trigger = "ledger.entry.added" | "ledger.entry.updated" | "ledger.entry.deleted";
type LedgerKey = { twinId: string; accountId: string };
type Told = { name: string; event: JsonText };

/** A topic's name is told to nobody when it is none, but to the journal: this much of it. */
const SKIPPED_LENGTH_MAX = 200;

/**
 * Publishes what entries ask to have published (specification 2.8): one message for each topic, with every entry of the request that has
 * a rule for it which holds. Rules and topics are evaluated with the rights of who set them, whoever changes the entry: what they may not
 * read is not told, and no rule that names it holds. Only values are told, so a change of nothing but properties is not. A topic that comes
 * out invalid is skipped, and the journal says so.
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
  const eyesOf = eyesOn(tx, twin, ledger.accountId);
  const byTopic = new Map<string, Told[]>();
  const skipped: JsonObject[] = [];
  for (const change of published) {
    const { name } = (change.after ?? change.before) as Entry;
    for (const [topic, event] of topicsOf(tx, actor, twin, eyesOf, change)) {
      if (TOPIC.test(topic)) byTopic.set(topic, [...(byTopic.get(topic) ?? []), { name, event }]);
      else skipped.push({ entry: name, topic: topic.slice(0, SKIPPED_LENGTH_MAX).toWellFormed() });
    }
  }
  const where = { accountId: ledger.accountId, twinId: twin.id };
  for (const [topic, told] of byTopic) {
    const event = writeObject(told.map(({ name, event }) => [name, event]));
    publish(tx, { ...where, trigger, topics: [topic], event });
  }
  if (skipped.length > 0) record(tx, actor, { kind: "notification.skipped", ...where, data: { skipped } });
}

/** The topics on which a change is told, each once though two templates may come to the same, with what is told there. */
function topicsOf(
  tx: Tx,
  actor: Actor,
  twin: Twin,
  eyesOf: ReturnType<typeof eyesOn>,
  change: Change,
): Map<string, JsonText> {
  const entry = (change.after ?? change.before) as Entry;
  const caller = actor.kind === "user" ? actor : undefined;
  const authorOf = publisherIn(entry);
  const views = new Map<Author, View | undefined>();
  const topics = new Map<string, Change>();
  for (const [template, rule] of Object.entries<string>(JSON.parse(entry.publish as JsonText))) {
    const author = authorOf(template);
    if (!views.has(author)) views.set(author, viewOf(tx, twin, eyesOf(author, caller), change));
    const view = views.get(author);
    const topic = view && topicIn(tx, view, entry, template, rule);
    // Of two authors one may not have seen the value before.
    if (topic !== undefined && !topics.get(topic)?.before) topics.set(topic, view?.seen as Change);
  }
  return new Map(Array.from(topics, ([topic, seen]) => [topic, eventOf(tx, seen)]));
}

/** What the author of a publishing rule sees of a change, and what the rule and its topic see. */
type View = { eyes: Eyes; seen: Change; scope: Scope };

/** Undefined where the author may not read what the entry is now, or was at last. */
function viewOf(reader: Reader, twin: Twin, eyes: Eyes, { before, after }: Change): View | undefined {
  const mayHave = before && eyes.sees(before, before.value);
  if (!(after ? eyes.sees(after) : mayHave)) return undefined;
  const seen: Change = { ...(mayHave && { before }), ...(after && { after }) };
  return { eyes, seen, scope: scopeOfChange(reader, twin, eyes, seen) };
}

/**
 * The entry and its ledger after the change, and the value on both sides of it. `DICT` is the header of who set the rule, if the change is
 * theirs; a token's dictionary would be told by the topic to whoever holds the token.
 */
function scopeOfChange(reader: Reader, twin: Twin, { standing, values }: Eyes, { before, after }: Change): Scope {
  const entry = (after ?? before) as Entry;
  const author = typeof standing === "string" ? { accountId: entry.accountId, userId: "" } : askerOf(standing);
  const valueIn = (entry: Entry | undefined): JsonValue => JSON.parse(entry?.value ?? NULL);
  return scopeOf(reader, author, {
    twin,
    ledger: { accountId: entry.accountId, values: () => values(after) },
    entry: { name: entry.name, value: () => after?.value ?? NULL },
    more: { new_value: () => valueIn(after), old_value: () => valueIn(before) },
  });
}

/** The topic that a template comes to if its rule holds, and both name nothing that is kept from their author, or gone with them. */
function topicIn(
  reader: Reader,
  { eyes, scope }: View,
  entry: Entry,
  text: string,
  condition: string,
): string | undefined {
  const rule = compileRule(condition);
  const template = compileTemplate(text);
  const isGone = eyes.standing === "former" && (variablesOf(rule).has("USER") || writes(template, "USER"));
  if (isGone || !eyes.mayName(() => mentionsOf(rule, "LEDGER"), entry)) return undefined;
  if (!eyes.mayName(() => mentionsInTemplate(template, "LEDGER"), entry) || !ruleHolds(rule, reader, scope))
    return undefined;
  return renderName(template, scope);
}

const writes = (template: Template, variable: string) => {
  const mentions = mentionsInTemplate(template, variable);
  return mentions === "all" || mentions.size > 0;
};

const eventOf = (tx: Tx, { before, after }: Change): JsonText =>
  writeObject([
    ["new_value", after?.value ?? NULL],
    ["old_value", before?.value ?? NULL],
    ["changed_ts", writeJson(toSeconds(after?.valueChangedAt ?? tx.now))],
  ]);
