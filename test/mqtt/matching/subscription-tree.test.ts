import { expect, test } from "bun:test";
import fc from "fast-check";
import { SubscriptionTree } from "../../../src/mqtt/matching/subscription-tree.ts";
import type { Subscription } from "../../../src/mqtt/wire/message.ts";
import { covers, matches, parseFilter } from "../../../src/mqtt/wire/topics.ts";
import { tries } from "../../support/tries.ts";
import { topicFilter, topicName } from "../wire/packets.ts";

const subscription = (filter: string, qos: 0 | 1 | 2 = 0): Subscription => ({
  filter,
  qos,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  subscriptionIdentifier: null,
});

/** 4.7.1 and 4.7.2, literally, level by level. */
function matchesNaively(filter: string, topic: string): boolean {
  const [filters, topics] = [filter.split("/"), topic.split("/")];
  if (topic.startsWith("$") && (filters[0] === "#" || filters[0] === "+")) return false;
  if (filters.at(-1) === "#") {
    const parents = filters.slice(0, -1);
    return topics.length >= parents.length && parents.every((level, at) => level === "+" || level === topics[at]);
  }
  return filters.length === topics.length && filters.every((level, at) => level === "+" || level === topics[at]);
}

/** Few different levels, so that many match; `$x` and empty levels among them. */
const level = fc.constantFrom("a", "b", "", "$x");
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter((name) => name !== "");
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ["#"] : [])].join("/"))
  .filter((made) => made !== "");

test("a filter matches the same topics as a naive implementation of the standard", () => {
  fc.assert(
    fc.property(fc.oneof(filter, topicFilter), fc.oneof(topic, topicName), (some, name) => {
      expect(matches(some, name)).toBe(matchesNaively(some, name));
    }),
    { numRuns: tries(1_000) },
  );
});

/**
 * All topics that can make a difference to filters over a, b, empty and $x: one level more than the filters have, and
 * one name that no filter has.
 */
const TOPICS = (() => {
  const levels = ["a", "b", "", "$x", "other"];
  let all = levels;
  const topics = [...all];
  for (let depth = 1; depth < 4; depth++) {
    all = all.flatMap((begin) => levels.map((each) => `${begin}/${each}`));
    topics.push(...all);
  }
  return topics.filter((name) => name !== "");
})();

test("an entry covers a filter exactly if it matches every topic that the filter matches", () => {
  const short = filter.filter((made) => made.split("/").length <= 3);
  fc.assert(
    fc.property(short, short, (entry, covered) => {
      const all = TOPICS.every((name) => !matches(covered, name) || matches(entry, name));
      expect([entry, covered, covers(entry, covered)]).toEqual([entry, covered, all]);
    }),
    { numRuns: tries(600) },
  );
});

test("a topic covers and is covered like the filter that it is", () => {
  fc.assert(fc.property(filter, topic, (entry, name) => expect(covers(entry, name)).toBe(matches(entry, name))));
});

type Change = { add: boolean; subscriber: number; filter: string } | { drop: number };
const full = fc.oneof(
  filter,
  fc.tuple(fc.constantFrom("g", "h"), filter).map(([share, rest]) => `$share/${share}/${rest}`),
);
const subscriber = fc.integer({ min: 0, max: 4 });
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ add: fc.constant(true), subscriber, filter: full }) },
  { weight: 4, arbitrary: fc.record({ add: fc.constant(false), subscriber, filter: full }) },
  { weight: 1, arbitrary: fc.record({ drop: subscriber }) },
);

test("the tree finds the same subscribers as a list of subscriptions, after any changes", () => {
  const changes = fc.array(change, { maxLength: 40 });
  fc.assert(
    fc.property(changes, fc.array(topic, { minLength: 1, maxLength: 5 }), (all, topics) => {
      const tree = new SubscriptionTree<number>();
      const list = new Map<string, { subscriber: number; subscription: Subscription }>();
      for (const [at, each] of all.entries()) {
        if ("drop" in each) {
          tree.deleteAll(each.drop);
          for (const [key, { subscriber }] of list) if (subscriber === each.drop) list.delete(key);
          continue;
        }
        const key = `${each.subscriber} ${each.filter}`;
        const before = list.get(key)?.subscription;
        if (each.add) {
          const made = subscription(each.filter, (at % 3) as 0 | 1 | 2);
          expect(tree.set(each.filter, each.subscriber, made)).toBe(before as Subscription);
          list.set(key, { subscriber: each.subscriber, subscription: made });
        } else {
          expect(tree.delete(each.filter, each.subscriber)).toBe(list.delete(key));
        }
      }
      expect(tree.size).toBe(list.size);
      for (const name of topics) expect(found(tree, name)).toEqual(expected([...list.values()], name));
    }),
    { numRuns: 500 },
  );
});

const line = (share: string | null, each: { subscriber: number; subscription: Subscription }) =>
  `${share} ${each.subscriber} ${each.subscription.filter} ${each.subscription.qos}`;

function found(tree: SubscriptionTree<number>, name: string): string[] {
  const { direct, shared } = tree.match(name);
  for (const { members } of shared) expect(new Set(members.map((each) => each.subscription.filter)).size).toBe(1);
  return [
    ...direct.map((each) => line(null, each)),
    ...shared.flatMap(({ share, members }) => members.map((each) => line(share, each))),
  ].sort();
}

function expected(list: { subscriber: number; subscription: Subscription }[], name: string): string[] {
  return list
    .flatMap((each) => {
      const parsed = parseFilter(each.subscription.filter);
      return parsed && matchesNaively(parsed.filter, name) ? [line(parsed.share, each)] : [];
    })
    .sort();
}

test("subscribing again to the same filter replaces the subscription [MQTT-3.8.4-3]", () => {
  const tree = new SubscriptionTree<string>();
  const [first, second] = [subscription("a/+", 0), subscription("a/+", 2)];
  expect(tree.set("a/+", "panel", first)).toBeUndefined();
  expect(tree.set("a/+", "panel", second)).toBe(first);
  expect(tree.size).toBe(1);
  expect(tree.match("a/b")).toEqual({ direct: [{ subscriber: "panel", subscription: second }], shared: [] });
});

test("overlapping subscriptions are found one by one, and each shared one as a group", () => {
  const tree = new SubscriptionTree<string>();
  for (const each of ["a/#", "a/+", "$share/g/a/#", "$share/g/a/b"]) tree.set(each, "one", subscription(each));
  tree.set("$share/g/a/#", "two", subscription("$share/g/a/#"));
  tree.set("$share/h/a/#", "two", subscription("$share/h/a/#"));
  const { direct, shared } = tree.match("a/b");
  expect(direct.map((each) => each.subscription.filter).sort()).toEqual(["a/#", "a/+"]);
  expect(shared.map(({ share, members }) => [share, members.map((each) => each.subscriber)]).sort()).toEqual([
    ["g", ["one"]],
    ["g", ["one", "two"]],
    ["h", ["two"]],
  ]);
});

test("a match among 100 000 subscriptions visits few of them", () => {
  const tree = new SubscriptionTree<number>();
  for (let device = 0; device < 50_000; device++) {
    tree.set(`home/${device}/+`, device, subscription(`home/${device}/+`));
    tree.set(`home/${device}/state/power`, device, subscription(`home/${device}/state/power`));
  }
  // Visiting each subscription for each of these would take minutes.
  for (let device = 0; device < 10_000; device++) {
    expect(tree.match(`home/${device}/state/power`).direct).toHaveLength(1);
  }
});
