import { expect, test } from "bun:test";
import { exportSPKI, importPKCS8, SignJWT, UnsecuredJWT } from "jose";
import { identifyDevice } from "../../src/hub/admission/identify-device.ts";
import { bytes, derOfPem, make, START, shown, x509 } from "../support/world/device-certificates.ts";
import { openHub } from "../support/world/hub.ts";
import type { Json } from "../support/world/world.ts";

const NOW = START / 1000;
const DAY = 24 * 3600;

type Claims = Record<string, unknown>;
type Signer = { key: CryptoKey | Uint8Array; alg: string; header?: object };

const sign = (claims: Claims, { key, alg, header }: Signer) =>
  new SignJWT(claims as never).setProtectedHeader({ alg, ...header }).sign(key);

/** A hub with a device, the key of its certificate, and a client that connects with a token. */
async function openPanel(rest: object = {}) {
  const h = await openHub();
  const { device, certificate } = await h.createDevice("panel", rest);
  const key = await importPKCS8(certificate.key, "ES256");
  const signer: Signer = { key, alg: "ES256" };
  const claims: Claims = { sub: device.id, aud: h.hub.id, iat: NOW };
  const outcome = (token: string, id: string = device.id) =>
    identifyDevice(h.world.deps, shown({ clientId: id, password: bytes(token) }));
  const ask = async (token: string, id?: string) => {
    const found = await outcome(token, id);
    return "reason" in found ? found.reason : found.secure;
  };
  return {
    ...h,
    device,
    certificate,
    signer,
    claims,
    outcome,
    ask,
    [Symbol.asyncDispose]: () => h.world[Symbol.asyncDispose](),
  };
}

test("a token signed by the key of its certificate proves a device, by either of its names", async () => {
  await using p = await openPanel();
  const token = await sign(p.claims, p.signer);
  const { device, certificate } = p;
  expect(await p.outcome(token)).toMatchObject({ device: { id: device.id }, by: "client_id", secure: true });
  const byUserName = shown({ userName: device.id, password: bytes(token) });
  expect(await identifyDevice(p.world.deps, byUserName)).toMatchObject({ by: "user_name", secure: true });
  // It can be used repeatedly for a day, and may contain additional claims.
  expect(await p.ask(token)).toBe(true);
  expect(
    await p.ask(await sign({ ...p.claims, aud: ["other", p.hub.id], exp: NOW + 60, jti: "x", n: 1 }, p.signer)),
  ).toBe(true);
  expect(await p.ask(await sign({ ...p.claims, iat: NOW - DAY }, p.signer))).toBe(true);
  expect(await p.ask(await sign({ ...p.claims, iat: NOW + 30 }, p.signer))).toBe(true);
  // A presented certificate takes precedence over a token.
  const both = shown({ certificates: [derOfPem(certificate.crt)], clientId: device.id, password: bytes("a.b.c") });
  expect(await identifyDevice(p.world.deps, both)).toMatchObject({ by: "certificate", secure: true });
});

test("a token that is too old, from the future, or for another audience is refused", async () => {
  await using p = await openPanel();
  const { device: other, certificate } = await p.createDevice("other");
  const otherHub = (await p.call("POST", "/hubs", { name: "other" })).body.id;
  const { sub, aud, iat } = p.claims;
  const refused: Record<string, Claims> = {
    "older than a day": { ...p.claims, iat: NOW - DAY - 61 },
    "of the future": { ...p.claims, iat: NOW + 61 },
    "of far in the future": { ...p.claims, iat: NOW + 10 * 365 * DAY },
    "good for ten years": { ...p.claims, iat: NOW - 365 * DAY, exp: NOW + 10 * 365 * DAY },
    "over already": { ...p.claims, exp: NOW - 61 },
    "good later only": { ...p.claims, nbf: NOW + 61 },
    "without an instant": { sub, aud, exp: NOW + 60 },
    "with words for an instant": { ...p.claims, iat: String(NOW) },
    "without a subject": { aud, iat },
    "without an audience": { sub, iat },
    "of another subject": { ...p.claims, sub: other.id },
    "of the name": { ...p.claims, sub: "panel" },
    "of a list of subjects": { ...p.claims, sub: [sub] },
    "for another hub": { ...p.claims, aud: otherHub },
    "for other hubs": { ...p.claims, aud: [otherHub, p.caller.account] },
    "for an empty audience": { ...p.claims, aud: [] },
  };
  for (const [why, claims] of Object.entries(refused)) {
    expect([why, await p.ask(await sign(claims, p.signer))]).toEqual([why, "bad_token"]);
  }
  const event = { reason: "bad_token", event: "invalid device token", deviceId: sub, hubId: aud } as never;
  expect(await p.outcome(await sign({ ...p.claims, aud: otherHub }, p.signer))).toEqual(event);

  // Another device's token, as it is or under this device's id, and this device's token under the other's id.
  const otherKey: Signer = { key: await importPKCS8(certificate.key, "ES256"), alg: "ES256" };
  const others = await sign({ ...p.claims, sub: other.id }, otherKey);
  expect([await p.ask(others, other.id), await p.ask(others)]).toEqual([true, "bad_token"]);
  expect(await p.ask(await sign(p.claims, otherKey))).toBe("bad_token");
  const own = await sign(p.claims, p.signer);
  expect(await p.ask(own, other.id)).toBe("bad_token");

  // Only our clock counts: a valid token is too old a day later.
  p.world.clock.advance((DAY + 60) * 1000);
  expect(await p.ask(own)).toBe(true);
  p.world.clock.advance(1000);
  expect(await p.ask(own)).toBe("bad_token");
});

