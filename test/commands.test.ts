import { expect, test } from "bun:test";
import { Glob } from "bun";

/** Commands of the command line, which writes without the thread, and functions that other commands are built from. */
const NOT_OF_THE_SERVER = ["insertNewAccount", "replaceUserSecret", "terminateTwin"];

test("the writer's thread knows every command that a server runs", async () => {
  const root = `${import.meta.dir}/../src`;
  const made: string[] = [];
  for (const file of new Glob("**/*.ts").scanSync(root)) {
    const source = await Bun.file(`${root}/${file}`).text();
    const found = source.matchAll(/^(?:export )?const (\w+) = (?:\w*[cC]ommand|ofDevice|pruneEvents)\(/gm);
    made.push(...[...found].map(([, name]) => name as string));
  }
  const listed = await Bun.file(`${root}/commands.ts`).text();
  const isListed = (name: string) => new RegExp(`\\b${name}\\b`).test(listed);
  expect(made.length).toBeGreaterThan(80);
  expect(made.filter((name) => !isListed(name)).sort()).toEqual(NOT_OF_THE_SERVER);
});
