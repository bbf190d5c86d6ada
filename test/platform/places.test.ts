import { expect, test } from "bun:test";
import fc from "fast-check";
import { Crowds } from "../../src/platform/crowds.ts";
import { type Place, Places } from "../../src/platform/places.ts";

/** Places, and which connections were evicted. */
function openPlaces(max: number) {
  const places = new Places(max);
  const evicted: string[] = [];
  const enter = (origin: string, name = origin) => places.enter(origin, () => evicted.push(name));
  return { places, evicted, enter };
}

const known = (place: Place | undefined, account: string) => place?.identified(account) ?? false;

test("silent strangers have a quarter of the places, and the oldest one of the largest address is evicted", () => {
  const { places, evicted, enter } = openPlaces(40);
  for (let i = 0; i < 6; i++) enter("flood", `flood ${i}`);
  for (let i = 0; i < 4; i++) enter("other", `other ${i}`);
  expect([places.strangers, evicted]).toEqual([10, []]);
  const device = enter("device");
  expect([places.strangers, evicted]).toEqual([10, ["flood 0"]]);
  expect(known(device, "victim")).toBe(true);
  for (let i = 6; i < 100; i++) enter("flood", `flood ${i}`);
  expect(places.strangers).toBe(10);
  expect(evicted.filter((name) => name.startsWith("other"))).toEqual([]);
});

test("a flood of silent connections keeps no device out, though it takes each place as soon as it is free", () => {
  const { enter } = openPlaces(300);
  let letIn = 0;
  for (let i = 0; i < 125; i++) {
    for (let flood = 0; flood < 30; flood++) enter("flood");
    const device = enter("home");
    for (let flood = 0; flood < 30; flood++) enter("flood");
    device?.spoke();
    if (known(device, "victim")) letIn++;
    device?.leave();
  }
  expect(letIn).toBe(125);
});

test("a connection that has sent its credentials is not evicted", () => {
  const { evicted, enter } = openPlaces(4);
  const asked = enter("a");
  asked?.spoke();
  expect([enter("b"), evicted]).toEqual([undefined, []]);
  asked?.leave();
  expect(enter("b")).toBeDefined();
});

test("an account has as many connections as it leaves free, and a small one is admitted while any place is free", () => {
  const { enter } = openPlaces(400);
  const fill = (account: string) => {
    let count = 0;
    for (; known(enter("x"), account); count++);
    return count;
  };
  expect(["a", "b", "c", "d", "e"].map(fill)).toEqual([200, 100, 50, 25, 16]);
  expect(known(enter("y"), "victim")).toBe(true);
});

test("leaving frees a place exactly once, in every state of its connection", () => {
  const { places, enter } = openPlaces(8);
  for (let round = 0; round < 50; round++) {
    const [silent, asked, inside] = [enter("a"), enter("b"), enter("c")];
    asked?.spoke();
    inside?.identified("an account");
    for (const place of [silent, asked, inside]) {
      place?.leave();
      place?.leave();
    }
  }
  expect(places.strangers).toBe(0);
  for (let i = 0; i < 8; i++) expect(known(enter("a"), `account ${i}`)).toBe(true);
});

test("`roomMax` limits all connections, and the accounts' shares follow from `max`", () => {
  const places = new Places(400, 40);
  let count = 0;
  for (; places.enter("x", () => {})?.identified("a"); count++);
  expect(count).toBe(40);
});

test("the largest group is found after any additions and removals", () => {
  const change = fc.record({ key: fc.constantFrom("a", "b", "c", "d"), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
      const crowds = new Crowds();
      const model = new Map<string, (() => void)[]>();
      for (const { key, add } of changes) {
        const members = model.get(key) ?? [];
        model.set(key, members);
        if (add) {
          const member = () => {};
          members.push(member);
          crowds.add(key, member);
        } else {
          const member = members.pop();
          if (member) crowds.delete(key, member);
        }
      }
      for (;;) {
        const most = Math.max(0, ...[...model.values()].map(({ length }) => length));
        const taken = crowds.takeOldestOfLargest();
        if (!taken) {
          expect(most).toBe(0);
          return;
        }
        const from = [...model.values()].find((members) => members[0] === taken);
        expect(from?.length).toBe(most);
        from?.shift();
      }
    }),
  );
});
