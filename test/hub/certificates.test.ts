import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/process/server-process.ts";
import { openHub } from "../support/world/hub.ts";

/** Dozens of processes are started. */
setDefaultTimeout(30_000);

const YEAR = 365.25 * 86_400_000;

/** `openssl`, in its own folder. */
function openssl(folder: string) {
  mkdirSync(folder, { recursive: true });
  const run = (...args: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: folder, stdin: "ignore" });
    return { ok: exitCode === 0, text: stdout.toString() + stderr.toString() };
  };
  const file = (name: string) => Bun.file(join(folder, name)).text();
  const must = (...args: string[]) => {
    const { ok, text } = run(...args);
    if (!ok) throw new Error(`openssl ${args.join(" ")}: ${text}`);
    return text;
  };
  must("ecparam", "-name", "prime256v1", "-out", "p256.pem");
  /** A CA, or with `subject` a self-signed certificate. */
  const selfSigned = async (name: string, subject = `/CN=${name}`, days = "3650", key = "ec:p256.pem") => {
    must(
      "req",
      "-x509",
      "-newkey",
      key,
      "-nodes",
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
      "-days",
      days,
      "-subj",
      subject,
    );
    return file(`${name}.crt`);
  };
  /** A certificate signed by that CA. */
  const signed = async (name: string, ca: string, subject: string, dates: string[] = ["-days", "30"]) => {
    must("req", "-newkey", "ec:p256.pem", "-nodes", "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject);
    must(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      "-CA",
      `${ca}.crt`,
      "-CAkey",
      `${ca}.key`,
      "-CAcreateserial",
      "-out",
      `${name}.crt`,
      ...dates,
    );
    return file(`${name}.crt`);
  };
  return {
    run,
    must,
    file,
    selfSigned,
    signed,
    write: (name: string, text: string) => writeFileSync(join(folder, name), text),
  };
}

/** A hub whose clock shows openssl's time. */
async function openHubNow() {
  const h = await openHub();
  h.world.clock.set(Date.now() + 60_000);
  const hub = (await h.call("POST", "/hubs", { name: "now" })).body;
  return { ...h, hub, [Symbol.asyncDispose]: () => h.world[Symbol.asyncDispose]() };
}

test("openssl verifies a device certificate that we issue against the hub's CA, and it matches its key", async () => {
  using folder = temporaryFolder();
  await using h = await openHubNow();
  const ssl = openssl(folder.path);
  const { device, certificate } = (await h.call("POST", "/devices", { hub_id: h.hub.id, name: "Tür (1)" })).body;
  const ca = (await h.call("GET", `/hubs/${h.hub.id}/ca`)).body.ca_cert_pem;
  for (const [name, pem] of Object.entries({
    "ca.crt": ca,
    "device.crt": certificate.crt,
    "device.key": certificate.key,
  })) {
    expect(pem).toMatch(/^-----BEGIN [A-Z ]+-----\n[\s\S]+\n-----END [A-Z ]+-----\n$/);
    ssl.write(name, pem);
  }
  expect(ssl.must("verify", "-CAfile", "ca.crt", "-purpose", "sslclient", "-x509_strict", "device.crt")).toContain(
    "device.crt: OK",
  );
  expect(ssl.run("verify", "-CAfile", "ca.crt", "-purpose", "sslserver", "device.crt").ok).toBe(false);
  expect(ssl.must("pkey", "-in", "device.key", "-pubout")).toBe(
    ssl.must("x509", "-in", "device.crt", "-pubkey", "-noout"),
  );
  expect(certificate.key).toStartWith("-----BEGIN PRIVATE KEY-----\n");
  const described = ssl.must("x509", "-in", "device.crt", "-noout", "-text", "-nameopt", "RFC2253,utf8");
  expect(described).toContain("NIST CURVE: P-256");
  expect(described).toContain("CA:FALSE");
  expect(described).toContain("TLS Web Client Authentication");
  expect(ssl.must("x509", "-in", "device.crt", "-noout", "-subject", "-nameopt", "oneline,utf8,-esc_msb").trim()).toBe(
    "subject=CN = Tür (1)",
  );
  const dates = ssl.must("x509", "-in", "device.crt", "-noout", "-dates");
  const [from, to] = [...dates.matchAll(/(?:notBefore|notAfter)=(.+)/g)].map(([, date]) => Date.parse(date as string));
  const now = h.world.clock.now();
  expect([Math.round((now - (from as number)) / 86_400_000), Math.round(((to as number) - now) / YEAR)]).toEqual([
    1, 10,
  ]);
  const until = Date.parse(
    (/notAfter=(.+)/.exec(ssl.must("x509", "-in", "ca.crt", "-noout", "-enddate")) ?? [])[1] as string,
  );
  expect(Math.round((until - now) / YEAR)).toBe(30);

  // The other hub has another CA.
  ssl.write(
    "other.crt",
    (await h.call("GET", `/hubs/${(await h.call("POST", "/hubs", { name: "x" })).body.id}/ca`)).body.ca_cert_pem,
  );
  expect(ssl.run("verify", "-CAfile", "other.crt", "device.crt").ok).toBe(false);

  const read = (await h.call("GET", `/devices/${device.id}/certificate`)).body;
  expect(read).toEqual({ device, certificate_pem: certificate.crt });
  const renewed = (await h.call("POST", `/devices/${device.id}/renew-certificate`, {})).body;
  expect(renewed.certificate.crt).not.toBe(certificate.crt);
  ssl.write("renewed.crt", renewed.certificate.crt);
  ssl.must("verify", "-CAfile", "ca.crt", "renewed.crt");
  expect((await h.call("GET", `/devices/${device.id}/certificate`)).body.certificate_pem).toBe(renewed.certificate.crt);
});

