import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Connection } from "../../../src/store/sqlite/connection.ts";
import { createAccount } from "../../support/process/server-process.ts";
import { openSiege, say } from "../server/attacked-server.ts";

setDefaultTimeout(120_000);

const IDENTITIES = 400_000;
const READERS = 4;
const SECONDS = 5;
/** Before there were pages, one response of these lists had 38 MB. */
const ANSWER_BYTES_MAX = 1_500_000;

/** As many rows as a caller could create one by one, inserted directly. */
function seed(dataDir: string, hostile: string, twin: string): void {
  const connection = new Connection(join(dataDir, "twinpost.db"));
  try {
    for (let first = 0; first < IDENTITIES; first += 20_000) {
      connection.run("BEGIN IMMEDIATE");
      for (let index = first; index < first + 20_000; index++) {
        connection.run(
          "INSERT INTO identities (account_id, name, twin_id, visibility, created_at, updated_at) VALUES (?, ?, ?, ?, 1, 1)",
          hostile,
          `A#${index}`,
          twin,
          index % 2 ? "USER.a == 'b'" : null,
        );
      }
      connection.run("COMMIT");
    }
  } finally {
    connection.close();
  }
}

test("400 000 identities that another account gave a twin slow neither its list nor other callers", async () => {
  await using siege = await openSiege();
  const hostile = await createAccount({ dataDir: siege.dataDir });
  const twin = JSON.parse((await siege.call("POST", "/twins", "{}")).text).creation_certificate.uuid;
  await siege.call("POST", `/twins/${twin}/identities`, '{"identities":{"NFC#1":{}}}');
  seed(siege.dataDir, hostile.account, twin);
  await siege.expectUnharmed({ growthMb: 200, stallMs: 10_000 });

  const list = `/twins/${twin}/identities`;
  const until = performance.now() + SECONDS * 1000;
  let answers = 0;
  let largest = 0;
  const readers = Array.from({ length: READERS }, async (_, index) => {
    const wire = await siege.open();
    const path = index % 2 ? `${list}?show_foreign=true` : list;
    while (performance.now() < until) {
      const { status, text } = await wire.call("GET", path, { headers: { authorization: hostile.secret } });
      expect(status).toBe(200);
      largest = Math.max(largest, text.length);
      answers++;
    }
  });
  const waits: number[] = [];
  const victim = await siege.open();
  while (performance.now() < until) {
    const began = performance.now();
    const { text } = await victim.call("GET", list, { headers: siege.headers });
    waits.push(performance.now() - began);
    expect(Object.keys(JSON.parse(text).identities)).toEqual(["NFC#1"]);
  }
  await Promise.all(readers);
  const sorted = waits.sort((a, b) => a - b);
  const p99 = sorted[Math.floor(sorted.length * 0.99)] as number;
  say(
    `${answers} answers of ${largest} bytes at most; the list beside them: p99 ${p99.toFixed(1)} ms of ${waits.length}`,
  );
  expect(largest).toBeLessThan(ANSWER_BYTES_MAX);
  expect(p99).toBeLessThan(250);
  await siege.expectUnharmed({ growthMb: 200, stallMs: 250 });
});
