import { expect, test } from "bun:test";
import ipaddr from "ipaddr.js";
import { clientAddress, networksOf, throttleKey } from "../../src/kernel/client-address.ts";
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

test("an address is counted with its networks: an IPv4 one as itself however it is written, an IPv6 one by its /64", () => {
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
