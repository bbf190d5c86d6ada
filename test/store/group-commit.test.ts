import { expect, test } from "bun:test";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { conflict, DomainError } from "../../src/kernel/failure.ts";
import type { Owner } from "../../src/kernel/fairness/fair-queue.ts";
import { command } from "../../src/store/sqlite/command.ts";
import { Connection } from "../../src/store/sqlite/connection.ts";
import { Snapshots } from "../../src/store/sqlite/snapshots.ts";
import { declareTopic, integer, type Reader, type Tx } from "../../src/store/sqlite/sql.ts";
import { QUEUE_MAX } from "../../src/store/writer/writer.ts";
import { openTestStore } from "../support/store/open-test-store.ts";

const SOME_TOPIC = declareTopic("some");

const countNotes = (reader: Pick<Reader, "get">) =>
  integer(reader.get("SELECT count(*) AS count FROM events") ?? {}, "count");

function note(tx: Tx, data: string): void {
  tx.run(
    "INSERT INTO events (occurred_at, account_id, kind, actor_kind, data) VALUES (?, '', 'test', 'system', ?)",
    tx.now,
    data,
  );
}

type Input = { data: string; fail?: "before" | "after" };

/** Writes a row; with `fail`, fails before or after its first write. */
const noteCommand = command("note", (tx, _actor, { data, fail }: Input): number => {
  if (fail === "before") throw conflict("precondition", data);
  note(tx, data);
  if (fail === "after") throw conflict("precondition", data);
  return tx.now;
});

const outcomeOf = (write: Promise<unknown>) =>
  write.then(
    () => "done",
    (error) => (error as Error).message,
  );

test("commands that fail roll back alone, before or after their first write", async () => {
  await using world = await openTestStore();
  const fates = [undefined, "before", undefined, "after", undefined, "after", "before", undefined] as const;
  const writes = fates.map((fail, i) =>
    world.store.write(noteCommand, SYSTEM, { data: `${i}`, ...(fail && { fail }) }),
  );

  expect(await Promise.all(writes.map(outcomeOf))).toEqual(["done", "1", "done", "3", "done", "5", "6", "done"]);
  const kept = world.store.read((reader) => reader.all("SELECT sequence, data FROM events ORDER BY sequence"));
  expect(kept.map((row) => [row["sequence"], row["data"]])).toEqual([
    [1, "0"],
    [2, "2"],
    [3, "4"],
    [4, "7"],
  ]);
});

test("when a tenth of 10 000 concurrent commands is refused, these leave nothing and all others are stored", async () => {
  await using world = await openTestStore();
  const inputs = Array.from(
    { length: 10_000 },
    (_, i): Input => ({ data: `${i}`, ...(i % 10 === 3 && { fail: "after" }) }),
  );
  const outcomes = await Promise.all(inputs.map((input) => outcomeOf(world.store.write(noteCommand, SYSTEM, input))));

  for (const [i, outcome] of outcomes.entries()) expect(outcome).toBe(i % 10 === 3 ? `${i}` : "done");
  const kept = world.store.read((reader) => reader.all("SELECT sequence, data FROM events ORDER BY sequence"));
  expect(kept.length).toBe(9_000);
  for (const [i, row] of kept.entries()) expect(row["sequence"]).toBe(i + 1);
  expect(kept.map((row) => row["data"])).toEqual(inputs.filter(({ fail }) => !fail).map(({ data }) => data));
});

test("a command is answered after its commit, and a reader sees nothing before", async () => {
  await using world = await openTestStore();
  const other = world.connect();
  const seenInside: number[] = [];
  const peek = command("peek", (tx, _actor, _input: null) => {
    note(tx, "peek");
    seenInside.push(world.store.read(countNotes), countNotes(other), countNotes(tx));
    tx.wake(SOME_TOPIC);
  });
  world.store.onWake(SOME_TOPIC, () => seenInside.push(world.store.read(countNotes)));

  await world.store.write(peek, SYSTEM, null);
  expect(countNotes(other)).toBe(1);
  await Promise.resolve();
  expect(seenInside).toEqual([0, 0, 1, 1]);
  other.close();
});

