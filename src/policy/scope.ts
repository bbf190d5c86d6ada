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

/** The part of a twin that rules read. */
export type TwinFacts = { id: string; ownerId: string; description: JsonText | null };

/** What a rule is evaluated about, apart from the caller. */
export type Subject = {
  twin: TwinFacts;
  /** The account that `LEDGER` belongs to, with `values` if the rule may not see all of that ledger. */
  ledger: { accountId: string; values?: () => JsonObject };
  identity?: string;
  entry?: { name: string; value: () => JsonText };
  /** Variables that only some rules have, such as a condition's `value`, or that differ for this rule. */
  more?: Readonly<Record<string, () => JsonValue | undefined>>;
};

/** The part of a caller that rules read. */
type Performer = Pick<UserActor, "accountId" | "userId" | "dictionary" | "token">;

/**
 * The part of a caller that rules in their own requests read, such as a scan's `match`: without the token's secret
 * dictionary. That is for roles and other accounts; no answer shows it to the token's holder, so no rule of theirs may
 * probe it.
 */
export const callerWithoutToken = ({ accountId, userId, dictionary }: UserActor): Performer => ({
  accountId,
  userId,
  ...(dictionary && { dictionary }),
});

/** The variables of specification 2.13, looked up when a rule reads them. */
export function scopeOf(reader: Reader, actor: Performer, subject: Subject): Scope {
  const { twin, ledger, identity, entry, more } = subject;
  return (name) => {
    if (more && Object.hasOwn(more, name)) return more[name]?.();
    // A switch, not an object: scopes are made by the thousand, and every object has inherited member names.
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
 * Scopes for many entries or identities of one twin. Common variables are looked up once: a ledger may have thousands
 * of entries, and each one's rule may read all of them.
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
 * Steps that all rules of one read or command may take together: some 5 ms, during which nothing else is served. A
 * ledger may have thousands of entries, each with a rule.
 */
const STEPS_MAX = 50_000;

type StepBudget = { stepsLeft: number };

/** A budget shared by the rules of several reads, or for a part of one. */
export const stepBudget = (steps: number): StepBudget => ({ stepsLeft: steps });

const budgets = new WeakMap<Reader, StepBudget>();

/** A copy of the reader whose rules use this budget and no other. */
export function withBudget(reader: Reader, budget: StepBudget): Reader {
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

/** Whether the rules of this read have used up their steps, so that the next one would be refused. */
export const isBudgetSpent = (reader: Reader) => budgetOf(reader).stepsLeft <= 0;

const CHANCES = 2 ** 32;
const chance = () => systemRandom.below(CHANCES) / CHANCES;

/**
 * Evaluates a rule. Errors in the rule count as false. Once the budget of the read is used up, the whole request is
 * refused, because other requests wait meanwhile.
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
