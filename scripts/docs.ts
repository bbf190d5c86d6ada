import { join } from "node:path";
import { Glob } from "bun";
import { regenerate } from "./docs/regenerate.ts";

// `bun scripts/docs.ts`: writes the tables of commands and settings into the pages of the manual, from what the program itself reads.

const folder = join(import.meta.dir, "../src/docs");
for (const name of new Glob("*.md").scanSync(folder)) {
  const file = Bun.file(join(folder, name));
  const page = await file.text();
  const written = regenerate(page);
  if (written === page) continue;
  await file.write(written);
  process.stdout.write(`${name} was written\n`);
}