test("a group wakes each listener once, a refused command wakes none, and a listener that throws affects no other", async () => {
  await using world = await openTestStore();
  let woken = 0;
  const waking = command("wake", (tx, _actor, { data, fail }: Input) => {
    note(tx, data);
    tx.wake(SOME_TOPIC);
    if (fail) throw conflict("precondition", data);
  });
  world.store.onWake(SOME_TOPIC, () => {
    throw new Error("a listener's own trouble");
  });
  const stop = world.store.onWake(SOME_TOPIC, () => woken++);
  const inputs: Input[] = [{ data: "a" }, { data: "b", fail: "after" }, { data: "c" }];
  await Promise.all(inputs.map((input) => outcomeOf(world.store.write(waking, SYSTEM, input))));
  expect(woken).toBe(1);
  await outcomeOf(world.store.write(waking, SYSTEM, { data: "d", fail: "after" }));
  await world.store.write(noteCommand, SYSTEM, { data: "no wake" });
  expect(woken).toBe(1);
  stop();
  await world.store.write(waking, SYSTEM, { data: "e" });
  expect(woken).toBe(1);
  expect(world.logged.filter(({ event }) => event === "store.hint_failed").length).toBe(2);
});

test("with a full disk the group fails as unavailable, and the store recovers once there is space", async () => {
  await using world = await openTestStore();
  await world.store.write(noteCommand, SYSTEM, { data: "before" });
  const limitPages = command("limit_pages", (tx, _actor, count: number) => {
    tx.run(`PRAGMA max_page_count = ${count}`);
  });
  await world.store.write(limitPages, SYSTEM, 1);
  const swallowing = command("swallow", (tx, _actor, data: string) => {
    try {
      note(tx, data);
    } catch {
      // Even if a command hides the error, its group must not be reported as stored.
    }
  });

  const big = "x".repeat(100_000);
  const group = [
    world.store.write(noteCommand, SYSTEM, { data: "an innocent neighbour" }),
    world.store.write(swallowing, SYSTEM, big),
  ];
  const untried = world.store.write(noteCommand, SYSTEM, { data: "x".repeat(100_000) });
  for (const outcome of await Promise.allSettled(group)) {
    expect(outcome.status).toBe("rejected");
    const { reason } = outcome as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(DomainError);
    expect(reason.failure.code).toBe("unavailable");
  }
  expect(await outcomeOf(untried)).toContain("could not be stored");
  expect(world.store.read(countNotes)).toBe(1);

  await world.store.write(limitPages, SYSTEM, 1_000_000);
  await world.store.write(noteCommand, SYSTEM, { data: big });
  expect(world.store.read(countNotes)).toBe(2);
});

test("a command that throws an unexpected error fails alone, with its own error", async () => {
  await using world = await openTestStore();
  const buggy = command("buggy", (tx, _actor, _input: null) => {
    note(tx, "half done");
    throw new TypeError("a bug");
  });
  const wrongSql = command("wrong_sql", (tx, _actor, _input: null) => tx.run("INSERT INTO nowhere (a) VALUES (1)"));
  const twice = command("twice", (tx, _actor, _input: null) => {
    for (const _ of [1, 2]) tx.run("INSERT INTO events VALUES (1, 0, '', null, 'test', 'system', null, '{}')");
  });
  const writes = [
    world.store.write(noteCommand, SYSTEM, { data: "kept" }),
    ...[buggy, wrongSql, twice].map((bad) => world.store.write(bad, SYSTEM, null)),
    world.store.write(noteCommand, SYSTEM, { data: "kept too" }),
  ];
  const outcomes = await Promise.all(writes.map(outcomeOf));
  expect(outcomes[1]).toBe("a bug");
  expect(outcomes[2]).toContain("nowhere");
  expect(outcomes[3]).toContain("UNIQUE");
  expect(world.store.read(countNotes)).toBe(2);
});

test("values that the driver cannot bind are refused before they reach it", async () => {
  await using world = await openTestStore();
  const bind = command("bind", (tx, _actor, value: unknown) => note(tx, value as string));
  const values = [
    true,
    undefined,
    {},
    [],
    new Date(0),
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "nul\0",
    "\ud800",
    Symbol(),
  ];
  for (const value of values) {
    expect(await outcomeOf(world.store.write(bind, SYSTEM, value))).toStartWith("cannot bind");
  }
  const kinds = command("kinds", (tx, _actor, _input: null) =>
    [null, new Uint8Array([1, 0, 2]), 1n, 1.5, "text"].map(
      (value) => tx.get("SELECT typeof(?) AS type", value)?.["type"],
    ),
  );
  expect(await world.store.write(kinds, SYSTEM, null)).toEqual(["null", "blob", "integer", "real", "text"]);
});

