import { accountCreate } from "./cli/account-create.ts";
import { backup } from "./cli/backup.ts";
import { check } from "./cli/check.ts";
import { exportTo } from "./cli/export.ts";
import { importFrom } from "./cli/import.ts";
import { restoreBackup } from "./cli/restore.ts";
import { secretReset } from "./cli/secret-reset.ts";
import { serve } from "./cli/serve.ts";
import { parseArguments, USAGE, UsageError } from "./cli/usage.ts";
import { describeVersion } from "./cli/version.ts";
import { ConfigError } from "./config.ts";
import { DomainError } from "./kernel/failure.ts";
import { PlainError } from "./kernel/plain-error.ts";
import { ListenError } from "./platform/listen-error.ts";
import { MigrationError } from "./store/migrate.ts";
import { StoreInUse } from "./store/store.ts";
import { MasterKeyError } from "./store/vault.ts";

/** Errors whose message is all that whoever started us needs. Any other is our bug, and shown whole. */
const PLAIN = [
  ...[UsageError, ConfigError, DomainError, PlainError, ListenError],
  ...[StoreInUse, MigrationError, MasterKeyError],
];

async function run(argv: string[]): Promise<void> {
  const call = parseArguments(argv);
  const command = call.words.join(" ");
  if (call.options.help || argv.length === 0) process.stdout.write(USAGE);
  else if (call.options.version) process.stdout.write(`${describeVersion()}\n`);
  else if (command === "serve") await serve(call.flags);
  else if (command === "account create") await accountCreate(call);
  else if (command === "secret reset") await secretReset(call);
  else if (call.words[0] === "backup") await backup(call);
  else if (call.words[0] === "restore") await restoreBackup(call);
  else if (call.words[0] === "check") await check(call);
  else if (call.words[0] === "export") await exportTo(call);
  else if (call.words[0] === "import") await importFrom(call);
  else throw new UsageError(`there is no command "${command}"; see twinpost --help`);
}

try {
  await run(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  const plain = PLAIN.some((kind) => error instanceof kind);
  process.stderr.write(`twinpost: ${error instanceof Error ? (plain ? error.message : error.stack) : String(error)}\n`);
  process.exit(error instanceof UsageError || error instanceof ConfigError ? 2 : 1);
}
