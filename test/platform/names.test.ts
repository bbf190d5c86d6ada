import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Metrics } from "../../src/metrics/metrics.ts";
import { NameError } from "../../src/platform/dns/ask-dns.ts";
import { LOOKUPS_MAX, LOOKUPS_OF_ACCOUNT_MAX } from "../../src/platform/dns/lookup-queue.ts";
import { Names } from "../../src/platform/dns/names.ts";
import { type DnsAnswer, NXDOMAIN, SERVFAIL, startDns } from "../support/http/dns-server.ts";
import { temporaryFolder } from "../support/process/server-process.ts";

const SECOND = 1000;
const PUBLIC = { addresses: ["198.20.0.1"] };

/** Lookups through a DNS server of the test, on a machine with these files, with a clock that the test moves. */
async function openNames(answer: Parameters<typeof startDns>[0], { hosts = "", resolver = "" } = {}) {
  const dns = await startDns(answer);
  const folder = temporaryFolder();
  const files = { hosts: join(folder.path, "hosts"), resolver: join(folder.path, "resolv.conf") };
  writeFileSync(files.hosts, hosts);
  writeFileSync(files.resolver, resolver);
  const clock = { now: 0 };
  const metrics = new Metrics();
  const names = new Names({ now: () => clock.now, servers: [dns.server], files, metrics });
  const never = new AbortController();
  const family = (name: string) => [...metrics.families()].find((one) => one.name === name)?.samples() ?? [];
  return {
    dns,
    clock,
    names,
    files,
    /** Addresses, or the kind of error. */
    resolve: (name: string, account = "a", signal = never.signal) =>
      names.resolve(name, account, signal).catch((error) => (error instanceof NameError ? error.kind : error)),
    /** Lookups in a state, or with an outcome. */
    count: (label: string) =>
      [...family("twinpost_lookups"), ...family("twinpost_lookups_total")].find(({ labels }) =>
        Object.values(labels).includes(label),
      )?.value,
    async [Symbol.asyncDispose]() {
      never.abort();
      await dns[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** A cancelled lookup ends a moment later. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => setImmediate(done));
}

test("a name has the addresses of both families, alternating with IPv4 first, and errors are distinguished", async () => {
  const answers: Record<string, DnsAnswer> = {
    "both.test": { addresses: ["198.20.0.1", "2606:4700::1", "198.20.0.2", "2606:4700::2", "198.20.0.3"] },
    "six.test": { addresses: ["2606:4700::1"] },
    "none.test": { addresses: [] },
    "broken.test": SERVFAIL,
  };
  await using world = await openNames((name) => answers[name] ?? NXDOMAIN);
  const inTurn = ["198.20.0.1", "2606:4700::1", "198.20.0.2", "2606:4700::2", "198.20.0.3"];
  expect(await world.resolve("Both.Test")).toEqual(inTurn);
  expect(await world.resolve("six.test")).toEqual(["2606:4700::1"]);
  expect(await world.resolve("none.test")).toBe("none");
  expect(await world.resolve("gone.test")).toBe("none");
  expect(await world.resolve("broken.test")).toBe("failed");
  expect(["found", "none", "failed", "timeout"].map(world.count)).toEqual([2, 2, 1, 0]);
});

test("a server that does not respond for one family is not awaited once the other has addresses", async () => {
  await using world = await openNames((_name, type) => (type === "A" ? PUBLIC : undefined));
  expect(await world.resolve("four.test")).toEqual(["198.20.0.1"]);
});

test("addresses are cached for the time that DNS gives, from 5 s to 5 minutes, and negative results for 4 s", async () => {
  const ttls: Record<string, number> = { "never.test": 0, "minute.test": 60, "week.test": 604_800 };
  await using world = await openNames((name) => (name in ttls ? { ...PUBLIC, ttl: ttls[name] as number } : NXDOMAIN));
  const { dns, clock } = world;
  for (const [name, keptMs] of [
    ["never.test", 5 * SECOND],
    ["minute.test", 60 * SECOND],
    ["week.test", 300 * SECOND],
    ["gone.test", 4 * SECOND],
  ] as const) {
    clock.now += 1_000_000;
    const askedFor = () => dns.asked.filter((one) => one === `${name} A`).length;
    await world.resolve(name);
    clock.now += keptMs - 1;
    await world.resolve(name, "other");
    expect([name, askedFor()]).toEqual([name, 1]);
    clock.now += 1;
    await world.resolve(name);
    expect([name, askedFor()]).toEqual([name, 2]);
    world.names.forget(name.toUpperCase());
    await world.resolve(name);
    expect([name, askedFor()]).toEqual([name, 3]);
  }
});

test("names in the hosts file are not looked up in DNS, and localhost is always this machine, regardless of DNS and the file", async () => {
  const hosts = "# ours\n10.0.0.7 Printer printer.lan # upstairs\nfd00::7 printer\nbroken x.test\n8.8.8.8 localhost\n";
  await using world = await openNames(() => PUBLIC, { hosts });
  expect(await world.resolve("printer")).toEqual(["10.0.0.7", "fd00::7"]);
  expect(await world.resolve("PRINTER.lan.")).toEqual(["10.0.0.7"]);
  for (const name of ["localhost", "localhost.", "LOCALHOST", "sub.localhost"]) {
    expect([name, await world.resolve(name)]).toEqual([name, ["127.0.0.1", "::1"]]);
  }
  expect(world.dns.asked).toEqual([]);
  expect(await world.resolve("x.test")).toEqual(["198.20.0.1"]);
  writeFileSync(world.files.hosts, "10.0.0.8 printer x.test\n");
  expect(await world.resolve("printer")).toEqual(["10.0.0.8"]);
  expect(await world.resolve("x.test")).toEqual(["10.0.0.8"]);
});

test("short names are tried in the search domains first, long ones unchanged first", async () => {
  const resolver = "search first.test second.test\noptions edns0 ndots:2\n";
  const known = new Set(["hooks.second.test", "a.b.c", "one.dot.first.test"]);
  await using world = await openNames((name) => (known.has(name) ? PUBLIC : NXDOMAIN), { resolver });
  const askedFor = async (name: string) => {
    world.dns.asked.length = 0;
    const found = await world.resolve(name);
    return [Array.isArray(found), ...new Set(world.dns.asked.map((one) => one.split(" ")[0]))];
  };
  expect(await askedFor("hooks")).toEqual([true, "hooks.first.test", "hooks.second.test"]);
  expect(await askedFor("one.dot")).toEqual([true, "one.dot.first.test"]);
  expect(await askedFor("a.b.c")).toEqual([true, "a.b.c"]);
  expect(await askedFor("hooks.")).toEqual([false, "hooks"]);
  expect(await askedFor("x.y.z")).toEqual([false, "x.y.z", "x.y.z.first.test", "x.y.z.second.test"]);
});

test("callers of the same name share a lookup, which is cancelled when the last one gives up", async () => {
  await using world = await openNames((name) => (name === "slow.test" ? undefined : PUBLIC));
  const [first, second] = [new AbortController(), new AbortController()];
  const answers = [
    world.resolve("slow.test", "a", first.signal),
    world.resolve("slow.test", "a", first.signal),
    world.resolve("slow.test", "b", second.signal),
  ];
  await world.dns.wasAsked(2);
  expect(world.dns.asked.toSorted()).toEqual(["slow.test A", "slow.test AAAA"]);
  first.abort();
  expect(await Promise.all(answers.slice(0, 2))).toEqual(["timeout", "timeout"]);
  expect([world.count("running"), world.count("timeout")]).toEqual([1, 0]);
  second.abort();
  expect(await answers[2]).toBe("timeout");
  // The next caller starts a new lookup: a cancelled one is no result.
  const third = new AbortController();
  const again = world.resolve("slow.test", "b", third.signal);
  await world.dns.wasAsked(4);
  await until(() => world.count("timeout") === 1);
  third.abort();
  expect(await again).toBe("timeout");
});

test("an account has a few lookups at a time, and its waiting ones do not delay other accounts", async () => {
  await using world = await openNames((name) => (name.endsWith("slow.test") ? undefined : PUBLIC));
  const gone = new AbortController();
  const slow = Array.from({ length: 100 }, (_, n) => world.resolve(`h${n}.slow.test`, "hostile", gone.signal));
  await world.dns.wasAsked(2 * LOOKUPS_OF_ACCOUNT_MAX);
  expect([world.count("running"), world.count("waiting")]).toEqual([4, 96]);
  expect(await world.resolve("hooks.test", "victim")).toEqual(["198.20.0.1"]);
  expect(new Set(world.dns.asked.filter((one) => one.includes("slow"))).size).toBe(2 * LOOKUPS_OF_ACCOUNT_MAX);
  gone.abort();
  expect(new Set(await Promise.all(slow))).toEqual(new Set(["timeout"]));
  expect(world.count("waiting")).toBe(0);
});

test("many accounts with slow names leave a place to others, and half of the places once they are known as slow", async () => {
  await using world = await openNames((name) => (name.endsWith("slow.test") ? undefined : PUBLIC));
  for (const [round, runningMax] of [LOOKUPS_MAX - 1, LOOKUPS_MAX / 2 - 1].entries()) {
    const gone = new AbortController();
    const slow = Array.from({ length: 20 * 10 }, (_, n) =>
      world.resolve(`h${n}.${round}.slow.test`, `hostile ${n % 20}`, gone.signal),
    );
    expect(await world.resolve(`hooks${round}.test`, "victim")).toEqual(["198.20.0.1"]);
    expect(world.count("running")).toBeLessThanOrEqual(runningMax);
    // Each of them gets a turn.
    const asked = world.dns.asked.flatMap((one) => one.match(`^h(\\d+)\\.${round}\\.`)?.[1] ?? []);
    expect(new Set(asked.map((n) => Number(n) % 20)).size).toBe(20);
    gone.abort();
    await Promise.all(slow);
    await until(() => world.count("running") === 0);
  }
});