test("a query cannot write, neither in a snapshot nor uncounted in a command", async () => {
  await using world = await openTestStore();
  const sneaky = command("sneaky", (tx, _actor, _input: null) =>
    tx.get("INSERT INTO accounts VALUES ('', 'x', null, 0, 0) RETURNING id"),
  );
  expect(await outcomeOf(world.store.write(sneaky, SYSTEM, null))).toContain("begins with SELECT");
  expect(world.store.read((reader) => "run" in reader)).toBe(false);
  const reading = new Connection(world.file("twinpost.db"), { readonly: true });
  expect(() => reading.run("DELETE FROM events")).toThrow("readonly");
  reading.close();
});

const ownerNamed = (account: string, member = "a") => ({ account, member });

test("an account whose commands fill half of the queue is refused; others and the server's own commands are not", async () => {
  await using world = await openTestStore();
  const write = (data: string, owner: Owner | null) => world.store.write(noteCommand, SYSTEM, { data }, owner);
  const loud = Array.from({ length: QUEUE_MAX / 2 }, (_, i) => write(`${i}`, ownerNamed("loud")));
  const refused = await write("too many", ownerNamed("loud")).catch((error: unknown) => error);
  expect((refused as DomainError).failure).toMatchObject({ code: "limited", kind: "rate", retryAfterMs: 1000 });
  const others = Array.from({ length: QUEUE_MAX / 4 }, (_, i) => write(`${i}`, ownerNamed("other")));
  expect(await outcomeOf(write("too many", ownerNamed("other")))).toContain("Too many writes");
  const quiet = write("quiet", ownerNamed("quiet"));
  const own = write("own", null);
  await Promise.all([...loud, ...others, quiet, own]);
  expect(world.store.read(countNotes)).toBe((QUEUE_MAX * 3) / 4 + 2);
  await write("again", ownerNamed("loud"));
});

/** Writes a row, and takes `ms` milliseconds for it. */
const busy = command("busy", (tx, _actor, { data, ms }: { data: string; ms: number }) => {
  for (const end = performance.now() + ms; performance.now() < end; );
  note(tx, data);
});

test("a small command is stored before an expensive one that waits behind it begins", async () => {
  await using world = await openTestStore();
  const write = (data: string, ms: number) => world.store.write(busy, SYSTEM, { data, ms }, ownerNamed(data));
  await Promise.all([write("expensive", 20), write("small", 0)]);
  const [small, expensive] = [write("small", 0), write("expensive", 20)];
  await small;
  expect(world.store.read(countNotes)).toBe(3);
  await expensive;
  expect(world.store.read(countNotes)).toBe(4);
});

test("a group runs commands for longer if only those of one account are waiting", async () => {
  await using world = await openTestStore();
  const slow = command("slow", (tx, _actor, data: string) => {
    world.clock.advance(1);
    note(tx, data);
    tx.wake(SOME_TOPIC);
  });
  let groups = 0;
  world.store.onWake(SOME_TOPIC, () => groups++);
  const groupsOf = async (accounts: readonly string[]) => {
    groups = 0;
    const owners = Array.from({ length: 24 }, (_, i) => ownerNamed(accounts[i % accounts.length] as string));
    await Promise.all(owners.map((owner, i) => world.store.write(slow, SYSTEM, `${i}`, owner)));
    return groups;
  };
  expect(await groupsOf(["one"])).toBe(3);
  expect(await groupsOf(["one", "other"])).toBeGreaterThanOrEqual(6);
});

test("accounts take turns by the time of their commands; the server's own go first, and a member's keep their order", async () => {
  await using world = await openTestStore();
  const write = (data: string, ms: number, owner: Owner | null) => world.store.write(busy, SYSTEM, { data, ms }, owner);
  const writes = Array.from({ length: 40 }, (_, i) => write(`slow ${i}`, 2, ownerNamed("slow")));
  for (let i = 0; i < 40; i++) writes.push(write(`quick ${i}`, 0.2, ownerNamed("quick")));
  writes.push(write("late", 0, ownerNamed("slow", "other device")), write("own", 0, null));
  await Promise.all(writes);
  const order = world.store
    .read((reader) => reader.all("SELECT data FROM events ORDER BY sequence"))
    .map(({ data }) => `${data}`);
  expect(order[0]).toBe("own");
  // Of its account it is among the first, however many of the other device's wait.
  expect(order.filter((data) => /^(slow|late)/.test(data)).indexOf("late")).toBeLessThan(3);
  for (const kind of ["slow", "quick"]) {
    const own = order.filter((data) => data.startsWith(kind));
    expect(own).toEqual(Array.from({ length: 40 }, (_, i) => `${kind} ${i}`));
  }
  // The quick ones took 8 ms in all, so they are done after about as many milliseconds of slow ones.
  expect(order.indexOf("quick 39")).toBeLessThan(60);
});

