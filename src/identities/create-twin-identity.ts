import { userCommand } from "../access/model/user-command.ts";
import type { Deps } from "../deps.ts";
import { record } from "../journal/record.ts";
import type { UserActor } from "../kernel/actor.ts";
import { DomainError } from "../kernel/failure.ts";
import { writeInParts } from "../kernel/fairness/parts.ts";
import { toSecondsOrNull } from "../kernel/schema.ts";
import { authorOf } from "../policy/author.ts";
import { mayAccessIdentity } from "../policy/verdicts.ts";
import { compileRule } from "../rules/rule.ts";
import { isBulkyList } from "../store/sqlite/command.ts";
import { getTwin } from "../twins/get-twin.ts";
import { countIdentities, findIdentity, type Identity, insertIdentity } from "./rows.ts";

/** Per twin and account. */
export const IDENTITIES_MAX = 1000;

type Wish = { expiresAt: number | null; visibility: string | null };
type Refused = { error: string; detail?: string };
type Input = { twinId: string; identities: [name: string, wish: Wish][] };
type Outcomes = [name: string, outcome: Identity | Refused][];

/** Adds any number of identities to a twin. */
export const createTwinIdentities = ({ store }: Deps, actor: UserActor, { twinId, identities }: Input) =>
  writeInParts<Input["identities"][number], Outcomes[number]>({
    items: identities,
    weightOf: () => 1,
    write: (part) => store.write(createTwinIdentity, actor, { twinId, identities: part }),
    refuse: ([name], error) => [name, { error }],
  });

/**
 * Adds identities of the caller's account to a twin. A name that the account has already given the twin stays as it is,
 * and only that item is refused.
 */
export const createTwinIdentity = userCommand(
  "create_twin_identity",
  (tx, actor, { twinId, identities }: Input): Outcomes => {
    const twin = getTwin(tx, actor, twinId);
    const { accountId } = actor;
    let count = countIdentities(tx, twinId, accountId, IDENTITIES_MAX);
    const outcomes = identities.map(([name, wish]): Outcomes[number] => {
      const author = wish.visibility === null ? null : authorOf(actor);
      const identity = { twinId, accountId, name, ...wish, author, createdAt: tx.now, updatedAt: tx.now };
      if (findIdentity(tx, twinId, accountId, name)) return [name, { error: "Identity already exists." }];
      const detail = wish.visibility === null ? undefined : complaintOf(wish.visibility);
      if (detail) return [name, { error: "Invalid rule.", detail }];
      if (!mayAccessIdentity(tx, actor, twin, identity)) return [name, { error: "Identity not accessible." }];
      if (count >= IDENTITIES_MAX) return [name, { error: "Too many Identities on the Twin." }];
      count++;
      insertIdentity(tx, identity);
      return [name, identity];
    });
    const created = outcomes.flatMap(([name, outcome]) =>
      "error" in outcome
        ? []
        : [[name, { validity_ts: toSecondsOrNull(outcome.expiresAt), visibility: outcome.visibility }]],
    );
    if (created.length > 0) {
      record(tx, actor, {
        kind: "identity.created",
        accountId,
        twinId,
        data: { identities: Object.fromEntries(created) },
      });
    }
    return outcomes;
  },
  ({ identities }) => isBulkyList(identities),
);

/** Returns why a rule is invalid; undefined if it is valid. */
function complaintOf(rule: string): string | undefined {
  try {
    compileRule(rule);
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.message;
    throw error;
  }
}
