import { expect, test } from "bun:test";
import { loadConfig } from "../../src/config.ts";
import { isReachable } from "../../src/notifications/model/addresses.ts";
import { type Net, systemNet } from "../../src/platform/net.ts";
import { type Notified, openNotified } from "../support/notifications/open-notified.ts";
import { type Receiver, startReceiver } from "../support/notifications/receiver.ts";

const allowed = (ranges: string) => loadConfig({ "webhook-allow": ranges }, {}).webhookAllow;

const CLOSED = [
  // loopback, unspecified, private, link-local, carrier-grade NAT
  "127.0.0.1",
  "127.255.255.254",
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.1",
  "10.255.255.255",
  "172.16.0.1",
  "172.31.255.254",
  "192.168.0.1",
  "192.168.255.255",
  "169.254.0.1",
  "169.254.169.254",
  "169.254.170.2",
  "100.64.0.1",
  "100.127.255.254",
  // metadata addresses outside of link-local
  "100.100.100.200",
  "168.63.129.16",
  "192.0.0.192",
  "fd00:ec2::254",
  "fd20:ce::254",
  // protocol assignments, documentation, benchmarks, relays
  "192.0.0.1",
  "192.0.2.1",
  "198.51.100.7",
  "203.0.113.9",
  "198.18.0.1",
  "198.19.255.255",
  "192.88.99.1",
  "192.31.196.1",
  "192.52.193.1",
  "192.175.48.1",
  // multicast, reserved, broadcast
  "224.0.0.1",
  "239.255.255.250",
  "240.0.0.1",
  "255.255.255.254",
  "255.255.255.255",
  // IPv6: unspecified, loopback, link-local, site-local, unique local, multicast
  "::",
  "::1",
  "0:0:0:0:0:0:0:1",
  "fe80::1",
  "febf::1",
  "fec0::1",
  "fc00::1",
  "fdff::1",
  "ff02::1",
  "ff0e::1",
  // an IPv4 address inside: mapped, compatible, translated, NAT64 (both prefixes), 6to4, Teredo, ISATAP
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::ffff:8.8.8.8",
  "::127.0.0.1",
  "::7f00:1",
  "::8.8.8.8",
  "::ffff:0:127.0.0.1",
  "64:ff9b::127.0.0.1",
  "64:ff9b::808:808",
  "64:ff9b:1::a00:1",
  "2002:7f00:1::",
  "2002:808:808::1",
  "2001::1",
  "2001:0:4136:e378:8000:63bf:3fff:fdd2",
  "fe80::5efe:127.0.0.1",
  // discard, documentation, benchmarks, ORCHID, segment routing, unallocated
  "100::1",
  "100:0:0:1::1",
  "2001:db8::1",
  "3fff::1",
  "2001:2::1",
  "2001:10::1",
  "2001:20::1",
  "2620:4f:8000::1",
  "5f00::1",
  "4000::1",
  "8000::1",
  "e000::1",
  // not in the form that a resolver returns
  "127.1",
  "0x7f.0.0.1",
  "0177.0.0.1",
  "2130706433",
  "8.8.8.08",
  "fe80::1%eth0",
  "2606:4700::1%1",
  "",
  "localhost",
  "1.2.3.4.5",
];

const OPEN = [
  "8.8.8.8",
  "1.1.1.1",
  "9.255.255.255",
  "11.0.0.1",
  "100.63.255.255",
  "100.128.0.1",
  "172.15.0.1",
  "172.32.0.1",
  "192.167.0.1",
  "192.169.0.1",
  "169.253.0.1",
  "169.255.0.1",
  "198.17.0.1",
  "198.20.0.1",
  "223.255.255.254",
  "168.63.129.17",
  "2606:4700:4700::1111",
  "2a00:1450:4001:82a::200e",
  "2001:4860:4860::8888",
  "2400:cb00::1",
];

test("webhooks go to public addresses only: at least a hundred vectors", () => {
  expect(CLOSED.length + OPEN.length).toBeGreaterThanOrEqual(100);
  expect(CLOSED.filter((address) => isReachable(address, []))).toEqual([]);
  expect(OPEN.filter((address) => !isReachable(address, []))).toEqual([]);
});

test("exactly the ranges that the operator allows are reachable, and their addresses in no other notation", () => {
  const ranges = allowed("127.0.0.0/8, 10.1.0.0/16, fd12::/16");
  for (const address of ["127.0.0.1", "10.1.255.255", "fd12::1", "8.8.8.8"])
    expect(isReachable(address, ranges)).toBe(true);
  for (const address of [
    "10.2.0.1",
    "::1",
    "fd13::1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.0.1",
    "64:ff9b::7f00:1",
    "192.168.0.1",
  ]) {
    expect([address, isReachable(address, ranges)]).toEqual([address, false]);
  }
});

/** Hosts that a URL parser turns into loopback or other private addresses, and names for them. */
const PRIVATE_HOSTS = [
  "127.0.0.1",
  "127.0.0.1.",
  "127.1",
  "127.0.1",
  "2130706433",
  "0x7f000001",
  "0x7f.1",
  "0x7f.0x0.0x0.0x1",
  "017700000001",
  "0177.0.0.1",
  "0177.1",
  "00000177.0.0.1",
  "0x00007f.0.0.1",
  "%31%32%37.0.0.1",
  "①②⑦.0.0.1",
  "127。0。0。1",
  "127．0．0．1",
  "0",
  "0.0.0.0",
  "0x0",
  "[::]",
  "[::1]",
  "[0:0:0:0:0:0:0:1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::127.0.0.1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
  "10.0.0.1",
  "167772161",
  "0xa.0.0.1",
  "192.168.1.1",
  "3232235777",
  "0xc0a80101",
  "169.254.169.254",
  "2852039166",
  "0xa9fea9fe",
  "0251.0376.0251.0376",
  "[fe80::1]",
  "[fd00:ec2::254]",
  "100.100.100.200",
];

