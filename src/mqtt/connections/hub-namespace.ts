import type { Hub } from "../../hub/registry/hub-rows.ts";
import type { Traffic } from "../events/sys-topics.ts";
import type { AccountMemory } from "../flow/memory-budget.ts";
import { FanOut } from "../matching/fan-out.ts";
import { SubscriptionTree } from "../matching/subscription-tree.ts";
import type { Connection } from "./connection.ts";
import type { Session } from "./session.ts";

/**
 * A hub's own name space: its topics, client identifiers and shared subscriptions are separate from those of other
 * hubs.
 */
export class HubNamespace {
  /** The hub as last read. */
  info: Hub;
  readonly tree = new SubscriptionTree<Session>();
  readonly sessions = new Map<string, Session>();
  /** The connection that has a session, or is about to get it, by the session's key. */
  readonly holders = new Map<string, Connection>();
  /** Messages with very many recipients, and those after them. */
  readonly fanOut = new FanOut();
  readonly traffic: Traffic;
  /** The memory of its account. */
  readonly memory: AccountMemory;
  /** Bytes of messages queued in memory for clients. */
  queuedBytes = 0;
  /** Counts the members chosen for shared subscriptions. */
  sharedTurns = 0;
  readonly #retaining = new Set<Promise<unknown>>();

  constructor(info: Hub, traffic: Traffic, memory: AccountMemory) {
    this.info = info;
    this.memory = memory;
    this.traffic = traffic;
  }

  get id(): string {
    return this.info.id;
  }

  /** Remembers a retained message until it is stored: new subscribers wait for it. */
  retaining(stored: Promise<unknown>): void {
    this.#retaining.add(stored);
    const done = () => this.#retaining.delete(stored);
    stored.then(done, done);
  }

  /** Resolves when all retained messages published by now are stored; undefined if they already are. */
  retained(): Promise<unknown> | undefined {
    return this.#retaining.size > 0 ? Promise.allSettled(this.#retaining) : undefined;
  }
}
