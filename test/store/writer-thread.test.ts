import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { conflict, DomainError } from "../../src/kernel/failure.ts";
import { createLog } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import { COMMANDS } from "../../src/rooms.ts";
import { type Command, command, isBulkyList } from "../../src/store/sqlite/command.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { declareTopic, integer, type Reader } from "../../src/store/sqlite/sql.ts";
import { openServerStore, StoreInUse } from "../../src/store/store.ts";
import { GroupCommit } from "../../src/store/writer/group-commit.ts";
import { type Commands, runWriterThread } from "../../src/store/writer/writer-thread.ts";
import { memoryFolder } from "../support/store/memory-folder.ts";

const SOME_TOPIC = declareTopic("some");

const note = command("note", (tx, _actor, { data, fail }: { data: string; fail?: boolean }): number => {
  const sequence = tx.insert(
    "INSERT INTO events (occurred_at, account_id, kind, actor_kind, data) VALUES (?, '', 'test', 'system', ?)",
    tx.now,
    data,
  );
  tx.wake(SOME_TOPIC);
  if (fail) throw conflict("exists", data, { resource: "Note", id: data });
  return sequence;
});
const buggy = command("buggy", (_tx, _actor, _input: null) => {
  throw new TypeError("a bug", { cause: new Error("deep down") });
});
const limitPages = command("limit_pages", (tx, _actor, count: number) => {
  tx.run(`PRAGMA max_page_count = ${count}`);
});
const echo = command("echo", (_tx, _actor, input: unknown) => input);
const list = command(
  "list",
  (_tx, _actor, { items }: { items: unknown[] }) => {
    if (items.includes("refused")) throw conflict("exists", "refused", { resource: "Item", id: "refused" });
    return items.toReversed();
  },
  ({ items }) => isBulkyList(items),
);
const unknown = command("unknown", () => null);

const countNotes = (reader: Reader) => integer(reader.get("SELECT count(*) AS count FROM events") ?? {}, "count");

/** A store whose commands go to the other end of a channel, as they go to a server's thread. */
async function openThreadedStore(folder = memoryFolder()) {
  const { port1, port2 } = new MessageChannel();
  const logged: { event: string; error?: { message: string } }[] = [];
  const over = (port: MessagePort) => ({
    send: (message: unknown) => port.postMessage(message),
    onMessage: (listen: (message: unknown) => void) => void port.on("message", listen),
  });
  const commands: Commands = [note, buggy, limitPages, echo, list, ...COMMANDS];
  runWriterThread(over(port2), commands);
  const ended = new Promise<void>((done) => port2.on("close", () => done()));
  const options = {
    dataDir: folder.path,
    clock: systemClock,
    random: systemRandom,
    log: createLog("debug", systemClock.now, (line) => logged.push(JSON.parse(line))),
    writerThread: { port: { ...over(port1), end: () => port1.close() }, commands },
  };
  const store = await openServerStore(options).catch((error: Error) => {
    throw Object.assign(error, { ended });
  });
  return {
    store,
    logged,
    folder,
    ended,
    file: (name: string) => `${folder.path}/${name}`,
    async [Symbol.asyncDispose]() {
      await store.close();
      folder[Symbol.dispose]();
    },
  };
}

