import { record } from "../../journal/record.ts";
import { OPERATOR } from "../../kernel/actor.ts";
import { notFound } from "../../kernel/failure.ts";
import type { Random } from "../../kernel/random.ts";
import { command } from "../../store/sqlite/command.ts";
import type { Store } from "../../store/store.ts";
import { deletePinOf, replaceSecret } from "../model/credential-rows.ts";
import { type CredentialDigests, digestsOf, newCredentials } from "../model/credentials.ts";
import { findUserAnywhere, type User } from "../model/rows.ts";

type Input = { userId: string; digests: CredentialDigests };

const replaceUserSecret = command("reset_user_secret", (tx, actor, { userId, digests }: Input): User => {
  const user = findUserAnywhere(tx, userId);
  if (!user) throw notFound("User", userId);
  const times = { expiresAt: null, grantedUntil: null, makerUntil: null, createdAt: tx.now, updatedAt: tx.now };
  const secret = { userId, fingerprint: digests.fingerprint, ceiling: null, ...times };
  // The maker of a waiting PIN could replace the new secret with it.
  deletePinOf(tx, userId);
  replaceSecret(tx, secret, digests);
  const data = { user: userId, fingerprint: secret.fingerprint };
  record(tx, actor, { kind: "secret.created", accountId: user.accountId, data });
  return user;
});

/**
 * For the operator of the machine: a new secret without expiry for any user, shown only this once. The old secret and a
 * waiting PIN end.
 */
export async function resetUserSecret(store: Store, random: Random, userId: string) {
  const credentials = newCredentials(random);
  const user = await store.write(replaceUserSecret, OPERATOR, { userId, digests: digestsOf(credentials) });
  return { account: user.accountId, user: user.id, role: user.roleId, ...credentials };
}