test("device keys are neither stored nor logged, and a hub's key is sealed", async () => {
  await using h = await openHub();
  const { device, certificate } = await h.createDevice("panel");
  const renewed = (await h.call("POST", `/devices/${device.id}/renew-certificate`)).body.certificate;
  const tables = h.world.query("SELECT name FROM sqlite_schema WHERE type = 'table'").map(({ name }) => name);
  const stored = JSON.stringify([h.world.logged, tables.map((table) => h.world.query(`SELECT * FROM ${table}`))]);
  for (const { key } of [certificate, renewed]) {
    const line = key.split("\n")[2];
    expect(line.length).toBeGreaterThan(30);
    expect(stored).not.toContain(line);
    expect(stored).not.toContain(Buffer.from(key.split("\n").slice(1, -2).join(""), "base64").toString("base64url"));
  }
  // The same search finds what should be stored.
  expect(stored).toContain(renewed.crt.split("\n")[2]);
  expect(stored).not.toContain("PRIVATE KEY");
});

test("a device can have a certificate made elsewhere, if no device of any hub has it", async () => {
  using folder = temporaryFolder();
  await using h = await openHubNow();
  const ssl = openssl(folder.path);
  const { device } = (await h.call("POST", "/devices", { hub_id: h.hub.id, name: "a" })).body;
  const put = (id: string, certificate_pem: unknown) =>
    h.call("PUT", `/devices/${id}/certificate`, { certificate_pem });
  const own = await ssl.selfSigned("own", "/CN=own", "3650", "rsa:2048");
  const set = await put(device.id, own);
  expect([set.status, set.body.device.has_custom_certificate, set.body.certificate_pem.trim()]).toEqual([
    200,
    true,
    own.trim(),
  ]);
  expect((await put(device.id, own)).status).toBe(200);
  const elliptic = await ssl.selfSigned("ec", "/CN=ec", "30");
  expect((await put(device.id, elliptic)).status).toBe(200);
  const renew = await h.call("POST", `/devices/${device.id}/renew-certificate`);
  expect([renew.status, renew.body.type]).toEqual([412, "precondition_failed"]);
  const { device: b } = (await h.call("POST", "/devices", { hub_id: h.hub.id, name: "b" })).body;
  const taken = await put(b.id, elliptic);
  expect([taken.status, taken.body]).toMatchObject([409, { type: "already_exists", resource: "device_certificate" }]);
  expect(JSON.stringify(taken.body)).not.toContain(device.id);

  for (const [pem, reason] of [
    ["", "format"],
    ["x", "format"],
    [own + own, "format"],
    [own.replace("BEGIN CERTIFICATE", "BEGIN PRIVATE KEY"), "format"],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "format"],
    [own.slice(0, 300) + own.slice(400), "format"],
    [undefined, "required"],
    [5, "format"],
  ] as const) {
    const refused = await put(b.id, pem);
    expect([pem, refused.status, refused.body.details?.[0]]).toMatchObject([
      pem,
      400,
      { argument_name: "certificate_pem", reason },
    ]);
  }
  const short = await ssl.selfSigned("short", "/CN=short", "1");
  h.world.clock.advance(2 * 86_400_000);
  const expired = await put(b.id, short);
  expect(expired.body.details).toEqual([
    { argument_name: "certificate_pem", reason: "constraint", help_message: "is not valid at this time" },
  ]);
  h.world.clock.set(Date.now() - 5 * 86_400_000);
  expect((await put(b.id, short)).status).toBe(400);
});