test("commands are answered in order once they are stored, and are then visible to readers", async () => {
  await using world = await openThreadedStore();
  const { store } = world;
  const seen: [answer: number, seen: number][] = [];
  const writes = Array.from({ length: 300 }, (_, i) =>
    store.write(note, SYSTEM, { data: `${i}` }).then((answer) => seen.push([answer, store.read(countNotes)])),
  );
  await Promise.all(writes);
  expect(seen.map(([answer]) => answer)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  for (const [answer, count] of seen) expect(count).toBeGreaterThanOrEqual(answer);
});

test("a refusal arrives with its failure, a bug with what the log needs, and neither affects another command", async () => {
  await using world = await openThreadedStore();
  const { store } = world;
  let woken = 0;
  store.onWake(SOME_TOPIC, () => woken++);
  const [kept, refused, bug, keptToo] = await Promise.allSettled([
    store.write(note, SYSTEM, { data: "kept" }),
    store.write(note, SYSTEM, { data: "refused", fail: true }),
    store.write(buggy, SYSTEM, null),
    store.write(note, SYSTEM, { data: "kept too" }),
  ]);
  expect([kept, keptToo].map((outcome) => outcome?.status)).toEqual(["fulfilled", "fulfilled"]);
  const { reason } = refused as PromiseRejectedResult;
  expect(reason).toBeInstanceOf(DomainError);
  expect(reason.failure).toMatchObject({ code: "conflict", kind: "exists", obstacle: { resource: "Note" } });
  const error = (bug as PromiseRejectedResult).reason as Error;
  expect([error.name, error.message, (error.cause as Error).message]).toEqual(["TypeError", "a bug", "deep down"]);
  expect(error.stack).toContain("writer-thread.test.ts");
  expect(store.read(countNotes)).toBe(2);
  // Once for each group that these commands were part of.
  expect(woken).toBeGreaterThan(0);
});

test("a lost group rejects its callers and is logged, and the next one is stored", async () => {
  await using world = await openThreadedStore();
  const { store, logged } = world;
  await store.write(limitPages, SYSTEM, 1);
  const big = { data: "x".repeat(100_000) };
  const lost = await Promise.allSettled([
    store.write(note, SYSTEM, { data: "beside" }),
    store.write(note, SYSTEM, big),
  ]);
  for (const outcome of lost) {
    expect((outcome as PromiseRejectedResult).reason.failure.code).toBe("unavailable");
  }
  expect(logged.find(({ event }) => event === "store.group_lost")?.error?.message).toContain("full");
  await store.write(limitPages, SYSTEM, 1_000_000);
  await store.write(note, SYSTEM, big);
  expect(store.read(countNotes)).toBe(1);
});

test("bytes, big integers, undefined members and deep data arrive unchanged", async () => {
  await using world = await openThreadedStore();
  const given = {
    bytes: new Uint8Array([0, 255]),
    big: 2n ** 60n,
    absent: undefined,
    nothing: null,
    deep: [[[{ "": -0 }]]],
    text: "ü\0\u{1f600}",
  };
  const answered = (await world.store.write(echo, SYSTEM, given)) as typeof given;
  expect(answered).toStrictEqual(given);
  expect(Object.keys(answered)).toEqual(Object.keys(given));
});

test("long lists go to the thread and back as JSON unchanged, and so do refusals of them", async () => {
  await using world = await openThreadedStore();
  const { store } = world;
  for (const count of [1, 8, 9, 1000]) {
    const items = Array.from({ length: count }, (_, i) => [`name ${i}`, { value: `${i}`, nothing: null, "": ["é"] }]);
    expect(await store.write(list, SYSTEM, { items })).toEqual(items.toReversed());
    const refused = await store.write(list, SYSTEM, { items: [...items, "refused"] }).catch((error: unknown) => error);
    expect((refused as DomainError).failure).toMatchObject({ code: "conflict", obstacle: { id: "refused" } });
  }
});

test("the log is checkpointed while groups go on, and a closed store leaves everything in one file", async () => {
  await using world = await openThreadedStore();
  const { store } = world;
  let longest = 0;
  for (let group = 0; group < 150; group++) {
    await Promise.all(Array.from({ length: 40 }, () => store.write(note, SYSTEM, { data: "x".repeat(10_000) })));
    store.read(countNotes);
    longest = Math.max(longest, statSync(world.file("twinpost.db-wal")).size);
  }
  // 60 MB were written: 8 to 16 MB of log, and one group.
  expect(longest).toBeLessThan(20 * 1024 * 1024);
  await store.close();
  expect(statSync(world.file("twinpost.db-wal"), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
});

test("a command unknown to the thread rejects its caller", async () => {
  await using world = await openThreadedStore();
  await expect(world.store.write(unknown, SYSTEM, null)).rejects.toThrow("unknown");
  expect(await world.store.write(note, SYSTEM, { data: "after" })).toBe(1);
});

test("the thread ends with its store, also if the store fails to open", async () => {
  const world = await openThreadedStore();
  const refused = await openThreadedStore(world.folder).catch((error) => error);
  expect(refused).toBeInstanceOf(StoreInUse);
  await refused.ended;
  await world[Symbol.asyncDispose]();
  await world.ended;
});

test("a failure of the parallel checkpoint is reported, and retried between two groups", async () => {
  using folder = memoryFolder();
  const file = `${folder.path}/log.db`;
  const [writing, beside] = [new Connection(file), new Connection(file)];
  writing.run("CREATE TABLE texts (text TEXT) STRICT");
  const [reported, moved] = [Promise.withResolvers<string>(), Promise.withResolvers<number>()];
  const write = command("write", (tx, _actor, text: string) => tx.run("INSERT INTO texts VALUES (?)", text));
  const groups = new GroupCommit(
    [writing, beside],
    {
      onGroupDone: () => {},
      releaseReaders: () => {},
      onCheckpoint: (outcome) =>
        "ms" in outcome ? moved.resolve(outcome.ms) : reported.resolve((outcome.error as Error).message),
    },
    { clock: systemClock, lastInstant: 0, shared: false, flush: () => Promise.reject(new Error("no such disk")) },
  );
  const add = (id: number) =>
    groups.add([{ id, command: write as Command<unknown, unknown>, actor: SYSTEM, input: "x".repeat(1024 * 1024) }]);
  for (let id = 1; id <= 10; id++) add(id);
  expect(await reported.promise).toBe("no such disk");
  add(11);
  expect(await moved.promise).toBeGreaterThan(0);
  expect(await groups.close(true)).toBeUndefined();
});
