import type { Hub } from "../../hub/registry/hub-rows.ts";
import type { Traffic } from "../events/sys-topics.ts";
import type { AccountMemory } from "../flow/memory-budget.ts";
import { FanOut } from "../matching/fan-out.ts";
import { SubscriptionTree } from "../matching/subscription-tree.ts";
import type { Connection } from "./connection.ts";
import type { Session } from "./session.ts";

/** A hub is a name space of its own: its topics, its client identifiers and its shared subscriptions meet those of no other. */
export class HubSpace {
  /** The hub as it was last read. */
  info: Hub;
  readonly tree = new SubscriptionTree<Session>();
  readonly sessions = new Map<string, Session>();
  /** The connection that has a session, or is about to, by the session's key. */
  readonly holders = new Map<string, Connection>();
  /** Messages for very many, and those behind them. */
  readonly fanOut = new FanOut();
  readonly traffic: Traffic;
  /** Its account's. */
  readonly memory: AccountMemory;
  /** Bytes of messages that wait in memory for clients. */
  queuedBytes = 0;
  /** Counts the choices of shared subscriptions. */
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

  /** Remembers that a retained message is being stored, until it is: who subscribes meanwhile waits for it. */
  retaining(stored: Promise<unknown>): void {
    this.#retaining.add(stored);
    const done = () => this.#retaining.delete(stored);
    stored.then(done, done);
  }

  /** Resolves when all retained messages that were published by now are stored; undefined if they are already. */
  retained(): Promise<unknown> | undefined {
    return this.#retaining.size > 0 ? Promise.allSettled(this.#retaining) : undefined;
  }
}
