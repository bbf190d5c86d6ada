import { expect, test } from "bun:test";
import { Glob } from "bun";

/** The rooms of src/, lowest first. A file imports its own room or a lower rank; rooms of equal rank do not know each other. */
const RANKS = [
  ["kernel"],
  ["metrics"],
  ["platform", "store", "config", "rules"],
  ["deps"],
  ["events"],
  ["access"],
  ["policy"],
  ["twins"],
  ["notifications"],
  ["identities", "ledgers", "stickers", "documents"],
  ["hub"],
  ["http", "mqtt", "jobs"],
  ["commands"],
  ["cli"],
  ["main", "writer"],
];
const rankOf = (room: string) => RANKS.findIndex((rooms) => rooms.includes(room));

/** The first part of a path below src/: a folder, or a file that is a room of its own. */
const roomOf = (path: string) => (path.split("/")[0] as string).replace(/\.ts$/, "");

const LINES_MAX = 400;
const root = `${import.meta.dir}/..`;

for (const file of [...new Glob("**/*.ts").scanSync(`${root}/src`)].sort()) {
  if (file.endsWith(".d.ts")) continue;
  test(`src/${file} stays in its room`, async () => {
    const source = await Bun.file(`${root}/src/${file}`).text();
    const room = roomOf(file);
    expect(rankOf(room), `${room} has no rank`).toBeGreaterThanOrEqual(0);

    for (const [, target] of source.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const path = new URL(target as string, `file:///${file}`).pathname.slice(1);
      if (path === "package.json") continue;
      const there = roomOf(path);
      if (there !== room) expect(rankOf(there), `imports ${there}`).toBeLessThan(rankOf(room));
      expect(target, "imports need their ending").toMatch(/\.(ts|sql|json)$/);
    }

    const uses = (pattern: RegExp) => pattern.test(source);
    if (file !== "kernel/clock.ts") expect(uses(/Date\.now|new Date\(\)/), "takes the time from the clock").toBe(false);
    if (file !== "kernel/random.ts") {
      expect(uses(/Math\.random|randomUUID|randomBytes|getRandomValues/), "takes chance from random").toBe(false);
    }
    if (room !== "platform") expect(uses(/\bBun\.|\bDeno\.|from "bun"/), "only platform/ names a runtime").toBe(false);
    if (file !== "config.ts") expect(uses(/process\.env|Bun\.env/), "settings come from config.ts").toBe(false);
    if (!file.endsWith("rows.ts") && room !== "store") {
      expect(uses(/["`]\s*(SELECT|INSERT|UPDATE|DELETE) /), "SQL stands in rows.ts").toBe(false);
    }
    expect(source.split("\n").length, "a file this long holds two ideas").toBeLessThan(LINES_MAX);
  });
}

test("what starts the program as a process of its own is not among the quick tests, but in test/processes/", async () => {
  const starter =
    /import \{[^}]*\b(?:startServer|runTool|createAccount|SOURCE)\b[^}]*\} from "[^"]*\/server-process\.ts"/;
  for (const file of new Glob("*/**/*.test.ts").scanSync(import.meta.dir)) {
    const source = await Bun.file(`${import.meta.dir}/${file}`).text();
    expect([file, source.match(starter)?.[0]]).toEqual([file, undefined]);
  }
});
