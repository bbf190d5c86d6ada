import { record } from "../../journal/record.ts";
import type { Actor } from "../../kernel/actor.ts";
import type { JsonObject, JsonValue } from "../../kernel/json.ts";
import { type JsonText, writeJson, writeObject } from "../../kernel/json-text.ts";
import { toSeconds } from "../../kernel/schema.ts";
import { publish } from "../../notifications/model/publish.ts";
import { TOPIC } from "../../notifications/model/topic.ts";
import type { Author } from "../../policy/author.ts";
import { type AuthorView, authorViews } from "../../policy/author-view.ts";
import { callerWithoutToken, ruleHolds, scopeOf } from "../../policy/scope.ts";
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
type EntryEvent = { name: string; event: JsonText };

/** An invalid topic name is not published, only journaled: this much of it. */
const SKIPPED_LENGTH_MAX = 200;

/**
 * Publishes changes of entries as their `publish` rules ask (specification 2.8): one message for each topic, with every
 * entry of the request that has a rule for it which holds. Rules and topics are evaluated with the rights of their
 * author, not of the caller: a value that the author may not read is not published, and a rule that mentions it
 * does not hold. Only values are published, so a change of properties alone publishes nothing. An invalid topic is
 * skipped and journaled.
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
  const authorViewOf = authorViews(tx, twin, ledger.accountId);
  const byTopic = new Map<string, EntryEvent[]>();
  const skipped: JsonObject[] = [];
  for (const change of published) {
    const { name } = (change.after ?? change.before) as Entry;
    for (const [topic, event] of topicsOf(tx, actor, twin, authorViewOf, change)) {
      if (TOPIC.test(topic)) byTopic.set(topic, [...(byTopic.get(topic) ?? []), { name, event }]);
      else skipped.push({ entry: name, topic: topic.slice(0, SKIPPED_LENGTH_MAX).toWellFormed() });
    }
  }
  const where = { accountId: ledger.accountId, twinId: twin.id };
  for (const [topic, events] of byTopic) {
    const event = writeObject(events.map(({ name, event }) => [name, event]));
    publish(tx, { ...where, trigger, topics: [topic], event });
  }
  if (skipped.length > 0) record(tx, actor, { kind: "notification.skipped", ...where, data: { skipped } });
}

/**
 * The topics that a change is published on, with the event for each. A topic counts once, even if several templates
 * yield it.
 */
function topicsOf(
  tx: Tx,
  actor: Actor,
  twin: Twin,
  authorViewOf: ReturnType<typeof authorViews>,
  change: Change,
): Map<string, JsonText> {
  const entry = (change.after ?? change.before) as Entry;
  const caller = actor.kind === "user" ? actor : undefined;
  const authorOf = publisherIn(entry);
  const views = new Map<Author, View | undefined>();
  const topics = new Map<string, Change>();
  for (const [template, rule] of Object.entries<string>(JSON.parse(entry.publish as JsonText))) {
    const author = authorOf(template);
    if (!views.has(author)) views.set(author, viewOf(tx, twin, authorViewOf(author, caller), change));
    const view = views.get(author);
    const topic = view && topicIn(tx, view, entry, template, rule);
    // One of two authors may not be permitted to read the previous value.
    if (topic !== undefined && !topics.get(topic)?.before) topics.set(topic, view?.seen as Change);
  }
  return new Map(Array.from(topics, ([topic, seen]) => [topic, eventOf(tx, seen)]));
}

/** What the author of a publishing rule may see of a change, and the scope of the rule and its topic. */
type View = { authorView: AuthorView; seen: Change; scope: Scope };

/** Undefined if the author may not read the entry's present value, or its last value if it was deleted. */
function viewOf(reader: Reader, twin: Twin, authorView: AuthorView, { before, after }: Change): View | undefined {
  const mayHave = before && authorView.sees(before, before.value);
  if (!(after ? authorView.sees(after) : mayHave)) return undefined;
  const seen: Change = { ...(mayHave && { before }), ...(after && { after }) };
  return { authorView, seen, scope: scopeOfChange(reader, twin, authorView, seen) };
}

/**
 * The scope after the change, with the value on both sides of it. `DICT` is the request's dictionary if the author
 * makes the change; a token's dictionary is left out, because the topic would reveal it to the token's holder.
 */
function scopeOfChange(reader: Reader, twin: Twin, { rights, values }: AuthorView, { before, after }: Change): Scope {
  const entry = (after ?? before) as Entry;
  const author = typeof rights === "string" ? { accountId: entry.accountId, userId: "" } : callerWithoutToken(rights);
  const valueIn = (entry: Entry | undefined): JsonValue => JSON.parse(entry?.value ?? NULL);
  return scopeOf(reader, author, {
    twin,
    ledger: { accountId: entry.accountId, values: () => values(after) },
    entry: { name: entry.name, value: () => after?.value ?? NULL },
    more: { new_value: () => valueIn(after), old_value: () => valueIn(before) },
  });
}

/**
 * The topic that a template yields if its rule holds. Undefined if rule or template mentions something hidden from the
 * author, or the user if the author is gone.
 */
function topicIn(
  reader: Reader,
  { authorView, scope }: View,
  entry: Entry,
  text: string,
  condition: string,
): string | undefined {
  const rule = compileRule(condition);
  const template = compileTemplate(text);
  const isGone = authorView.rights === "former" && (variablesOf(rule).has("USER") || writes(template, "USER"));
  if (isGone || !authorView.mayMention(() => mentionsOf(rule, "LEDGER"), entry)) return undefined;
  if (!authorView.mayMention(() => mentionsInTemplate(template, "LEDGER"), entry) || !ruleHolds(rule, reader, scope))
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
