import { join } from "node:path";
import { enduranceCommand, enduranceFiles } from "./ci/endurance.ts";

// `bun run endurance [NAME …]`: the tests in test/endurance/ whose path contains one of the names, or all of them.

const files = enduranceFiles(process.argv.slice(2));
if (files.length === 0) {
  process.stderr.write(`No endurance test has such a name. There are:\n${enduranceFiles().join("\n")}\n`);
  process.exitCode = 1;
} else {
  const child = Bun.spawn(enduranceCommand(files), {
    cwd: join(import.meta.dir, ".."),
    stdio: ["inherit", "inherit", "inherit"],
  });
  process.exitCode = await child.exited;
}
