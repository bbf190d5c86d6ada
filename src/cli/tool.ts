import { loadConfig } from "../config.ts";
import { systemClock } from "../kernel/clock.ts";
import { createLog } from "../kernel/log.ts";
import { type Random, systemRandom } from "../kernel/random.ts";
import { openToolStore, type Store } from "../store/store.ts";

/** Opens the store of the configured data directory, with or without a running server, while `use` runs. */
export async function withToolStore<Result>(
  flags: Record<string, string>,
  use: (store: Store, random: Random) => Promise<Result>,
): Promise<Result> {
  const config = loadConfig(flags);
  const log = createLog(config.logLevel, systemClock.now, (line) => process.stderr.write(line));
  const store = await openToolStore({ dataDir: config.dataDir, clock: systemClock, random: systemRandom, log });
  try {
    return await use(store, systemRandom);
  } finally {
    await store.close();
  }
}

type Credentials = { account: string; user: string; role: string; secret: string; token: string };

/** Prints credentials: the only place where a secret is printed, and it cannot be printed again. */
export function printCredentials(what: string, credentials: Credentials, json: boolean): void {
  const { account, user, role, secret, token } = credentials;
  const text = json
    ? JSON.stringify({ account, user, role, secret, token })
    : `The new ${what}. The secret is shown only once; keep it.

  account  ${account}
  user     ${user}
  role     ${role}
  secret   ${secret}
  token    ${token}   (the same secret, for clients that send X-Auth-Token)`;
  process.stdout.write(`${text}\n`);
}
