import { TOPIC_ALIAS_MAXIMUM } from "../limits.ts";
import { ProtocolError, type Publish, REASON } from "../wire/packets.ts";
import type { ConnectionMemory } from "./connection-memory.ts";

// Topic aliases live as long as their connection; each direction has its own [MQTT-3.3.2-7, 3.3.2.3.4].

/** Memory of a connection's aliases, in both directions. */
export class AliasMemory {
  readonly #memory: ConnectionMemory;
  #bytes = 0;

  constructor(memory: ConnectionMemory) {
    this.#memory = memory;
  }

  /** Whether there is room for a name, in place of the one before. */
  hasRoom(topic: string, before = ""): boolean {
    return this.#memory.hasRoom("aliases", this.#bytes + topic.length - before.length);
  }

  /** Replaces a name by another; returns false if there is no room. */
  replace(topic: string, before = ""): boolean {
    if (!this.hasRoom(topic, before)) return false;
    this.#bytes += topic.length - before.length;
    this.#memory.set("aliases", this.#bytes);
    return true;
  }
}

/** The aliases that a client assigned to topic names. */
export class IncomingAliases {
  readonly #topics = new Map<number, string>();
  readonly #memory: AliasMemory;

  constructor(memory: AliasMemory) {
    this.#memory = memory;
  }

  /** Returns the topic name of a publish, and learns its alias. */
  resolve(publish: Publish): string {
    const alias = publish.properties?.topicAlias;
    if (alias === undefined) {
      if (publish.topic === "") {
        throw new ProtocolError(REASON.protocolError, "a publish without topic name and alias", "MQTT-3.3.2-8");
      }
      return publish.topic;
    }
    if (alias === 0 || alias > TOPIC_ALIAS_MAXIMUM) {
      throw new ProtocolError(REASON.topicAliasInvalid, `topic alias ${alias} is out of bounds`, "MQTT-3.3.2-9");
    }
    if (publish.topic !== "") {
      if (!this.#memory.replace(publish.topic, this.#topics.get(alias))) {
        throw new ProtocolError(REASON.quotaExceeded, "the account has no memory for another topic alias", "4.13");
      }
      this.#topics.set(alias, publish.topic);
      return publish.topic;
    }
    const topic = this.#topics.get(alias);
    if (topic === undefined) {
      throw new ProtocolError(REASON.protocolError, `topic alias ${alias} is not known`, "MQTT-3.3.2-8");
    }
    return topic;
  }
}

/**
 * The aliases that the server assigns to the first topic names sent to a client, at most as many as it accepts
 * [MQTT-3.3.2-11].
 */
export class OutgoingAliases {
  readonly #aliases = new Map<string, number>();
  readonly #maximum: number;
  readonly #memory: AliasMemory;

  constructor(clientMaximum: number, memory: AliasMemory) {
    this.#memory = memory;
    this.#maximum = Math.min(clientMaximum, TOPIC_ALIAS_MAXIMUM);
  }

  /** The alias for a topic, and whether the client knows it already. Undefined if there is none left, or no memory. */
  aliasFor(topic: string): { alias: number; known: boolean } | undefined {
    const alias = this.#aliases.get(topic);
    if (alias !== undefined) return { alias, known: true };
    if (this.#aliases.size >= this.#maximum || !this.#memory.hasRoom(topic)) return undefined;
    return { alias: this.#aliases.size + 1, known: false };
  }

  /** Records that the alias was sent to the client. */
  learn(topic: string, alias: number): void {
    this.#memory.replace(topic);
    this.#aliases.set(topic, alias);
  }
}
