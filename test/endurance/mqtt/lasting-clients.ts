import { type Level, MqttWire, type Seen, type WireAddress, WireEnded } from "../../support/mqtt/mqtt-wire.ts";

// Clients that live through crashes of the server: they keep the state that a client must keep, and record what was
// acknowledged.

/** Counts down with each packet that a client sends or receives; its action runs between two packets. */
export class Fuse {
  #left = Number.POSITIVE_INFINITY;
  #onBlow: () => void = () => {};

  set(packets: number, onBlow: () => void): void {
    this.#left = packets;
    this.#onBlow = onBlow;
  }

  burn(): void {
    if (--this.#left === 0) this.#onBlow();
  }
}

export type Identity = { address: WireAddress; device: string; clientId: string; level: Level };

/** A wire that counts down the fuse. */
export class CrashWire {
  readonly wire: MqttWire;
  readonly #fuse: Fuse;

  constructor(wire: MqttWire, fuse: Fuse) {
    this.wire = wire;
    this.#fuse = fuse;
  }

  /** Connects to a stored session. Undefined if the server is gone. */
  static async open({ address, device, clientId, level }: Identity, fuse: Fuse, fields: object = {}) {
    const wire = await MqttWire.open(address, level);
    const lasting = level === 5 ? { properties: { sessionExpiryInterval: 3_600, receiveMaximum: 20 } } : {};
    const self = new CrashWire(wire, fuse);
    self.send({ cmd: "connect", clientId, username: device, clean: false, ...lasting, ...fields });
    const connack = await self.next();
    const code = connack["reasonCode"] ?? connack["returnCode"];
    if (code !== 0) throw new Error(`${clientId}: CONNACK ${code}`);
    return { wire: self, present: connack["sessionPresent"] as boolean };
  }

  send(...packets: object[]): void {
    for (const packet of packets) {
      this.wire.send(packet);
      this.#fuse.burn();
    }
  }

  async next(): Promise<Seen> {
    const packet = await this.wire.next();
    this.#fuse.burn();
    return packet;
  }
}

/** Runs until the connection is lost; any other end is an error. */
export async function untilLost(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof WireEnded) && !/ECONN|socket|closed|ended/i.test(String(error))) throw error;
  }
}

type Flight = { messageId: number; n: number; qos: 1 | 2; released: boolean };

/** Publishes numbers, each until it is acknowledged, however often the server dies meanwhile. */
export class LastingPublisher {
  readonly sent: { n: number; qos: 1 | 2 }[] = [];
  acknowledged = 0;
  #flights: Flight[] = [];
  #messageId = 0;
  #known = false;
  readonly #topic: string;
  readonly #window: number;

  constructor(topic: string, window = 8) {
    this.#topic = topic;
    this.#window = window;
  }

  get isIdle(): boolean {
    return this.#flights.length === 0;
  }

  /** Until `more` are acknowledged, or the connection is lost. */
  run(identity: Identity, fuse: Fuse, more: number, chooseQos: () => 1 | 2): Promise<void> {
    return untilLost(async () => {
      const { wire, present } = await CrashWire.open(identity, fuse);
      if (this.#known && !present && identity.level > 3) throw new Error(`${identity.clientId}: the session is lost`);
      this.#known = true;
      // Sends everything unacknowledged again, in the original order [MQTT-4.4.0-1].
      for (const flight of this.#flights) this.#send(wire, flight, true);
      const end = this.acknowledged + more;
      while (this.acknowledged < end || !this.isIdle) {
        while (this.#flights.length < this.#window && this.acknowledged + this.#flights.length < end) {
          const flight = { messageId: this.#nextId(), n: this.sent.length, qos: chooseQos(), released: false };
          this.sent.push({ n: flight.n, qos: flight.qos });
          this.#flights.push(flight);
          this.#send(wire, flight, false);
        }
        this.#take(wire, await wire.next());
      }
      wire.send({ cmd: "disconnect" });
      await wire.wire.ended;
    });
  }

  #send(wire: CrashWire, { messageId, n, qos, released }: Flight, dup: boolean): void {
    if (released) wire.send({ cmd: "pubrel", messageId });
    else wire.send({ cmd: "publish", topic: this.#topic, payload: `${n}`, qos, messageId, dup });
  }

  #take(wire: CrashWire, { cmd, messageId }: Seen): void {
    const flight = this.#flights.find((one) => one.messageId === messageId);
    if (!flight) {
      // A second PUBREC, for a PUBLISH that was repeated after the first was sent.
      if (cmd === "pubrec") wire.send({ cmd: "pubrel", messageId });
      return;
    }
    if (cmd === "pubrec") {
      flight.released = true;
      wire.send({ cmd: "pubrel", messageId });
      return;
    }
    if (cmd !== (flight.qos === 1 ? "puback" : "pubcomp")) throw new Error(`${cmd} for QoS ${flight.qos}`);
    this.#flights = this.#flights.filter((one) => one !== flight);
    this.acknowledged++;
  }

  #nextId(): number {
    this.#messageId = (this.#messageId % 65_535) + 1;
    return this.#messageId;
  }
}

/** Receives messages as a client must, QoS 2 once, and keeps all of them, in order. */
export class LastingSubscriber {
  readonly taken: { topic: string; text: string; qos: number; dup: boolean }[] = [];
  #received = new Set<number>();
  #subscribed = false;
  readonly #filter: string;

  constructor(filter: string) {
    this.#filter = filter;
  }

  /** Until `isEnough`, or a number of packets later, or the connection is lost. */
  run(identity: Identity, fuse: Fuse, isEnough: () => boolean, random: () => number): Promise<void> {
    return untilLost(async () => {
      const { wire, present } = await CrashWire.open(identity, fuse);
      if (this.#subscribed && !present && identity.level > 3)
        throw new Error(`${identity.clientId}: the session is lost`);
      if (!present && !this.#subscribed) this.#received.clear();
      let late: object[] = [];
      if (!this.#subscribed) {
        wire.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: this.#filter, qos: 2 }] });
        while ((await this.#step(wire, late)) !== "suback");
        this.#subscribed = true; // it is stored now
      }
      while (!isEnough()) {
        await this.#step(wire, late);
        // Acknowledges now, or some packets later.
        if (random() < 0.6) {
          wire.send(...late);
          late = [];
        }
      }
      wire.send(...late, { cmd: "disconnect" });
      await wire.wire.ended;
    });
  }

  async #step(wire: CrashWire, late: object[]): Promise<string> {
    const { cmd, messageId, qos, topic, payload, dup } = await wire.next();
    if (cmd === "publish") {
      const again = qos === 2 && this.#received.has(messageId);
      if (!again) this.taken.push({ topic, text: String(payload), qos, dup });
      if (qos === 2) this.#received.add(messageId);
      if (qos > 0) late.push({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
    } else if (cmd === "pubrel") {
      this.#received.delete(messageId);
      late.push({ cmd: "pubcomp", messageId });
    }
    return cmd;
  }
}