test("a token's header does not decide how it is verified", async () => {
  await using p = await openPanel();
  const certificate = new x509.X509Certificate(p.certificate.crt);
  const publicKey = await certificate.publicKey.export();
  const jwk = await crypto.subtle.exportKey("jwk", publicKey);
  const own = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const ownJwk = await crypto.subtle.exportKey("jwk", own.publicKey);
  const strange = await make({ name: "panel", keys: own });
  const attempts: [string, string][] = [
    ["none", new UnsecuredJWT(p.claims as never).encode()],
    ["SPKI as a secret", await sign(p.claims, { key: bytes(await exportSPKI(publicKey)), alg: "HS256" })],
    [
      "SPKI bytes as a secret",
      await sign(p.claims, { key: new Uint8Array(certificate.publicKey.rawData), alg: "HS256" }),
    ],
    ["PEM as a secret", await sign(p.claims, { key: bytes(p.certificate.crt), alg: "HS256" })],
    [
      "x as a secret",
      await sign(p.claims, { key: new Uint8Array(Buffer.from(jwk.x as string, "base64url")), alg: "HS256" }),
    ],
    ["own key", await sign(p.claims, { key: own.privateKey, alg: "ES256" })],
    ["own key in the header", await sign(p.claims, { key: own.privateKey, alg: "ES256", header: { jwk: ownJwk } })],
    [
      "own certificate in the header",
      await sign(p.claims, {
        key: own.privateKey,
        alg: "ES256",
        header: { x5c: [Buffer.from(strange.der).toString("base64")] },
      }),
    ],
    [
      "address of a key",
      await sign(p.claims, { key: own.privateKey, alg: "ES256", header: { jku: "http://127.0.0.1:1/" } }),
    ],
    [
      "unknown condition",
      await sign(p.claims, { ...p.signer, header: { crit: ["exp"], exp: 1 } }).catch(() => "a.b.c"),
    ],
  ];
  const good = await sign(p.claims, p.signer);
  const [header, payload, signature] = good.split(".") as [string, string, string];
  const encode = (value: Json) => Buffer.from(JSON.stringify(value)).toString("base64url");
  for (const alg of [
    "none",
    "None",
    "NONE",
    "",
    "HS256",
    "ES384",
    "RS256",
    "EdDSA",
    5,
    null,
    ["ES256"],
    { alg: "ES256" },
  ]) {
    attempts.push([`header of ${JSON.stringify(alg)}`, `${encode({ alg })}.${payload}.${signature}`]);
    attempts.push([`header of ${JSON.stringify(alg)}, unsigned`, `${encode({ alg })}.${payload}.`]);
  }
  attempts.push(
    ["no signature", `${header}.${payload}.`],
    ["zeros for a signature", `${header}.${payload}.${Buffer.alloc(64).toString("base64url")}`],
    ["half a signature", `${header}.${payload}.${signature.slice(0, 43)}`],
    ["another payload", `${header}.${encode({ ...p.claims, x: 1 })}.${signature}`],
    ["no JSON", "a.b.c"],
    ["JSON that is no object", `${encode(5)}.${encode([])}.${signature}`],
    ["null", `${encode(null)}.${encode(null)}.${signature}`],
    ["unencoded", `${encode({ alg: "ES256", b64: false, crit: ["b64"] })}.${payload}.${signature}`],
  );
  for (const [why, token] of attempts) expect([why, await p.ask(token)]).toEqual([why, "bad_token"]);
  // A password that cannot be a token is an ordinary password.
  for (const password of [`${good}.x`, `${good}\0`, ` ${good}`, `${header}.${payload}`, `${good}${"x".repeat(9000)}`]) {
    expect(await p.ask(password)).toBe("insecure");
  }
  expect(await p.ask(good)).toBe(true);
});

