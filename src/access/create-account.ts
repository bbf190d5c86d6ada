import { record } from "../journal/record.ts";
import { NO_RULES, OPERATOR } from "../kernel/actor.ts";
import type { Random } from "../kernel/random.ts";
import { command } from "../store/sqlite/command.ts";
import type { Store } from "../store/store.ts";
import { replaceSecret } from "./model/credential-rows.ts";
import { type CredentialDigests, digestsOf, newCredentials } from "./model/credentials.ts";
import { insertAccount, insertRole, insertUser } from "./model/rows.ts";

type Input = { name: string; accountId: string; roleId: string; userId: string; digests: CredentialDigests };

const SUPER_ADMIN = "Super Admin";

/**
 * Inserts an account with its first role, which permits everything, its first user, and that user's secret
 * (specification 2.1).
 */
const insertNewAccount = command(
  "create_account",
  (tx, actor, { name, accountId, roleId, userId, digests }: Input): null => {
    const times = { createdAt: tx.now, updatedAt: tx.now };
    const statement = { effect: "deny" as const, actions: [] };
    insertAccount(tx, { id: accountId, name, resourceAccessLog: null, ...times });
    insertRole(tx, { id: roleId, accountId, name: SUPER_ADMIN, statement, rules: NO_RULES, ...times });
    insertUser(tx, { id: userId, accountId, roleId, name: SUPER_ADMIN, description: null, activity: null, ...times });
    const secret = { userId, fingerprint: digests.fingerprint, expiresAt: null, grantedUntil: null, makerUntil: null };
    replaceSecret(tx, { ...secret, ceiling: null, ...times }, digests);
    record(tx, actor, { kind: "account.created", accountId, data: { name, role: roleId, user: userId } });
    return null;
  },
);

/** Creates an account and returns its ids and the credentials of its super admin, which are shown only this once. */
export async function createAccount(store: Store, random: Random, name: string) {
  const credentials = newCredentials(random);
  const ids = { accountId: random.uuid(), roleId: random.uuid(), userId: random.uuid() };
  await store.write(insertNewAccount, OPERATOR, { name, ...ids, digests: digestsOf(credentials) });
  return { account: ids.accountId, user: ids.userId, role: ids.roleId, ...credentials };
}
