import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ipaddr from "ipaddr.js";
import { clientAddress, networksOf, throttleKey } from "../../src/kernel/client-address.ts";
import { openWorld } from "../support/world/world.ts";

const ranges = ["10.0.0.0/8", "fd00::/8"].map((range) => ipaddr.parseCIDR(range));

test("a forwarded address is trusted only as far as trusted proxies wrote it", () => {
  for (const [peer, forwardedFor, expected] of [
    ["198.51.100.1", "203.0.113.9", "198.51.100.1"],
    ["10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"],
    ["10.0.0.1", "1.1.1.1,203.0.113.9 , fd00::2,10.0.0.3", "203.0.113.9"],
    ["10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"],
    ["10.0.0.1", "nonsense", "10.0.0.1"],
    ["10.0.0.1", "nonsense, 10.0.0.2", "10.0.0.2"],
    ["10.0.0.1", "", "10.0.0.1"],
    ["10.0.0.1", null, "10.0.0.1"],
    ["", "203.0.113.9", ""],
  ] as const) {
    const headers = new Headers(forwardedFor === null ? {} : { "x-forwarded-for": forwardedFor });
    const found = clientAddress(peer, headers, { trustedProxies: ranges });
    expect([peer, forwardedFor, found]).toEqual([peer, forwardedFor, expected]);
  }
  const untrusted = new Headers({ "x-forwarded-for": "203.0.113.9" });
  expect(clientAddress("10.0.0.1", untrusted, { trustedProxies: [] })).toBe("10.0.0.1");
});

test("a header that the proxy writes itself is trusted from trusted proxies, if it is exactly one address", () => {
  const trust = { trustedProxies: ranges, clientAddressHeader: "fly-client-ip" };
  for (const [peer, value, expected] of [
    ["10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["10.0.0.1", " 2001:db8::7 ", "2001:db8::7"],
    ["::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["198.51.100.1", "203.0.113.9", "198.51.100.1"],
    ["", "203.0.113.9", ""],
    ...["", "nonsense", "1", "0x7f.1", "203.0.113.9:443", "[2001:db8::7]", "203.0.113", null].map(
      (value) => ["10.0.0.1", value, "10.0.0.1"] as const,
    ),
  ] as const) {
    // Addresses that the client adds itself are never trusted.
    const headers = new Headers({ "x-forwarded-for": "192.0.2.66" });
    if (value !== null) headers.set("fly-client-ip", value);
    expect([peer, value, clientAddress(peer, headers, trust)]).toEqual([peer, value, expected]);
  }
  const twice = new Headers({ "fly-client-ip": "192.0.2.66" });
  twice.append("fly-client-ip", "203.0.113.9");
  expect(clientAddress("10.0.0.1", twice, trust)).toBe("10.0.0.1");
});

test("an IPv4 address is counted as itself in any notation, an IPv6 one by its /64, both also by wider networks", () => {
  expect(networksOf("192.0.2.1")).toEqual(["192.0.2.1", "192.0.2/24"]);
  expect(networksOf("::ffff:192.0.2.1")).toEqual(networksOf("192.0.2.1"));
  expect(networksOf("2001:db8::1")).toEqual(networksOf("2001:db8:0:0:ffff::2"));
  expect(networksOf("2001:db8::1").map((network) => network.split("/")[1])).toEqual([undefined, "48", "32"]);
  for (const address of ["192.0.2.1", "2001:db8::1", "nowhere"])
    expect(networksOf(address)[0]).toBe(throttleKey(address));
  const shared = (a: string, b: string) => networksOf(a).filter((network) => networksOf(b).includes(network)).length;
  expect(
    ["2001:db8:0:1::1", "2001:db8:1::1", "2001:db9::1", "32.1.13.184"].map((other) => shared("2001:db8::1", other)),
  ).toEqual([2, 1, 0, 0]);
  expect(networksOf("nowhere")).toEqual(["nowhere"]);
});

test("logs and throttles use the client's address behind a trusted proxy", async () => {
  await using world = await openWorld({ "trusted-proxies": "10.0.0.0/8" });
  const headers = { "x-forwarded-for": "203.0.113.9" };
  await world.call("GET", "/nowhere", { headers, address: "10.1.2.3" });
  await world.call("GET", "/nowhere", { headers, address: "198.51.100.1" });
  const addresses = world.logged.filter(({ event }) => event === "http.refused").map(({ address }) => address);
  expect(addresses).toEqual(["203.0.113.9", "198.51.100.1"]);
});

// Fly appends the client's address and then the application's own public one to any existing X-Forwarded-For, and
// overwrites Fly-Client-IP (https://fly.io/docs/networking/request-headers/, superfly/flyctl#121,
// arcjet/arcjet-js#5412).
const OWN_ADDRESS = "2a09:8280:1::af:1aa1:0";
const throughFly = (client: string, sent: { forwardedFor?: string } = {}) => ({
  address: "172.16.4.2",
  headers: {
    "fly-client-ip": client,
    "x-forwarded-for": [sent.forwardedFor, client, OWN_ADDRESS].filter(Boolean).join(", "),
    "x-forwarded-proto": "https",
    via: "1.1 fly.io",
  },
});
const fly = (
  Bun.TOML.parse(readFileSync(join(import.meta.dir, "../../fly.toml"), "utf8")) as { env: Record<string, string> }
).env;
const onFly = () =>
  openWorld({
    "trusted-proxies": fly["TWINPOST_TRUSTED_PROXIES"] as string,
    "client-address-header": fly["TWINPOST_CLIENT_ADDRESS_HEADER"] as string,
  });

test("on Fly a client that guesses PINs does not block other clients' PINs", async () => {
  await using world = await onFly();
  const caller = await world.createAccount();
  const { uuid } = (await caller.call("POST", "/users", { name: "Robin", role: caller.role })).body;
  const { pin } = (await caller.call("POST", `/users/${uuid}/secrets`)).body;
  for (let guess = 0; guess < 25; guess += 1) {
    // A forged address does not change the address the client is counted by.
    const forwardedFor = `192.0.2.${guess}`;
    await world.call("POST", `/secrets/${caller.account}/wrong${guess}`, throughFly("203.0.113.9", { forwardedFor }));
  }
  const path = `/secrets/${caller.account}/${pin}`;
  expect((await world.call("POST", path, throughFly("203.0.113.9"))).status).toBe(429);
  expect((await world.call("POST", path, throughFly("198.51.100.7"))).status).toBe(201);
});

test("on Fly the log contains the client's address", async () => {
  await using world = await onFly();
  await world.call("GET", "/nowhere", throughFly("203.0.113.9", { forwardedFor: "192.0.2.66" }));
  await world.call("GET", "/nowhere", { ...throughFly("203.0.113.9"), address: "198.51.100.1" });
  const addresses = world.logged.filter(({ event }) => event === "http.refused").map(({ address }) => address);
  expect(addresses).toEqual(["203.0.113.9", "198.51.100.1"]);
});
