import { expect } from "bun:test";
import { generate, type Packet, type PacketCmd, parser } from "mqtt-packet";
import type { Level, QoS } from "../../../src/mqtt/wire/packets.ts";
import { openStream, type WireAddress, type WireStream } from "./wire-stream.ts";

export { OPCODE } from "./wire-stream.ts";
export type { Level, QoS, WireAddress };

/** Packets of mqtt-packet with any fields that a test gives or asserts. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into packets whose shape they assert
export type Fields = Record<string, any>;
export type Seen = Fields & { cmd: PacketCmd };

/** The connection ended where a packet was expected. */
export class WireEnded extends Error {
  override name = "WireEnded";
}

const WAIT_MAX_MS = Number(process.env["TWINPOST_WIRE_WAIT_MS"] || 8_000);

/**
 * One MQTT connection that sends exactly what it is given and returns each received packet, in order: it acknowledges
 * nothing, repeats nothing and repairs nothing unless a test says so.
 */
export class MqttWire {
  readonly level: Level;
  /** Resolves when the connection is closed, for whatever reason. */
  readonly ended: Promise<void>;
  /** Counts all received bytes. */
  receivedBytes = 0;
  /** The status code with which the server closed a WebSocket. */
  closeCode: number | undefined;
  /** Called with all received bytes, for tests of what the parser does not keep. */
  onBytes: ((bytes: Uint8Array) => void) | undefined;
  #stream!: WireStream;
  #open = true;
  #end!: () => void;
  #packets: Seen[] = [];
  #waiting: (() => void) | undefined;
  #fault: Error | undefined;
  #packetId = 0;

  private constructor(level: Level) {
    this.level = level;
    this.ended = new Promise((end) => {
      this.#end = end;
    });
  }

  /** Connects the transport; sends nothing yet. */
  static async open(address: WireAddress, level: Level = 4): Promise<MqttWire> {
    const wire = new MqttWire(level);
    const reader = parser({ protocolVersion: level });
    reader.on("packet", (packet) => wire.#take({ ...packet } as Seen));
    reader.on("error", (error: Error) => {
      wire.#fault = new Error(`the server sent what is no packet: ${error.message}`);
      wire.#wake();
    });
    wire.#stream = await openStream(address, {
      onBytes: (bytes) => {
        wire.receivedBytes += bytes.length;
        wire.onBytes?.(bytes);
        reader.parse(bytes);
      },
      onClose: (closeCode) => {
        wire.#open = false;
        wire.closeCode = closeCode;
        wire.#wake();
        wire.#end();
      },
    });
    return wire;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether a packet has arrived that no call has taken yet. */
  get hasNext(): boolean {
    return this.#packets.length > 0;
  }

  /** A packet identifier that this connection has not used yet. */
  nextId(): number {
    this.#packetId = (this.#packetId % 65_535) + 1;
    return this.#packetId;
  }

  /** Packets, or raw bytes, in one write. */
  send(...parts: (Fields | Uint8Array)[]): void {
    this.#stream.write(Buffer.concat(parts.map((part) => this.bytesOf(part))));
  }

  /** WebSocket only: one frame, for tests of frames. */
  sendFrame(opcode: number, bytes: Uint8Array, options?: { final?: boolean; masked?: boolean }): void {
    this.#stream.writeFrame(opcode, bytes, options);
  }

  bytesOf(part: Fields | Uint8Array): Uint8Array {
    if (part instanceof Uint8Array) return part;
    const protocolId = this.level === 3 ? "MQIsdp" : "MQTT";
    const whole: Fields = { ...PLAIN[part["cmd"] as string], protocolId, protocolVersion: this.level, ...part };
    // The codec refuses to encode a CONNECT for a stored session without a client identifier; a test may want to.
    const nameless = whole["cmd"] === "connect" && whole["clientId"] === "" && whole["clean"] === false;
    if (nameless) whole["clean"] = true;
    const bytes = generate(whole as unknown as Packet, { protocolVersion: this.level });
    if (nameless) {
      const flags = bytes.indexOf(protocolId) + protocolId.length + 1;
      bytes[flags] = (bytes[flags] as number) & ~0x02;
    }
    return bytes;
  }

  flushed(): Promise<void> {
    return this.#stream.flushed();
  }

