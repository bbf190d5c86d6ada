import type { Hub } from "../../hub/registry/hub-rows.ts";
import type { Traffic } from "../events/sys-topics.ts";
import type { MemoryBudget } from "../flow/memory-budget.ts";
import { HubNamespace } from "./hub-namespace.ts";

/** The hubs with connected clients or stored sessions. */
export class Hubs {
  readonly #spaces = new Map<string, HubNamespace>();
  readonly #memory: MemoryBudget;
  readonly #trafficOf: (hubId: string) => Traffic;

  constructor(memory: MemoryBudget, trafficOf: (hubId: string) => Traffic) {
    this.#memory = memory;
    this.#trafficOf = trafficOf;
  }

  find(hubId: string): HubNamespace | undefined {
    return this.#spaces.get(hubId);
  }

  /** The name space of a hub, updated to `hub`; created on first use. */
  space(hub: Hub): HubNamespace {
    let space = this.#spaces.get(hub.id);
    if (space) space.info = hub;
    else {
      space = new HubNamespace(hub, this.#trafficOf(hub.id), this.#memory.of(hub.accountId));
      this.#spaces.set(hub.id, space);
    }
    return space;
  }

  add(hub: Hub | undefined): HubNamespace | undefined {
    return hub && this.space(hub);
  }

  delete(hubId: string): void {
    this.#spaces.delete(hubId);
  }

  ids(): Iterable<string> {
    return this.#spaces.keys();
  }

  all(): Iterable<HubNamespace> {
    return this.#spaces.values();
  }
}
