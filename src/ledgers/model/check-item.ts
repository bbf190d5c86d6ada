import type { UserActor } from "../../kernel/actor.ts";
import { DomainError } from "../../kernel/failure.ts";
import { toSeconds } from "../../kernel/schema.ts";
import { callerWithoutToken, ruleHolds, scopesOf } from "../../policy/scope.ts";
import { ledgerOfCaller } from "../../policy/verdicts.ts";
import { compileRule, type Rule } from "../../rules/rule.ts";
import { compileTemplate } from "../../rules/template.ts";
import type { Reader } from "../../store/sqlite/sql.ts";
import { type Entry, ItemRefusal, NULL } from "./entry.ts";
import type { Ledger } from "./locate-ledger.ts";
import type { EntryChanges, WriteOptions } from "./schema.ts";

/** Whenever the value changes, each topic costs a rule's evaluation and a look-up of subscribers. */
const TOPICS_MAX = 100;

/**
 * Refuses an item with rules or topics that do not compile, with too many topics, or with a timeseries table: this
 * server has none (2.15).
 */
export function assertAcceptable({ visibility, publish, tables }: EntryChanges): void {
  if (visibility) compiled("visibility", () => compileRule(visibility));
  const topics = Object.entries<string>(publish ? JSON.parse(publish) : {});
  if (topics.length > TOPICS_MAX) throw new ItemRefusal("Invalid rule.", `publish: at most ${TOPICS_MAX} topics`);
  for (const [topic, rule] of topics) {
    compiled("publish", () => compileTemplate(topic));
    compiled("publish", () => compileRule(rule));
  }
  const [table] = tables;
  if (table !== undefined) throw new ItemRefusal("Timeseries table does not exist.", table);
}

/**
 * Returns a check that refuses an item whose condition is not met. The condition reads the stored entry, or nulls if
 * there is none (specification 2.8), and those ledger entries that the role permits.
 */
export function conditionsOf(reader: Reader, actor: UserActor, ledger: Ledger, { conditions }: WriteOptions) {
  if (conditions.length === 0) return () => {};
  const texts = new Map(conditions);
  const twin = ledger.twin();
  const scopes = scopesOf(reader, callerWithoutToken(actor), { twin, ledger: ledgerOfCaller(reader, actor, twin) });
  return (name: string, entry: Entry | undefined): void => {
    const text = texts.get(name);
    if (text === undefined) return;
    const rule = compiled("condition", () => compileRule(text));
    const instant = (at: number | undefined) => () => (at === undefined ? null : toSeconds(at));
    const scope = scopes({
      entry: { name, value: () => entry?.value ?? NULL },
      more: {
        value: () => (entry ? JSON.parse(entry.value) : null),
        value_changed_ts: instant(entry?.valueChangedAt),
        entry_created_ts: instant(entry?.createdAt),
        entry_updated_ts: instant(entry?.updatedAt),
      },
    });
    if (!ruleHolds(rule, reader, scope)) throw new ItemRefusal("Condition not met.");
  };
}

function compiled<Compiled extends Rule | object>(where: string, compile: () => Compiled): Compiled {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw new ItemRefusal("Invalid rule.", `${where}: ${error.message}`);
  }
}
