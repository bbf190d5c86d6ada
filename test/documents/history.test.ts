import { expect, test } from "bun:test";
import { keepDocumentBases } from "../../src/documents/keep-bases.ts";
import { rebuildAt, rebuildVersion } from "../../src/documents/rebuild-document.ts";
import { pruneEvents } from "../../src/journal/prune-events.ts";
import { SYSTEM } from "../../src/kernel/actor.ts";
import { openWorld } from "../support/world/world.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const below = (bound: number) => Math.floor(Math.random() * bound);

/** A past state of a document, and the journal row that made it. */
type Past = { name: string; sequence: number; version: number; data: object } | { name: string; sequence: number };

/** Writes, patches and deletes some documents of a twin at random, and records every state. */
async function openHistory() {
  const world = await openWorld({ "journal-keep": "2D", "deliveries-keep": "1D" });
  const caller = await world.createAccount();
  const twin: string = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const pasts: Past[] = [];
  const newest = () =>
    world.store.read((reader) => reader.get("SELECT max(sequence) AS sequence FROM events"))?.["sequence"] as number;
  const value = (): unknown => [below(9), `t${below(99)}`, [below(3)], { x: below(5), y: { z: below(5) } }][below(4)];
  const object = () => Object.fromEntries(Array.from({ length: below(4) }, () => [`k${below(6)}`, value()]));

  async function writeSomething() {
    const name = ["current", "desired", "_config"][below(3)] as string;
    const path = `/twins/${twin}/documents/${name}`;
    const dice = Math.random();
    if (dice < 0.02) {
      const names = (await caller.call("GET", `/twins/${twin}/documents`)).body.documents;
      await caller.call("DELETE", `/twins/${twin}/documents`);
      for (const { document_name } of names) pasts.push({ name: document_name, sequence: newest() });
    } else if (dice < 0.06) {
      const { status } = await caller.call("DELETE", path);
      if (status === 204) pasts.push({ name, sequence: newest() });
    } else {
      const method = dice < 0.25 ? "PUT" : "PATCH";
      const patch = { ...object(), ...(dice > 0.6 && { [`k${below(6)}`]: null }) };
      const { status, body } = await caller.call(method, path, { data: method === "PUT" ? object() : patch });
      if (status === 200) pasts.push({ name, sequence: newest(), version: body.version, data: body.data });
    }
  }

  const audit = () => {
    const first = world.query("SELECT min(sequence) AS sequence FROM events")[0].sequence as number;
    for (const past of pasts) {
      if (past.sequence < first) continue;
      const rebuilt = world.store.read((reader) => rebuildAt(reader, { twin, name: past.name }, past.sequence));
      if (!("version" in past)) expect(rebuilt).toBeUndefined();
      else {
        expect(rebuilt).toMatchObject({ version: past.version, sequence: past.sequence });
        expect(Bun.deepEquals(JSON.parse(JSON.stringify(rebuilt?.data)), past.data, true)).toBe(true);
      }
    }
    return pasts.filter(({ sequence }) => sequence >= first).length;
  };
  /** Advances the clock, then runs the job that cuts the journal. */
  async function pass(ms: number) {
    for (const step of [ms, HOUR]) {
      world.clock.advance(step);
      await world.scheduler.settled();
    }
  }
  return { world, caller, twin, pasts, writeSomething, audit, pass };
}

test("each of 1 000 random versions can be rebuilt from the journal, also across a cut, unless it was cut off", async () => {
  const { world, caller, twin, pasts, writeSomething, audit, pass } = await openHistory();
  await using _ = world;
  while (pasts.length < 600) await writeSomething();
  expect(audit()).toBe(pasts.length);
  // Deleting all documents makes several states at once, so there may be one or two more than requested.
  const old = pasts.length;

  world.clock.advance(DAY + HOUR);
  while (pasts.length < 1000) await writeSomething();
  world.scheduler.start();
  await pass(DAY);
  expect(world.logged.find(({ event }) => event === "job.done")).toMatchObject({ job: "cut_journal" });
  expect(audit()).toBe(pasts.length - old);
  const lost = pasts.slice(0, 100).find((past) => "version" in past) as Past;
  expect(world.store.read((reader) => rebuildAt(reader, { twin, name: lost.name }, lost.sequence))).toBeUndefined();

  // A version number stands for the newest state that had it.
  for (const name of ["current", "desired", "_config"]) {
    const newest = new Map(pasts.flatMap((p) => ("version" in p && p.name === name ? [[p.version, p]] : [])));
    const stored = (await caller.call("GET", `/twins/${twin}/documents/${name}`)).body;
    if (!stored.version) continue;
    const rebuilt = world.store.read((reader) => rebuildVersion(reader, { twin, name }, stored.version));
    expect(rebuilt?.sequence).toBe(newest.get(stored.version)?.sequence as number);
    expect(JSON.parse(JSON.stringify(rebuilt?.data))).toEqual(stored.data);
  }

  // Once the journal has no row of the documents, each has exactly one base, and deleted ones have left no trace.
  await pass(3 * DAY);
  await caller.call("POST", "/twins");
  await pass(3 * DAY);
  const { documents } = (await caller.call("GET", `/twins/${twin}/documents`)).body;
  expect(world.query("SELECT name FROM document_bases ORDER BY name").map(({ name }) => name)).toEqual(
    documents.map(({ document_name }: { document_name: string }) => document_name),
  );
  expect(world.query("SELECT count(*) AS count FROM deleted_documents")).toEqual([{ count: 0 }]);
  while (pasts.length < 1100) await writeSomething();
  audit();
}, 30_000);

test("a journal of large documents is cut in small slices", async () => {
  await using world = await openWorld();
  const caller = await world.createAccount();
  const twin = (await caller.call("POST", "/twins")).body.creation_certificate.uuid;
  const path = `/twins/${twin}/documents/large`;
  await caller.call("PUT", path, { data: { filling: "x".repeat(700_000) } });
  for (let i = 0; i < 5; i++) await caller.call("PATCH", path, { data: { i } });
  world.clock.advance(DAY);
  await caller.call("POST", "/twins");
  const cut = () =>
    world.store.write(pruneEvents([keepDocumentBases]), SYSTEM, { before: world.clock.now(), limit: 500 });
  let slices = 0;
  while ((await cut()) > 0) slices++;
  // Two of these are about what one slice may process.
  expect(slices).toBeGreaterThanOrEqual(4);
  await caller.call("PATCH", path, { data: { i: null } });
  const rebuilt = world.store.read((reader) => rebuildVersion(reader, { twin, name: "large" }, 7));
  expect(Object.keys(rebuilt?.data ?? {})).toEqual(["filling"]);
});