test("a device that allows insecure connections may send any password, and is secure with a valid token", async () => {
  await using p = await openPanel({ allow_insecure: true });
  expect(await p.ask(await sign(p.claims, p.signer))).toBe(true);
  expect(await p.ask(await sign({ ...p.claims, iat: 1 }, p.signer))).toBe(false);
  expect(await p.ask("a.b.c")).toBe(false);
  expect(await p.ask("")).toBe(false);
});

test("a token is valid as long as the certificate", async () => {
  await using p = await openPanel();
  const token = await sign(p.claims, p.signer);
  expect(await p.ask(token)).toBe(true);
  await p.call("POST", `/devices/${p.device.id}/disable`);
  expect(await p.ask(token)).toBe("device_disabled");
  await p.call("POST", `/devices/${p.device.id}/enable`);

  const other = (await p.call("POST", "/hubs", { name: "other" })).body.id;
  await p.call("PATCH", `/devices/${p.device.id}`, { hub_id: other });
  expect(await p.ask(token)).toBe("bad_token");
  expect(await p.ask(await sign({ ...p.claims, aud: other }, p.signer))).toBe(true);
  await p.call("PATCH", `/devices/${p.device.id}`, { hub_id: p.hub.id });

  const { certificate } = (await p.call("POST", `/devices/${p.device.id}/renew-certificate`)).body;
  expect(await p.ask(token)).toBe("bad_token");
  const renewed: Signer = { key: await importPKCS8(certificate.key, "ES256"), alg: "ES256" };
  expect(await p.ask(await sign(p.claims, renewed))).toBe(true);
  const at = START + 11 * 366 * DAY * 1000;
  p.world.clock.set(at);
  expect(await p.ask(await sign({ ...p.claims, iat: at / 1000 }, renewed))).toBe("bad_token");
});

test("keys of every usual kind sign with their own algorithms only", async () => {
  await using p = await openPanel();
  const rsa = (name: string, modulusLength = 2048) => {
    return { name, modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
  };
  const attach = async (algorithm: RsaHashedKeyGenParams | EcKeyGenParams | Algorithm, wish: object = {}) => {
    const own = await make({ name: "panel", algorithm, ...wish });
    const { status } = await p.call("PUT", `/devices/${p.device.id}/certificate`, { certificate_pem: own.pem });
    expect(status).toBe(200);
    return own.keys.privateKey;
  };
  for (const [algorithm, alg] of [
    [{ name: "ECDSA", namedCurve: "P-256" }, "ES256"],
    [{ name: "ECDSA", namedCurve: "P-384" }, "ES384"],
    [{ name: "ECDSA", namedCurve: "P-521" }, "ES512"],
    [{ name: "Ed25519" }, "EdDSA"],
    [rsa("RSASSA-PKCS1-v1_5"), "RS256"],
    [rsa("RSA-PSS"), "PS256"],
  ] as const) {
    const key = await attach(algorithm);
    expect([alg, await p.ask(await sign(p.claims, { key, alg }))]).toEqual([alg, true]);
    expect(await p.ask(await sign(p.claims, p.signer))).toBe("bad_token");
  }
  const short = await attach(rsa("RSASSA-PKCS1-v1_5", 1024));
  const data = `${Buffer.from('{"alg":"RS256"}').toString("base64url")}.${Buffer.from(JSON.stringify(p.claims)).toString("base64url")}`;
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", short, bytes(data));
  expect(await p.ask(`${data}.${Buffer.from(signature).toString("base64url")}`)).toBe("bad_token");
  const server = await attach({ name: "ECDSA", namedCurve: "P-256" }, { purposes: [x509.ExtendedKeyUsage.serverAuth] });
  expect(await p.ask(await sign(p.claims, { key: server, alg: "ES256" }))).toBe("bad_token");
});
