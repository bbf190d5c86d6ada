import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readExposition } from "../support/http/exposition.ts";
import { connectDevice } from "../support/mqtt/mqtt-device.ts";
import { createAccount, startServer, temporaryFolder } from "../support/process/server-process.ts";

// The real server, as a process of its own.

const PAGE = readFileSync(join(import.meta.dir, "../../src/docs/operation.md"), "utf8");
const documented = [...PAGE.matchAll(/^\| (`(?:twinpost|process)_[^|]+) \|/gm)].flatMap(([, cell = ""]) =>
  [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name as string),
);

test("the table of metrics lists exactly the server's metrics", async () => {
  using folder = temporaryFolder();
  await using server = await startServer({ dataDir: folder.path });
  const { families, sum } = readExposition(await (await fetch(`${server.url}/metrics`)).text());
  // Refusals and connects appear once they have occurred.
  const { secret } = await createAccount({ dataDir: folder.path });
  expect((await fetch(`${server.url}/whoami`, { headers: { authorization: secret } })).status).toBe(200);
  await connectDevice(server.mqttUrl, { clientId: "unknown", protocolVersion: 5 }).catch(() => undefined);
  const later = readExposition(await (await fetch(`${server.url}/metrics`)).text());
  const names = new Set([...families.keys(), ...later.families.keys(), "twinpost_mqtt_connects_total"]);
  expect([...names].sort()).toEqual([...documented].sort());
  expect(sum("twinpost_build_info")).toBe(1);
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_heap_bytes"])
    expect(sum(name)).toBeGreaterThan(0);
  expect(later.sum("twinpost_mqtt_refusals_total", { reason: "bad_user_name_or_password" })).toBe(1);
  expect(later.sum("twinpost_http_requests_total", { operation: "who_am_i", status: "2xx" })).toBe(1);
  expect(await server.end()).toBe(0);
});
