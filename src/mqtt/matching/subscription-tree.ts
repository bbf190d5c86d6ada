import { assert } from "../../kernel/assert.ts";
import type { Subscription } from "../wire/message.ts";
import { parseFilter } from "../wire/topics.ts";

type Subscribed<Subscriber> = { subscriber: Subscriber; subscription: Subscription };
export type MatchResult<Subscriber> = {
  /**
   * One for each subscription that matches: a subscriber with overlapping subscriptions occurs several times (3.3.4).
   */
  direct: Subscribed<Subscriber>[];
  /** One for each shared subscription that matches; the message goes to one of its members (4.8.2). */
  shared: { share: string; members: Subscribed<Subscriber>[] }[];
};

/** A level of the filters. Most nodes use only one or two of the fields, so each is created on demand. */
type Node<Subscriber> = {
  levels: Map<string, Node<Subscriber>> | null;
  direct: Map<Subscriber, Subscribed<Subscriber>> | null;
  shares: Map<string, Map<Subscriber, Subscribed<Subscriber>>> | null;
};

const newNode = <Subscriber>(): Node<Subscriber> => ({ levels: null, direct: null, shares: null });

/**
 * The subscriptions of one hub. Matching a topic takes time by its levels and its matches only, not by the size of the
 * tree.
 */
export class SubscriptionTree<Subscriber> {
  readonly #root = newNode<Subscriber>();
  /** The filters of each subscriber, for `deleteAll`. */
  readonly #filters = new Map<Subscriber, Set<string>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Subscribes to a filter, `$share/name/` included. Returns the subscription that it replaces [MQTT-3.8.4-3]. */
  set(filter: string, subscriber: Subscriber, subscription: Subscription): Subscription | undefined {
    const { share, levels } = partsOf(filter);
    let node = this.#root;
    for (const level of levels) {
      node.levels ??= new Map();
      node = getOrAdd(node.levels, level, newNode<Subscriber>);
    }

    const members = membersOf(node, share);
    const replaced = members.get(subscriber)?.subscription;
    members.set(subscriber, { subscriber, subscription });
    if (!replaced) {
      this.#size++;
      getOrAdd(this.#filters, subscriber, () => new Set<string>()).add(filter);
    }
    return replaced;
  }

  /** Returns whether the subscription existed. Filters are compared character by character [MQTT-3.10.4-1]. */
  delete(filter: string, subscriber: Subscriber): boolean {
    const filters = this.#filters.get(subscriber);
    if (!filters?.delete(filter)) return false;
    if (filters.size === 0) this.#filters.delete(subscriber);
    this.#remove(filter, subscriber);
    return true;
  }

  deleteAll(subscriber: Subscriber): void {
    for (const filter of this.#filters.get(subscriber) ?? []) this.#remove(filter, subscriber);
    this.#filters.delete(subscriber);
  }

  /** All that match a topic name. A wildcard at the first level matches no `$` topic [MQTT-4.7.2-1]. */
  match(topic: string): MatchResult<Subscriber> {
    const matched: MatchResult<Subscriber> = { direct: [], shared: [] };
    if (this.#size > 0) collect(this.#root, topic.split("/"), 0, topic.startsWith("$"), matched);
    return matched;
  }

  #remove(filter: string, subscriber: Subscriber): void {
    const { share, levels } = partsOf(filter);
    const path = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)?.levels?.get(level);
      assert(next, "a filter that a subscriber has is in the tree");
      path.push(next);
    }
    const node = path.at(-1) as Node<Subscriber>;
    removeMember(node, share, subscriber);
    this.#size--;

    for (let depth = levels.length; depth > 0 && isEmpty(path[depth] as Node<Subscriber>); depth--) {
      const parent = path[depth - 1] as Node<Subscriber>;
      parent.levels?.delete(levels[depth - 1] as string);
      if (parent.levels?.size === 0) parent.levels = null;
    }
  }
}

function partsOf(full: string) {
  const parsed = parseFilter(full);
  assert(parsed, "only filters that the codec has let in are subscribed to");
  return { share: parsed.share, levels: parsed.filter.split("/") };
}

function membersOf<Subscriber>(node: Node<Subscriber>, share: string | null) {
  if (share === null) {
    node.direct ??= new Map();
    return node.direct;
  }
  node.shares ??= new Map();
  return getOrAdd(node.shares, share, () => new Map<Subscriber, Subscribed<Subscriber>>());
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}

function removeMember<Subscriber>(node: Node<Subscriber>, share: string | null, subscriber: Subscriber): void {
  if (share === null) {
    node.direct?.delete(subscriber);
    if (node.direct?.size === 0) node.direct = null;
    return;
  }
  const members = node.shares?.get(share);
  members?.delete(subscriber);
  if (members?.size === 0) node.shares?.delete(share);
  if (node.shares?.size === 0) node.shares = null;
}

const isEmpty = <Subscriber>(node: Node<Subscriber>) => !node.levels && !node.direct && !node.shares;

function collect<Subscriber>(
  node: Node<Subscriber>,
  levels: string[],
  depth: number,
  special: boolean,
  matched: MatchResult<Subscriber>,
): void {
  const wild = !(special && depth === 0);
  // `a/#` matches `a` too (4.7.1.2), so `#` is checked even where the topic ends.
  const rest = wild ? node.levels?.get("#") : undefined;
  if (rest) addMatches(rest, matched);
  if (depth === levels.length) {
    addMatches(node, matched);
    return;
  }
  const next = node.levels?.get(levels[depth] as string);
  if (next) collect(next, levels, depth + 1, special, matched);
  const any = wild ? node.levels?.get("+") : undefined;
  if (any) collect(any, levels, depth + 1, special, matched);
}

function addMatches<Subscriber>(node: Node<Subscriber>, matched: MatchResult<Subscriber>): void {
  if (node.direct) for (const subscribed of node.direct.values()) matched.direct.push(subscribed);
  if (node.shares)
    for (const [share, members] of node.shares) matched.shared.push({ share, members: [...members.values()] });
}
