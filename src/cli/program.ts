import { ConfigError } from "../config.ts";
import { DomainError } from "../kernel/failure.ts";
import { OperatorError } from "../kernel/operator-error.ts";
import { ListenError } from "../platform/listen-error.ts";
import { MasterKeyError } from "../store/keys/vault.ts";
import { MigrationError } from "../store/migrations/migrate.ts";
import { StoreInUse } from "../store/store.ts";
import { accountCreate } from "./account-create.ts";
import { backup } from "./backup.ts";
import { check } from "./check.ts";
import { exportTo } from "./export.ts";
import { help } from "./help.ts";
import { importFrom } from "./import.ts";
import { restoreBackup } from "./restore.ts";
import { secretReset } from "./secret-reset.ts";
import { serve } from "./serve.ts";
import { describeUsage, parseArguments, UsageError } from "./usage.ts";
import { describeVersion } from "./version.ts";

/** Errors whose message is enough for the operator. Any other error is a bug of ours and is printed with its stack. */
const PLAIN = [
  UsageError,
  ConfigError,
  DomainError,
  OperatorError,
  ListenError,
  StoreInUse,
  MigrationError,
  MasterKeyError,
];

/** Runs a command line and returns the exit code: 0 done, 1 failed, 2 wrong usage. The error goes to standard error. */
export async function runProgram(argv: string[]): Promise<0 | 1 | 2> {
  try {
    await run(argv);
    return 0;
  } catch (error) {
    const plain = PLAIN.some((kind) => error instanceof kind);
    const text = error instanceof Error ? (plain ? error.message : error.stack) : String(error);
    process.stderr.write(`twinpost: ${text}\n`);
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

async function run(argv: string[]): Promise<void> {
  const call = parseArguments(argv);
  const command = call.words.join(" ");
  if (call.options.help || argv.length === 0) process.stdout.write(describeUsage());
  else if (call.options.version) process.stdout.write(`${describeVersion()}\n`);
  else if (call.words[0] === "help") help(call);
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
