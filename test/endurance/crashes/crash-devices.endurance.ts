import { expect, test } from "bun:test";
import { rebuildVersion } from "../../../src/documents/rebuild-document.ts";
import type { Connection } from "../../../src/store/sqlite/connection.ts";
import type { Reader } from "../../../src/store/sqlite/sql.ts";
import { Wire } from "../../support/http/http-connection.ts";
import { createAccount, startServer, temporaryFolder } from "../../support/process/server-process.ts";
import { openBeside } from "../audit/journal-audit.ts";
import { DeviceLoad, type OwnDevice, type OwnDocument, type State } from "./device-load.ts";

const CRASHES = Number(process.env["TWINPOST_CRASHES"] || 12);
const WRITERS = 32;

const say = (line: string) => process.stdout.write(`      ${line}\n`);
const same = (a: unknown, b: unknown) => Bun.deepEquals(JSON.parse(JSON.stringify(a ?? null)), b ?? null, true);

/** Counts of rows that must never exist, whatever was in flight. */
const NEVER = {
  "a device without a living twin":
    "SELECT count(*) AS n FROM devices d LEFT JOIN twins t ON t.id = d.id WHERE t.id IS NULL OR t.terminated_at IS NOT NULL",
  "a hub that counts other devices than it has":
    "SELECT count(*) AS n FROM hubs h WHERE device_count <> (SELECT count(*) FROM devices WHERE hub_id = h.id)",
  "a document of a deleted device":
    "SELECT count(*) AS n FROM documents d JOIN twins t ON t.id = d.twin_id WHERE t.terminated_at IS NOT NULL",
  "a document whose journal row is not its own": `SELECT count(*) AS n FROM documents d LEFT JOIN events e ON e.sequence = d.sequence
    WHERE e.twin_id IS NOT d.twin_id OR json_extract(e.data, '$.name') IS NOT d.name OR json_extract(e.data, '$.version') IS NOT d.version`,
  "a device that the journal has not":
    "SELECT count(*) AS n FROM devices WHERE id NOT IN (SELECT twin_id FROM events WHERE kind = 'device.created')",
  "a device that was deleted and is there":
    "SELECT count(*) AS n FROM devices WHERE id IN (SELECT twin_id FROM events WHERE kind = 'device.deleted')",
  "a deleted device whose twin lives": `SELECT count(*) AS n FROM events e JOIN twins t ON t.id = e.twin_id
    WHERE e.kind = 'device.deleted' AND t.terminated_at IS NULL`,
};

function auditDatabase(database: Connection): void {
  const check = database.get("SELECT integrity_check FROM pragma_integrity_check");
  expect(check?.["integrity_check"]).toBe("ok");
  expect(database.all("SELECT * FROM pragma_foreign_key_check")).toEqual([]);
  for (const [what, sql] of Object.entries(NEVER)) expect([what, database.get(sql)?.["n"]]).toEqual([what, 0]);
}

/** The document is as last acknowledged, or as the write in flight would leave it; and the journal rebuilds it. */
function auditDocument(reader: Reader, device: OwnDevice, name: string, document: OwnDocument, found: State): void {
  const possible = [document.told, ...(document.flying ? [document.flying.state] : [])];
  if (!possible.some((state) => same(found, state))) {
    throw new Error(`${device.id} ${name} is ${JSON.stringify(found)}, not one of ${JSON.stringify(possible)}`);
  }
  document.told = found;
  document.flying = undefined;
  if (!found) return;
  const rebuilt = rebuildVersion(reader, { twin: device.id, name }, found.version);
  if (!same(rebuilt?.data, found.data))
    throw new Error(`${device.id} ${name} is rebuilt as ${JSON.stringify(rebuilt)}`);
}

async function audit(dataDir: string, url: string, load: DeviceLoad): Promise<number> {
  const database = openBeside(dataDir);
  const reader: Reader = {
    get: (sql, ...binds) => database.get(sql, ...binds),
    all: (sql, ...binds) => database.all(sql, ...binds),
    once: (ask) => ask(reader),
    now: Date.now(),
  };
  const wire = await Wire.open(url);
  let documents = 0;
  try {
    auditDatabase(database);
    for (const device of load.devices) {
      const isThere = database.get("SELECT 1 FROM devices WHERE id = ?", device.id) !== undefined;
      if (device.deletion === undefined && !isThere)
        throw new Error(`device ${device.id} was acknowledged, and is lost`);
      if (device.deletion === "told" && isThere) throw new Error(`device ${device.id} was deleted, and is there`);
      if (device.deletion === "flying" && isThere) delete device.deletion;
      if (!isThere) continue;
      for (const [name, document] of device.documents) {
        auditDocument(reader, device, name, document, await load.read(wire, device.id, name));
        documents++;
      }
    }
    load.devices.splice(0, load.devices.length, ...load.devices.filter(({ deletion }) => deletion === undefined));
    return documents;
  } finally {
    wire.close();
    database.close();
  }
}

test(
  `no acknowledged document or device is lost or half stored when the server is killed ${CRASHES} times while writing`,
  async () => {
    using folder = temporaryFolder();
    const dataDir = folder.path;
    const account = await createAccount({ dataDir });
    const load = new DeviceLoad(account);
    let documents = 0;
    for (let crash = 0; crash <= CRASHES; crash++) {
      await using server = await startServer({ dataDir });
      if (crash === 0) await load.prepare(server.url);
      else documents += await audit(dataDir, server.url, load);
      if (crash === CRASHES) {
        expect(await server.end()).toBe(0);
        break;
      }
      const writing = load.run(server.url, WRITERS);
      // So that an error of the load fails the test at once, and not only at the end.
      await Promise.race([
        Bun.sleep(200 + Math.random() * 1500),
        writing.then(() => expect("the server ended").toBe("")),
      ]);
      await server.end("SIGKILL");
      await writing;
    }
    say(`${CRASHES} crashes: ${load.acknowledged} acknowledged writes, ${load.refused} refused for their version;`);
    say(`${documents} documents read back and rebuilt from the journal`);
    expect(load.acknowledged).toBeGreaterThan(CRASHES * 20);
    expect(load.refused).toBeGreaterThan(0);
  },
  CRASHES * 20_000 + 60_000,
);