test("another process's transaction is waited for without blocking the event loop", async () => {
  await using world = await openTestStore();
  const other = world.connect();
  other.run("BEGIN IMMEDIATE");
  const write = world.store.write(noteCommand, SYSTEM, { data: "patient" });
  for (let turns = 0; turns < 50; turns++) await new Promise((done) => setImmediate(done));
  expect(world.store.read(countNotes)).toBe(0);
  other.run("COMMIT");
  await write;
  expect(world.store.read(countNotes)).toBe(1);
  other.close();
});

test("a transaction that another process never ends makes writes unavailable", async () => {
  await using world = await openTestStore();
  const other = world.connect();
  other.run("BEGIN IMMEDIATE");
  const write = world.store.write(noteCommand, SYSTEM, { data: "impatient" }).catch((error: unknown) => error);
  const outcome = { settled: false };
  write.finally(() => {
    outcome.settled = true;
  });
  while (!outcome.settled) {
    world.clock.advance(1_000);
    await new Promise((done) => setTimeout(done, 1));
  }
  expect(((await write) as DomainError).failure.code).toBe("unavailable");
  other.run("ROLLBACK");
  other.close();
  await world.store.write(noteCommand, SYSTEM, { data: "works again" });
});

test("instants never decrease, even if the clock is set back and the server restarted", async () => {
  await using world = await openTestStore();
  const first = await world.store.write(noteCommand, SYSTEM, { data: "a" });
  world.clock.set(first - 3_600_000);
  expect(await world.store.write(noteCommand, SYSTEM, { data: "b" })).toBe(first);
  await world.reopen();
  expect(await world.store.write(noteCommand, SYSTEM, { data: "c" })).toBe(first);
  world.clock.set(first + 1);
  expect(await world.store.write(noteCommand, SYSTEM, { data: "d" })).toBe(first + 1);
});

test("closing finishes waiting commands and refuses later ones", async () => {
  await using world = await openTestStore();
  const writes = Array.from({ length: 1000 }, (_, i) => world.store.write(noteCommand, SYSTEM, { data: `${i}` }));
  const { store } = world;
  const closed = store.close();
  expect(await outcomeOf(store.write(noteCommand, SYSTEM, { data: "late" }))).toContain("stopping");
  await Promise.all([...writes, closed]);
  await world.reopen();
  expect(world.store.read(countNotes)).toBe(1000);
});

test("reads within a moment share one snapshot, and a caller reads its own write once it is answered", async () => {
  await using world = await openTestStore();
  const other = world.connect();
  const noteBeside = () =>
    other.run(
      "INSERT INTO events (occurred_at, account_id, kind, actor_kind, data) VALUES (0, '', 'test', 'system', '')",
    );
  let asked = 0;
  const askOnce = (reader: Reader) => {
    asked++;
    return countNotes(reader);
  };
  const seen = () => world.store.read((reader) => [countNotes(reader), reader.once(askOnce)]);

  expect(seen()).toEqual([0, 0]);
  noteBeside();
  expect(seen()).toEqual([0, 0]);
  expect(asked).toBe(1);
  while (seen()[0] === 0) await new Promise((done) => setImmediate(done));
  expect(seen()).toEqual([1, 1]);

  const write = world.store.write(noteCommand, SYSTEM, { data: "a" });
  await write.then(() => expect(seen()).toEqual([2, 2]));
  other.close();
});

test("a query that ends its snapshot by failing fails alone, and the next one gets a new snapshot", async () => {
  await using world = await openTestStore();
  const connection = world.connect();
  const snapshots = new Snapshots(connection, systemClock);
  // As SQLite does when the device fails during a query.
  const failing = () => {
    connection.run("ROLLBACK");
    throw new Error("disk I/O error");
  };
  expect(() => snapshots.read(failing)).toThrow("disk I/O error");
  expect(() => snapshots.end()).not.toThrow();
  expect(snapshots.read(countNotes)).toBe(0);
  expect(connection.inTransaction).toBe(true);
  snapshots.close();
});
