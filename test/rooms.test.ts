import { expect, test } from "bun:test";
import { Glob } from "bun";
import { ROOMS } from "../src/rooms.ts";
import type { Command } from "../src/store/sqlite/command.ts";

const SRC = `${import.meta.dir}/../src`;
/** Files of rooms. Those of platform/ have no commands, and some name another runtime. */
const FILES = [...new Glob("*/**/*.ts").scanSync(SRC)].filter((file) => !/^platform\/|\.d\.ts$/.test(file)).sort();

/** What `terminateAnyTwin` is made of, which servers give instead. */
const NOT_OF_THE_SERVER = ["twins/terminate-twin.ts exports terminateTwin"];
/** Commands that the command line gives, which writes without a thread. */
const OF_THE_COMMAND_LINE = [
  "access/create-account.ts: insertNewAccount",
  "access/secrets/reset-user-secret.ts: replaceUserSecret",
];

type Modules = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const isCommand = (value: unknown): value is Command<never, unknown> =>
  typeof value === "object" && value !== null && "run" in value && "isBulky" in value;

/** The commands that files export and no manifest has. */
function findForgotten(modules: Modules): string[] {
  const listed = new Set<unknown>(ROOMS.flatMap(({ commands }) => commands));
  return [...modules].flatMap(([file, exported]) =>
    Object.entries(exported)
      .filter(([, value]) => isCommand(value) && !listed.has(value))
      .map(([name]) => `${file} exports ${name}`),
  );
}

/** The commands that a file does not export, so that no manifest can have them. */
const findHidden = (file: string, source: string): string[] =>
  [...source.matchAll(/^const (\w+) = \w*[cC]ommand\(/gm)].map(([, name]) => `${file}: ${name}`);

/** The topics that a file declares. */
const findTopics = (source: string): string[] =>
  [...source.matchAll(/\bdeclareTopic\("([^"]+)"\)/g)].map(([, name]) => name as string);

const textOf = (file: string) => Bun.file(`${SRC}/${file}`).text();

test("each command that a room exports is in a manifest", async () => {
  const modules = new Map<string, Record<string, unknown>>();
  for (const file of FILES) modules.set(file, await import(`${SRC}/${file}`));
  expect([...modules.values()].flatMap((exported) => Object.values(exported)).filter(isCommand).length).toBeGreaterThan(
    80,
  );
  expect(findForgotten(modules)).toEqual(NOT_OF_THE_SERVER);
  const forgotten = { name: "forgotten", run: () => null, isBulky: undefined };
  expect(findForgotten(new Map([["twins/a.ts", { forgotten }]]))).toEqual(["twins/a.ts exports forgotten"]);
});

test("each command that a server gives is exported", async () => {
  const hidden = await Promise.all(FILES.map(async (file) => findHidden(file, await textOf(file))));
  expect(hidden.flat()).toEqual(OF_THE_COMMAND_LINE);
  expect(findHidden("twins/a.ts", `const hidden = userCommand("hidden", (tx) => {`)).toEqual(["twins/a.ts: hidden"]);
});

test("each manifest is in the list of rooms, and no command is in two", async () => {
  const rooms = FILES.filter((file) => file.endsWith("/room.ts")).map((file) => `./${file}`);
  const list = await textOf("rooms.ts");
  expect(rooms.filter((file) => !list.includes(`"${file}"`))).toEqual([]);
  expect(ROOMS.length).toBe(rooms.length);
  const commands = ROOMS.flatMap((room) => room.commands);
  expect(new Set(commands).size).toBe(commands.length);
});

test("each topic is in one manifest", async () => {
  const declared = await Promise.all(FILES.map(async (file) => findTopics(await textOf(file))));
  expect(declared.flat().sort()).toEqual(ROOMS.flatMap(({ wakes = [] }) => [...wakes] as string[]).sort());
  expect(findTopics(`export const A_TOPIC = declareTopic("a");`)).toEqual(["a"]);
});
