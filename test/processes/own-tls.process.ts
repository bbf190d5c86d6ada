import { expect, test } from "bun:test";
import { join } from "node:path";
import { fingerprintOf, fingerprintServed, openAuthority } from "../support/http/certificates.ts";
import { connectDevice } from "../support/mqtt/mqtt-device.ts";
import { createAccount, startServer, temporaryFolder } from "../support/process/server-process.ts";

test("without a proxy, people and devices connect by TLS only, and a renewed certificate disturbs neither", async () => {
  using authority = openAuthority();
  using folder = temporaryFolder();
  const ca = await authority.certificate();
  const files = { TWINPOST_TLS_CERT: join(folder.path, "cert.pem"), TWINPOST_TLS_KEY: join(folder.path, "key.pem") };
  const install = async () => {
    const { cert, key } = await authority.issue("localhost");
    await Bun.write(files.TWINPOST_TLS_CERT, cert);
    await Bun.write(files.TWINPOST_TLS_KEY, key);
    return fingerprintOf(cert);
  };
  const first = await install();
  const options = { dataDir: folder.path };
  const { token } = await createAccount(options);
  const env = { ...files, TWINPOST_HTTPS: "127.0.0.1:0", TWINPOST_MQTTS: "127.0.0.1:0", TWINPOST_MQTT: "off" };
  await using server = await startServer({ ...options, http: "off", env });
  expect(server.urls.map((url) => url.split(":")[0])).toEqual(["https", "mqtts"]);
  const [https, mqtts] = server.urls.map((url) => Number(url.split(":").at(-1))) as [number, number];
  expect([await fingerprintServed(https, ca), await fingerprintServed(mqtts, ca)]).toEqual([first, first]);

  const call = async (method: string, path: string, body?: object) => {
    const init = {
      method,
      headers: { "x-auth-token": token },
      tls: { ca },
      ...(body && { body: JSON.stringify(body) }),
    };
    return (await fetch(`https://localhost:${https}/iot/v1/regions/fr-par${path}`, init)).json();
  };
  const hub = await call("POST", "/hubs", { name: "hub", product_plan: "plan_dedicated" });
  const { device } = await call("POST", "/devices", { hub_id: hub.id, name: "panel", allow_insecure: true });
  await using panel = await connectDevice(`wss://localhost:${https}/mqtt`, { clientId: device.id, ca });
  await panel.subscribe("$SCW/twins/me/reported/+/response/+");
  await panel.ask("$SCW/twins/me/reported/put", { data: { armed: true } });

  const renewed = await install();
  process.kill(server.pid, "SIGHUP");
  for (const port of [https, mqtts]) while ((await fingerprintServed(port, ca)) !== renewed);
  const { body } = await panel.ask("$SCW/twins/me/reported/get");
  expect(body.data).toEqual({ armed: true });
  expect(await call("GET", `/twins/${device.id}/documents/reported`)).toMatchObject({ data: { armed: true } });
  await using late = await connectDevice(`mqtts://localhost:${mqtts}`, { clientId: device.id, ca });
  await late.publish("a", "b");
  expect(await server.end("SIGTERM")).toBe(0);
}, 30_000);