  /** The next packet; rejects if the connection ends before it, or nothing arrives for seconds. */
  async next(): Promise<Seen> {
    if (!this.#packets.length && !this.#fault && this.#open) await this.#wait();
    const packet = this.#packets.shift();
    if (packet) return packet;
    if (this.#fault) throw this.#fault;
    throw this.#open ? new Error(`nothing came for ${WAIT_MAX_MS} ms`) : new WireEnded("the connection has ended");
  }

  /** The next packet is this one, with at least these fields. */
  async expect(cmd: PacketCmd, fields: Fields = {}): Promise<Seen> {
    const packet = await this.next();
    expect(readable(packet)).toMatchObject(readable({ cmd, ...fields }));
    return packet;
  }

  /** These arrive next, in any order. */
  async expectAll(...wanted: (Fields & { cmd: PacketCmd })[]): Promise<Seen[]> {
    const got: Seen[] = [];
    for (const _ of wanted) got.push(await this.next());
    const left = [...got];
    for (const fields of wanted) {
      const at = left.findIndex((packet) => Bun.deepMatch(readable(fields), readable(packet)));
      if (at < 0) expect(left.map(readable)).toContainEqual(readable(fields)); // fails, and shows both
      left.splice(at, 1);
    }
    return got;
  }

  /** Nothing was on its way to us: the answer to a PINGREQ arrives first. */
  async expectQuiet(): Promise<void> {
    this.send({ cmd: "pingreq" });
    await this.expect("pingresp");
  }

  /**
   * The server ends the connection, and sends nothing before that except, at level 5, a DISCONNECT with this reason
   * code. If none is given, any reason is accepted, or none.
   */
  async expectClosed(reasonCode?: number): Promise<Seen | undefined> {
    let disconnect: Seen | undefined;
    try {
      const packet = await this.next();
      expect(readable(packet)).toMatchObject({ cmd: "disconnect", ...(reasonCode !== undefined && { reasonCode }) });
      disconnect = packet;
      const further = await this.next();
      throw new Error(`a packet came after DISCONNECT: ${JSON.stringify(readable(further))}`);
    } catch (error) {
      if (!(error instanceof WireEnded)) throw error;
    }
    if (this.level < 5 && disconnect) throw new Error("only MQTT 5 has a DISCONNECT by the server");
    if (this.level === 5 && reasonCode !== undefined && !disconnect) throw new Error("no DISCONNECT, so no reason");
    return disconnect;
  }

  /** CONNECT, with these fields in addition to the usual ones, and the CONNACK. */
  async connect(fields: Fields = {}): Promise<Seen> {
    this.send({ cmd: "connect", ...fields });
    const connack = await this.next();
    expect(connack.cmd).toBe("connack");
    return connack;
  }

  /** SUBSCRIBE to filters, given by name or with options; returns what was granted. */
  async subscribe(filters: string | (string | Fields)[], qos: QoS = 0, properties?: Fields): Promise<number[]> {
    const messageId = this.nextId();
    const subscriptions = [filters].flat().map((one) => ({ qos, ...(typeof one === "string" ? { topic: one } : one) }));
    this.send({ cmd: "subscribe", messageId, subscriptions, ...(properties && { properties }) });
    return (await this.expect("suback", { messageId }))["granted"];
  }

  async unsubscribe(...unsubscriptions: string[]): Promise<Seen> {
    const messageId = this.nextId();
    this.send({ cmd: "unsubscribe", messageId, unsubscriptions });
    return this.expect("unsuback", { messageId });
  }

  /**
   * PUBLISH and its whole exchange; nothing else may arrive meanwhile. Returns the PUBACK or PUBREC, if there is one.
   */
  async publish(topic: string, payload: string | Uint8Array = "", fields: Fields = {}): Promise<Seen | undefined> {
    const { qos = 0 } = fields;
    const messageId = fields["messageId"] ?? (qos > 0 ? this.nextId() : undefined);
    this.send({ cmd: "publish", topic, payload: Buffer.from(payload), ...fields, messageId });
    if (qos === 0) return undefined;
    const first = await this.expect(qos === 1 ? "puback" : "pubrec", { messageId });
    if (qos === 2 && !(first["reasonCode"] >= 0x80)) {
      this.send({ cmd: "pubrel", messageId });
      await this.expect("pubcomp", { messageId });
    }
    return first;
  }

  /** The next packet is a PUBLISH with these fields; its exchange is completed. */
  async receive(topic: string, payload?: string | Uint8Array, fields: Fields = {}): Promise<Seen> {
    const packet = await this.expect("publish", { topic, ...(payload !== undefined && { payload }), ...fields });
    const { qos, messageId } = packet;
    if (qos === 1) this.send({ cmd: "puback", messageId });
    if (qos === 2) {
      this.send({ cmd: "pubrec", messageId });
      await this.expect("pubrel", { messageId });
      this.send({ cmd: "pubcomp", messageId });
    }
    return packet;
  }

  /**
   * The next `count` messages, in the order in which they arrived; all their exchanges are completed, however they
   * interleave.
   */
  async take(count: number): Promise<Seen[]> {
    const came: Seen[] = [];
    let open = 0;
    while (came.length < count || open > 0) {
      const packet = await this.next();
      const { cmd, qos, messageId } = packet;
      if (cmd === "pubrel") {
        open--;
        this.send({ cmd: "pubcomp", messageId });
        continue;
      }
      expect(readable(packet)).toMatchObject({ cmd: "publish" });
      came.push(packet);
      if (qos === 1) this.send({ cmd: "puback", messageId });
      if (qos === 2) {
        open++;
        this.send({ cmd: "pubrec", messageId });
      }
    }
    expect(came.length).toBe(count);
    return came;
  }

  /** DISCONNECT, and the server closes. */
  async disconnect(fields: Fields = {}): Promise<void> {
    this.send({ cmd: "disconnect", ...fields });
    await this.ended;
  }

  /** Stops reading, until `resume`. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    this.#stream.end();
  }

  /** Ends without DISCONNECT. */
  abort(): void {
    this.#stream.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open) this.#stream.abort();
  }

  #take(packet: Seen): void {
    this.#packets.push(packet);
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, WAIT_MAX_MS);
      this.#waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Default fields of packets. */
const PLAIN: Record<string, Fields> = {
  connect: { clean: true, keepalive: 0, clientId: "" },
  publish: { qos: 0, dup: false, retain: false, payload: "" },
};

/** Packets as a failed test should show them: payloads as text, and without the parser's own fields. */
function readable({ length: _, ...packet }: Fields): Fields {
  return Object.fromEntries(
    Object.entries(packet)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString() : value]),
  );
}
