import { findToken } from "../access/model/credential-rows.ts";
import { findUserAnywhere } from "../access/model/rows.ts";
import type { UserActor } from "../kernel/actor.ts";
import { DomainError } from "../kernel/failure.ts";
import type { JsonObject, JsonValue } from "../kernel/json.ts";
import type { JsonText } from "../kernel/json-text.ts";
import { systemRandom } from "../kernel/random.ts";
import { toSeconds } from "../kernel/schema.ts";
import { compileRule, holds, type Rule, type Scope } from "../rules/rule.ts";
import type { Reader } from "../store/sqlite/sql.ts";
import { ledgerValues } from "./ledger-values.ts";

/** As much of a twin as rules see. */
export type TwinFacts = { id: string; ownerId: string; description: JsonText | null };

/** What a rule is asked about, beside the caller. */
export type Subject = {
  twin: TwinFacts;
  /** Whose ledger `LEDGER` is; with values of its own if not all of that ledger's are to be seen. */
  ledger: { accountId: string; values?: () => JsonObject };
  identity?: string;
  entry?: { name: string; value: () => JsonText };
  /** Variables that only some rules have, such as a condition's `value`, or that are otherwise for this one. */
  more?: Readonly<Record<string, () => JsonValue | undefined>>;
};

/** As much of a caller as rules see. */
type Performer = Pick<UserActor, "accountId" | "userId" | "dictionary" | "token">;

/**
 * A caller as far as questions of their own see them, such as a scan's `match`. What a token's maker wrote into it is for roles and for other
 * accounts to ask: no answer tells it to whoever holds the token, so no question may.
 */
export const askerOf = ({ accountId, userId, dictionary }: UserActor): Performer => ({
  accountId,
  userId,
  ...(dictionary && { dictionary }),
});

/** The variables of specification 2.13, looked up when a rule asks for them. */
export function scopeOf(reader: Reader, actor: Performer, subject: Subject): Scope {
  const { twin, ledger, identity, entry, more } = subject;
  return (name) => {
    if (more && Object.hasOwn(more, name)) return more[name]?.();
    // Not an object's members: there are scopes by the thousand, and names that every object has.
    switch (name) {
      case "account":
        return actor.accountId;
      case "twin":
        return twin.id;
      case "identity":
        return identity;
      case "ledger":
        return entry && ledger.accountId;
      case "entry_name":
        return entry?.name;
      case "entry_value":
        return entry && JSON.parse(entry.value());
      case "now":
        return toSeconds(reader.now);
      case "USER":
        return findUserAnywhere(reader, actor.userId)?.description;
      case "TWIN":
        return twin.description && JSON.parse(twin.description);
      case "LEDGER":
        return ledger.values?.() ?? ledgerValues(reader, twin.id, ledger.accountId);
      case "DICT":
        return actor.dictionary;
      case "SECRET":
        return actor.token && findToken(reader, actor.token.id)?.secretDict;
      default:
        return undefined;
    }
  };
}

const SHARED = new Set(["USER", "TWIN", "LEDGER", "DICT", "SECRET"]);

/**
 * Scopes for many entries or identities of one twin. What they have in common is looked up once: a ledger may have thousands of
 * entries, and each one's rule may look at all of them.
 */
export function scopesOf(reader: Reader, actor: Performer, common: Subject) {
  const shared = scopeOf(reader, actor, common);
  const known = new Map<string, JsonValue | undefined>();
  return (particular: Pick<Subject, "identity" | "entry" | "more">): Scope => {
    const own = scopeOf(reader, actor, { ...common, ...particular });
    return (name) => {
      if (!SHARED.has(name) || (particular.more && Object.hasOwn(particular.more, name))) return own(name);
      if (!known.has(name)) known.set(name, shared(name));
      return known.get(name);
    };
  };
}

/**
 * Steps that all rules of one read or command may take: some 5 ms, in which nothing else is served. A ledger has room for thousands of entries,
 * each with a rule.
 */
const STEPS_MAX = 50_000;

type StepBudget = { stepsLeft: number };

/** Steps for the rules of several reads, or of a part of one. */
export const stepBudget = (steps: number): StepBudget => ({ stepsLeft: steps });

const budgets = new WeakMap<Reader, StepBudget>();

/** A reader whose rules take their steps from this budget and no other. */
export function metered(reader: Reader, budget: StepBudget): Reader {
  const own = { ...reader };
  budgets.set(own, budget);
  return own;
}

function budgetOf(reader: Reader): StepBudget {
  const known = budgets.get(reader);
  if (known) return known;
  const budget = stepBudget(STEPS_MAX);
  budgets.set(reader, budget);
  return budget;
}

/** Whether the rules of this read have had their time, so that the next one would be refused. */
export const isSpent = (reader: Reader) => budgetOf(reader).stepsLeft <= 0;

const CHANCES = 2 ** 32;
const chance = () => systemRandom.below(CHANCES) / CHANCES;

/**
 * The verdict of a rule. Whatever goes wrong while it is evaluated counts as no; but where so many rules have been asked that nobody
 * else should wait any longer, the whole request is refused.
 */
export function ruleHolds(rule: string | Rule, reader: Reader, scope: Scope): boolean {
  const budget = budgetOf(reader);
  if (budget.stepsLeft <= 0) {
    throw new DomainError({
      code: "limited",
      kind: "quota",
      message: "The rules of this request take too many steps.",
    });
  }
  const compiled = typeof rule === "string" ? compileRule(rule) : rule;
  return holds(compiled, scope, { now: reader.now, random: chance, budget });
}