test("a callback URL with a private address is refused on subscribing, in every notation of the address", async () => {
  await using notified = await openNotified({ "webhook-allow": "" });
  for (const host of PRIVATE_HOSTS) {
    const callback_url = `http://${host}/x`;
    const refused = await notified.company.call("POST", "/notifications/webhooks", { callback_url, topic: "red" });
    expect([host, refused.status, refused.body.subcode]).toEqual([host, 400, 400_589]);
    expect(refused.body.description).toContain("must lead to a public address");
  }
  expect(await notified.deliveries()).toEqual([]);
});

/** A network that resolves names as a test says; connections are real, and recorded. */
function rebinding(answers: (hostName: string) => string[]): Net & { asked: string[]; connected: string[] } {
  const real = systemNet();
  const net = {
    asked: [] as string[],
    connected: [] as string[],
    async resolve(hostName: string) {
      net.asked.push(hostName);
      return answers(hostName);
    },
    post(...call: Parameters<Net["post"]>) {
      net.connected.push(call[0].address);
      return real.post(...call);
    },
  };
  return net;
}

/** Subscribes with a host name and delivers the confirmation: what its first attempt says. */
async function attemptAt({ world, company, ...notified }: Notified, host: string, topic: string, trap: Receiver) {
  const callback_url = `http://${host}:${trap.port}/x`;
  expect((await company.call("POST", "/notifications/webhooks", { callback_url, topic })).status).toBe(201);
  await world.deliverer.settled();
  const [{ uuid }] = await notified.deliveries("?limit=1");
  return (await notified.delivery(uuid)).attempts[0].error;
}

test("a name that resolves to a private address is not connected to, and a trap that listens there receives nothing", async () => {
  await using trap = startReceiver();
  let addresses: string[] = [];
  const net = rebinding(() => addresses);
  await using notified = await openNotified({ "webhook-allow": "" }, net);
  for (const [index, address] of CLOSED.entries()) {
    addresses = [address];
    expect([address, await attemptAt(notified, "hooks.example.org", `red${index}`, trap)]).toEqual([
      address,
      "address",
    ]);
  }
  addresses = ["127.0.0.1", "::1"];
  for (const host of ["localhost", "localhost.", "sub.localhost", "127.0.0.1.nip.example", "hooks.example.org."]) {
    net.asked.length = 0;
    expect([host, await attemptAt(notified, host, "red", trap)]).toEqual([host, "address"]);
    expect(net.asked).toEqual([host]);
  }
  expect(net.connected).toEqual([]);
  expect(trap.messages).toEqual([]);
}, 60_000);

test("a name that was public when it was checked is connected to at the checked address only", async () => {
  await using trap = startReceiver();
  // A second look-up would return the trap's address.
  let asked = 0;
  const net = rebinding(() => (asked++ === 0 ? ["198.20.0.1"] : ["127.0.0.1"]));
  const seen: string[] = [];
  net.post = async ({ address, url }) => {
    seen.push(`${url.hostname} ${address}`);
    return { status: 200, retryAfter: null, body: new Uint8Array() };
  };
  await using notified = await openNotified({ "webhook-allow": "" }, net);
  const callback_url = `http://rebinding.example.org:${trap.port}/x`;
  await notified.company.call("POST", "/notifications/webhooks", { callback_url, topic: "red" });
  await notified.world.deliverer.settled();
  expect([asked, seen, trap.messages]).toEqual([1, ["rebinding.example.org 198.20.0.1"], []]);
});

test("each attempt resolves a name anew: one that turns private is not connected to", async () => {
  await using trap = startReceiver(() => new Response("", { status: 500 }));
  let address = "127.0.0.1";
  const net = rebinding(() => [address]);
  await using notified = await openNotified({ "webhook-allow": "127.0.0.1/32" }, net);
  await notified.company.call("POST", "/notifications/webhooks", {
    callback_url: `http://hooks.example.org:${trap.port}/x`,
    topic: "red",
  });
  await notified.world.deliverer.settled();
  address = "127.0.0.2";
  await notified.pass(6000);
  const [{ uuid }] = await notified.deliveries();
  const { attempts } = await notified.delivery(uuid);
  expect(attempts.map(({ error }: { error: string }) => error)).toEqual(["status", "address"]);
  expect([trap.messages.length, net.connected]).toEqual([1, ["127.0.0.1"]]);
  expect(trap.messages[0]?.headers["host"]).toBe(`hooks.example.org:${trap.port}`);
});

test("only public addresses of a host are tried, each only if the one before could not be reached", async () => {
  await using trap = startReceiver();
  const net = rebinding(() => ["10.0.0.1", "127.0.0.9", "127.0.0.1", "::ffff:127.0.0.1"]);
  await using notified = await openNotified({ "webhook-allow": "127.0.0.0/8" }, net);
  await notified.company.call("POST", "/notifications/webhooks", {
    callback_url: `http://hooks.example.org:${trap.port}/x`,
    topic: "red",
  });
  await notified.world.deliverer.settled();
  expect([net.connected, trap.messages.length]).toEqual([["127.0.0.9", "127.0.0.1"], 1]);
});
