import { join } from "node:path";
import Database from "libsql";
import aedes from "../../node_modules/aedes/package.json";
import hono from "../../node_modules/hono/package.json";
import libsql from "../../node_modules/libsql/package.json";
import mqtt from "../../node_modules/mqtt/package.json";
import mqttPacket from "../../node_modules/mqtt-packet/package.json";
import { VERSION } from "../../src/kernel/version.ts";
import { gitCommit } from "../../src/platform/commit.ts";
import { MOSQUITTO } from "../../test/support/mqtt/mosquitto.ts";
import { POSTGRES } from "./mqtt/postgres.ts";

const NOT_HERE = "not installed";

/** The versions of what was measured, of what it runs on and of what it is compared with. */
export function readVersions(): Record<string, string> {
  return {
    twinpost: `${VERSION}, commit ${gitCommit(join(import.meta.dir, "../..")) ?? "unknown"}`,
    Bun: Bun.version,
    libsql: `${libsql.version} (SQLite ${sqliteVersion()})`,
    Hono: hono.version,
    "mqtt-packet": mqttPacket.version,
    mosquitto: MOSQUITTO ? said([MOSQUITTO, "-h"], /version (\S+)/) : NOT_HERE,
    aedes: aedes.version,
    "mqtt.js": mqtt.version,
    PostgreSQL: POSTGRES ? said([POSTGRES, "--version"], /\(PostgreSQL\) (.+)/) : NOT_HERE,
  };
}

function sqliteVersion(): string {
  const database = new Database(":memory:");
  const row = database.prepare("SELECT sqlite_version() AS version").get() as { version: string };
  database.close();
  return row.version;
}

/** Mosquitto prints its version only with its help, which exits with a failure. */
const said = (command: string[], pattern: RegExp) =>
  pattern.exec(Bun.spawnSync(command).stdout.toString())?.[1] ?? "unknown";
