import { runProgram } from "./cli/program.ts";

// Files that this program writes (the database, its log, backups, exports) are private to its user.
if (process.platform !== "win32") process.umask(0o077);

process.exit(await runProgram(process.argv.slice(2)));
