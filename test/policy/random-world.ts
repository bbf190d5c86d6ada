import fc from "fast-check";
import { type Rule, ruleOrNull, tellingRule } from "./rule-pool.ts";

// The parts that a random world is drawn from. Accounts and twins are identified by index until they have ids.

export const ACCOUNTS = 3;
const TWINS = 4;
export const ENTRY_NAMES = ["a", "b", "c", "d"] as const;
export const IDENTITY_NAMES = ["RFID#1", "RFID#2", "NFC#1"] as const;

const anyAccount = fc.nat(ACCOUNTS - 1);
export const anyTwin = fc.nat(TWINS - 1);
export const anyValue = fc.constantFrom(null, 1, 1, 2, 2, "cat", "a", ["a", "b"], ["c"]);
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
const anyKind = maybe(fc.constantFrom("cat", "dog"));
const dictionary = fc.option(fc.record({ k: fc.constantFrom(1, 2) }), { nil: null });

const twin = fc.record({
  owner: anyAccount,
  terminated: fc.constantFrom(false, false, true),
  description: fc.option(fc.record({ kind: anyKind, friend: maybe(anyAccount) }), { nil: null }),
});

const content = fc.oneof(
  { weight: 5, arbitrary: fc.record({ values: fc.array(anyValue, { minLength: 1, maxLength: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ includes: fc.record({ twin: anyTwin, name: fc.constantFrom(...ENTRY_NAMES) }) }),
  },
  { weight: 1, arbitrary: fc.record({ refersTo: fc.record({ twin: anyTwin, account: anyAccount }) }) },
);

const entry = fc.record({
  twin: anyTwin,
  account: anyAccount,
  name: fc.constantFrom(...ENTRY_NAMES),
  content,
  visibility: ruleOrNull("entry", 2),
  history: fc.boolean(),
});

const identity = fc.record({
  twin: anyTwin,
  account: anyAccount,
  name: fc.constantFrom(...IDENTITY_NAMES),
  visibility: ruleOrNull("identity", 2),
  /** Milliseconds after the moment of all reads. */
  expiresIn: fc.constantFrom(null, null, -1, 0, 1),
});

const anyRules = { twin: ruleOrNull("twin", 4), identity: ruleOrNull("identity", 2), entry: ruleOrNull("entry", 2) };
const tellingRules = {
  twin: fc.option(tellingRule("twin")),
  identity: tellingRule("identity"),
  entry: tellingRule("entry"),
};

const userWith = (rules: { [kind in keyof RoleRules]: fc.Arbitrary<Rule | null> }) =>
  fc.record({
    description: fc.option(fc.record({ kind: anyKind, level: maybe(fc.constantFrom(1, 2)), home: maybe(anyTwin) }), {
      nil: null,
    }),
    rules: fc.record(rules),
    dictionary,
    secretDictionary: dictionary,
  });

/** Leaves out sources in the same ledger, which are refused. */
const isElsewhere = ({ twin, account, content }: typeof entry extends fc.Arbitrary<infer Entry> ? Entry : never) =>
  "includes" in content
    ? content.includes.twin !== twin
    : !("refersTo" in content) || content.refersTo.twin !== twin || content.refersTo.account !== account;

const planWith = (rules: Parameters<typeof userWith>[0]) =>
  fc.record({
    twins: fc.array(twin, { minLength: TWINS, maxLength: TWINS }),
    entries: fc.uniqueArray(entry.filter(isElsewhere), {
      selector: ({ twin, account, name }) => `${twin} ${account} ${name}`,
      minLength: 15,
      maxLength: 40,
    }),
    identities: fc.uniqueArray(identity, {
      selector: ({ twin, account, name }) => `${twin} ${account} ${name}`,
      minLength: 5,
      maxLength: 20,
    }),
    /** One per account, beside its super admin. */
    users: fc.array(userWith(rules), { minLength: ACCOUNTS, maxLength: ACCOUNTS }),
  });

export const anyPlan = planWith(anyRules);
/** For writers: each of their rules affects what they do. */
export const anyWritersPlan = planWith(tellingRules);

export type Plan = typeof anyPlan extends fc.Arbitrary<infer Drawn> ? Drawn : never;
export type RoleRules = { twin: Rule | null; identity: Rule | null; entry: Rule | null };
