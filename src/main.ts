import { runProgram } from "./cli/program.ts";

// Whatever this program writes (the database, its log, backups, exports) is its user's alone.
if (process.platform !== "win32") process.umask(0o077);

process.exit(await runProgram(process.argv.slice(2)));
