import { expect, test } from "bun:test";
import ipaddr from "ipaddr.js";
import { clientAddress, throttleKey } from "../../src/kernel/client-address.ts";
import { openWorld } from "../support/world.ts";

const ranges = ["10.0.0.0/8", "fd00::/8"].map((range) => ipaddr.parseCIDR(range));

test("a forwarded address is believed as far as trusted proxies wrote it", () => {
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
    expect([peer, forwardedFor, clientAddress(peer, forwardedFor, ranges)]).toEqual([peer, forwardedFor, expected]);
  }
  expect(clientAddress("10.0.0.1", "203.0.113.9", [])).toBe("10.0.0.1");
});

test("an IPv4 address is counted as itself however it is written, an IPv6 one by its /64", () => {
  expect(throttleKey("::ffff:192.0.2.1")).toBe(throttleKey("192.0.2.1"));
  expect(throttleKey("2001:db8::1")).toBe(throttleKey("2001:db8:0:0:ffff::2"));
  expect(throttleKey("2001:db8:0:1::1")).not.toBe(throttleKey("2001:db8::1"));
});

test("logs and throttles use the client's address behind a trusted proxy", async () => {
  await using world = await openWorld({ "trusted-proxies": "10.0.0.0/8" });
  const headers = { "x-forwarded-for": "203.0.113.9" };
  await world.call("GET", "/nowhere", { headers, address: "10.1.2.3" });
  await world.call("GET", "/nowhere", { headers, address: "198.51.100.1" });
  const addresses = world.logged.filter(({ event }) => event === "http.refused").map(({ address }) => address);
  expect(addresses).toEqual(["203.0.113.9", "198.51.100.1"]);
});