test("a disabled hub takes a customer's own CA, once they prove to have its key", async () => {
  using folder = temporaryFolder();
  await using h = await openHubNow();
  const ssl = openssl(folder.path);
  const id = h.hub.id as string;
  const post = (ca_cert_pem: string, challenge_cert_pem: string, hub = id) =>
    h.call("POST", `/hubs/${hub}/ca`, { ca_cert_pem, challenge_cert_pem });
  const { device: issued } = (await h.call("POST", "/devices", { hub_id: id, name: "issued" })).body;
  const { device: custom } = (await h.call("POST", "/devices", { hub_id: id, name: "custom" })).body;
  const customPem = await ssl.selfSigned("custom");
  await h.call("PUT", `/devices/${custom.id}/certificate`, { certificate_pem: customPem });

  const ca = await ssl.selfSigned("ca", "/O=Meter company/CN=Our CA");
  const other = await ssl.selfSigned("other", "/O=Meter company/CN=Our CA");
  const good = await ssl.signed("good", "ca", `/CN=${id}`);
  const enabled = await post(ca, good);
  expect([enabled.status, enabled.body.type]).toEqual([412, "precondition_failed"]);
  await h.call("POST", `/hubs/${id}/disable`);

  const leaf = await ssl.signed("leaf", "ca", "/CN=leaf");
  const expired = await ssl.signed("expired", "ca", `/CN=${id}`, ["-days", "1"]);
  const forged = good.split("\n");
  forged[forged.length - 4] = [...(forged.at(-4) as string)].reverse().join("");
  const refusals: [string, string, string][] = [
    [ca, await ssl.signed("foreign", "ca", `/CN=${h.world.deps.random.uuid()}`), "challenge_cert_pem"],
    [ca, await ssl.signed("wrongca", "other", `/CN=${id}`), "challenge_cert_pem"],
    [ca, await ssl.signed("two", "ca", `/CN=${id}/CN=evil`), "challenge_cert_pem"],
    [ca, await ssl.signed("before", "ca", `/CN=evil/CN=${id}`), "challenge_cert_pem"],
    [ca, await ssl.signed("injected", "ca", `/O=x, CN=${id}/CN=evil`), "challenge_cert_pem"],
    [ca, await ssl.signed("joined", "ca", `/CN=evil\\, CN\\=${id}`), "challenge_cert_pem"],
    [ca, await ssl.signed("none", "ca", "/O=none"), "challenge_cert_pem"],
    [ca, await ssl.selfSigned("self", `/CN=${id}`), "challenge_cert_pem"],
    [ca, forged.join("\n"), "challenge_cert_pem"],
    [ca, "x", "challenge_cert_pem"],
    [other, good, "challenge_cert_pem"],
    [leaf, good, "ca_cert_pem"],
    ["x", good, "ca_cert_pem"],
  ];
  for (const [index, [caPem, challenge, argument]] of refusals.entries()) {
    const refused = await post(caPem, challenge);
    expect([index, refused.status, refused.body.details?.[0].argument_name]).toEqual([index, 400, argument]);
  }
  h.world.clock.advance(2 * 86_400_000);
  const late = await post(ca, expired);
  expect([late.status, late.body.details?.[0].help_message]).toEqual([400, "is not valid at this time"]);
  h.world.clock.set(Date.now() + 60_000);
  expect((await h.call("GET", `/hubs/${id}`)).body.has_custom_ca).toBe(false);

  const set = await post(ca, good);
  expect([set.status, set.body.has_custom_ca]).toEqual([200, true]);
  expect((await h.call("GET", `/hubs/${id}/ca`)).body.ca_cert_pem.trim()).toBe(ca.trim());
  const lost = await h.call("GET", `/devices/${issued.id}/certificate`);
  expect([lost.status, lost.body.resource]).toEqual([404, "device_certificate"]);
  expect((await h.call("GET", `/devices/${custom.id}/certificate`)).body.certificate_pem.trim()).toBe(customPem.trim());
  const created = (await h.call("POST", "/devices", { hub_id: id, name: "new" })).body;
  expect(Object.keys(created)).toEqual(["device"]);
  expect((await h.call("POST", `/devices/${created.device.id}/renew-certificate`)).status).toBe(412);
  expect(
    (await h.call("PATCH", `/hubs/${id}`, { enable_device_auto_provisioning: true })).body
      .enable_device_auto_provisioning,
  ).toBe(true);

  const second = (await h.call("POST", "/hubs", { name: "second" })).body.id;
  await h.call("POST", `/hubs/${second}/disable`);
  const taken = await post(ca, await ssl.signed("second", "ca", `/CN=${second}`), second);
  expect([taken.status, taken.body.type]).toEqual([409, "already_exists"]);
});
