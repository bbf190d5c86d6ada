import { type Level, MqttWire, type Seen, type WireAddress } from "../../support/mqtt/mqtt-wire.ts";

/** A client of the leak test: receives and completes all messages, and counts the copies of each payload. */
export class LeakClient {
  readonly received = new Map<string, number>();
  #wire: MqttWire | undefined;
  #answers: PromiseWithResolvers<Seen>[] = [];
  #wrong: string[] = [];
  readonly #hub: string;

  constructor(hub: string) {
    this.#hub = hub;
  }

  get isOpen(): boolean {
    return this.#wire?.isOpen ?? false;
  }

  /** Messages that must never arrive: another hub's. */
  get wrong(): string[] {
    return this.#wrong;
  }

  /** Connects; returns whether the session was present. */
  async connect(address: WireAddress, level: Level, fields: object): Promise<boolean> {
    const wire = await MqttWire.open(address, level);
    this.#wire = wire;
    const answers: PromiseWithResolvers<Seen>[] = [];
    this.#answers = answers;
    const connack = await wire.connect(fields);
    const code = connack["reasonCode"] ?? connack["returnCode"];
    if (code !== 0) throw new Error(`CONNACK ${code}`);
    void this.#pump(wire, answers);
    return connack["sessionPresent"];
  }

  /** Sends a packet and waits for its answer; answers arrive in the order of their packets. */
  ask(packet: object): Promise<Seen> {
    const answer = Promise.withResolvers<Seen>();
    this.#answers.push(answer);
    this.#wire?.send(packet);
    return answer.promise;
  }

  /** Sends a packet that is not answered. */
  say(packet: object): void {
    this.#wire?.send(packet);
  }

  /** Everything that the server sent before its answer is received. */
  async drain(): Promise<void> {
    await this.ask({ cmd: "pingreq" });
  }

  async disconnect(): Promise<void> {
    this.#wire?.send({ cmd: "disconnect" });
    await this.#wire?.ended;
  }

  async abort(): Promise<void> {
    this.#wire?.abort();
    await this.#wire?.ended;
  }

  get ended(): Promise<void> {
    return this.#wire?.ended ?? Promise.resolve();
  }

  async #pump(wire: MqttWire, answers: PromiseWithResolvers<Seen>[]): Promise<void> {
    try {
      for (;;) this.#take(wire, answers, await wire.next());
    } catch (error) {
      if (wire.isOpen) return void this.#pump(wire, answers); // nothing received for a while
      for (const answer of answers.splice(0)) answer.reject(error as Error);
    }
  }

  #take(wire: MqttWire, answers: PromiseWithResolvers<Seen>[], packet: Seen): void {
    const { cmd, qos, messageId, dup } = packet;
    if (cmd === "publish") {
      this.#count(packet["topic"], String(packet["payload"]), dup);
      if (qos === 1) wire.send({ cmd: "puback", messageId });
      if (qos === 2) wire.send({ cmd: "pubrec", messageId });
    } else if (cmd === "pubrel") wire.send({ cmd: "pubcomp", messageId });
    else if (cmd === "disconnect") return;
    else answers.shift()?.resolve(packet);
  }

  #count(topic: string, payload: string, dup: boolean): void {
    // A reset may have lost our acknowledgement.
    if (dup && this.received.has(payload)) return;
    if (payload !== "" && !payload.startsWith(`${this.#hub}:`))
      this.#wrong.push(`${payload} on ${topic} at ${this.#hub}`);
    this.received.set(payload, (this.received.get(payload) ?? 0) + 1);
  }
}
