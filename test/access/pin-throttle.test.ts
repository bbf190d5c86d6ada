import { expect, test } from "bun:test";
import { PinThrottle } from "../../src/access/secrets/pin-throttle.ts";
import { DomainError } from "../../src/kernel/failure.ts";
import { TestClock } from "../support/test-clock.ts";
import { tries } from "../support/tries.ts";
import { type Caller, openWorld, type World } from "../support/world/world.ts";

const MINUTE = 60_000;

const redeem = (world: World, account: string, pin: string, address: string) =>
  world.call("POST", `/secrets/${account}/${pin}`, { address });

async function openGuessed() {
  const world = await openWorld();
  const admin = await world.createAccount();
  const { user } = await world.createUser(admin, { effect: "deny", actions: null });
  const makePin = async () => (await admin.call("POST", `/users/${user}/secrets`)).body.pin as string;
  const guess = (pin: string, address: string) =>
    redeem(world, admin.account, pin === "AAAAAA" ? "BBBBBB" : "AAAAAA", address);
  return { world, admin: admin as Caller, makePin, guess, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** A throttle alone: returns how many of some attempts are admitted, all of which fail. */
function openThrottle(countersMax?: number) {
  const clock = new TestClock();
  const throttle = new PinThrottle(clock, countersMax);
  const isAdmitted = (address: string, account = "account") => {
    try {
      throttle.admit(account, address);
      return true;
    } catch (error) {
      if (error instanceof DomainError && error.failure.code === "limited") return false;
      throw error;
    }
  };
  const admitted = (count: number, address: (i: number) => string, account?: string) =>
    Array.from({ length: count }, (_, i) => isAdmitted(address(i), account)).filter(Boolean).length;
  return { clock, throttle, isAdmitted, admitted };
}

test("a client that guessed twenty times is refused, even with the right PIN, until the window ends", async () => {
  await using it = await openGuessed();
  const pin = await it.makePin();
  const guesses = await Promise.all(Array.from({ length: 25 }, () => it.guess(pin, "192.0.2.7")));
  expect(guesses.filter(({ status, body }) => status === 404 && body.subcode === 404_653).length).toBe(20);
  it.world.clock.advance(MINUTE);
  for (const account of [it.admin.account, "00000000-0000-4000-8000-000000000000"]) {
    const refused = await redeem(it.world, account, pin, "192.0.2.7");
    expect([refused.status, refused.body.subcode, refused.headers.get("retry-after")]).toEqual([429, 400_979, "540"]);
  }
  expect((await redeem(it.world, it.admin.account, pin, "192.0.2.8")).status).toBe(201);
  it.world.clock.advance(9 * MINUTE);
  expect((await redeem(it.world, it.admin.account, await it.makePin(), "192.0.2.7")).status).toBe(201);
});

test("a stranger cannot lock an account: the right PIN works from a network without failures, regardless of earlier failures", async () => {
  await using it = await openGuessed();
  const pin = await it.makePin();
  const strangers = Array.from({ length: 300 }, (_, i) => (i % 2 ? `198.51.${i}.7` : `2001:db8:${i}::7`));
  for (const address of strangers) await it.guess(pin, address);
  // A user who mistypes has two more tries even now.
  expect([(await it.guess(pin, "203.0.113.5")).status, (await it.guess(pin, "203.0.113.5")).status]).toEqual([
    404, 404,
  ]);
  expect((await redeem(it.world, it.admin.account, pin, "203.0.113.5")).status).toBe(201);
  const later = await it.makePin();
  for (const address of strangers) await it.guess(later, address);
  expect((await redeem(it.world, it.admin.account, later, "2001:db9::5")).status).toBe(201);
});

test("each network has only a few attempts at an account whose PINs are being guessed, and the usual number at other accounts", () => {
  const { admitted, isAdmitted, clock } = openThrottle();
  expect(admitted(100, (i) => `10.${i}.0.1`)).toBe(100);
  expect(admitted(20, () => "192.0.2.1")).toBe(3);
  expect(admitted(256, (i) => `198.51.100.${i}`)).toBe(10);
  expect(admitted(1000, (i) => `2001:db8:1:${i.toString(16)}::1`)).toBe(10);
  expect(admitted(5000, (i) => `2001:db8:${(i + 2).toString(16)}::1`)).toBe(240);
  expect(isAdmitted("2001:db8:ffff::1", "another account")).toBe(true);
  expect(admitted(20, () => "192.0.2.1", "another account")).toBe(17);
  clock.advance(10 * MINUTE);
  expect(isAdmitted("2001:db8:1:1::1")).toBe(true);
});

test("a client with many addresses of one network gains little", () => {
  const { admitted } = openThrottle();
  expect(admitted(30, () => "192.0.2.1", "one")).toBe(20);
  expect(admitted(256, (i) => `192.0.2.${i}`, "two")).toBe(80);
  expect(admitted(256, (i) => `2001:db8:1:${i.toString(16)}::1`, "three")).toBe(100);
});

test("a successful attempt does not count", () => {
  const { throttle, admitted, isAdmitted } = openThrottle();
  for (let i = 0; i < 500; i++) throttle.admit("account", "192.0.2.1")();
  expect(admitted(30, () => "192.0.2.1")).toBe(20);
  expect(isAdmitted("192.0.2.2")).toBe(true);
});

test("a network that guessed too often cannot evict counters by guessing on, nor fill the memory", () => {
  const { throttle, admitted, isAdmitted } = openThrottle();
  const count = tries(20_000);
  expect(admitted(20, () => "192.0.2.7")).toBe(20);
  for (let i = 0; i < count; i++) expect(isAdmitted("192.0.2.7", `account ${i}`)).toBe(false);
  expect(admitted(count, (i) => `2001:db8::${(i % 65_536).toString(16)}:0:0:0:1`, "another")).toBe(100);
  expect(throttle.counterCount).toBeLessThan(400);
});

test("the PIN throttle keeps at most its maximum number of counters, however many networks guess", () => {
  const { throttle, admitted, isAdmitted } = openThrottle(1000);
  admitted(5000, (i) => `${1 + (i >> 8)}.${i & 255}.0.1`);
  expect(throttle.counterCount).toBe(1000);
  expect(isAdmitted("203.0.113.5")).toBe(true);
});
