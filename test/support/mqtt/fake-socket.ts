import { generate, type Packet, parser } from "mqtt-packet";
import type { AcceptDevice, DeviceSocket, DeviceSocketHandler } from "../../../src/platform/device-socket.ts";
import type { Fields, Level, Seen } from "./mqtt-wire.ts";

/** A device's connection without a network: it accepts sent bytes when the test says so, and records how it is used. */
export class FakeSocket implements DeviceSocket {
  readonly transport = "tcp";
  readonly peer = "192.0.2.7:4711";
  readonly origin = "192.0.2.7";
  readonly certificates = [];
  /** The bytes of each `send`. */
  sends: Uint8Array[] = [];
  seen: Seen[] = [];
  ended: "end" | "abort" | undefined;
  paused = false;
  /** Whether sent bytes stay in our buffer. */
  stuck = false;
  bufferedBytes = 0;
  readonly #handler: DeviceSocketHandler;
  readonly #level: Level;
  readonly #parser: ReturnType<typeof parser>;

  constructor(accept: AcceptDevice, level: Level) {
    this.#level = level;
    this.#parser = parser({ protocolVersion: level });
    this.#parser.on("packet", (packet) => this.seen.push({ ...packet } as Seen));
    this.#handler = accept(this);
  }

  /** Delivers packets, as one chunk of bytes. */
  say(...packets: Fields[]): void {
    const whole = packets.map((packet) => {
      const fields = {
        protocolId: "MQTT",
        protocolVersion: this.#level,
        clean: true,
        keepalive: 0,
        payload: "",
        ...packet,
      };
      return generate({ qos: 0, dup: false, retain: false, ...fields } as unknown as Packet, {
        protocolVersion: this.#level,
      });
    });
    this.#handler.onBytes(Buffer.concat(whole));
  }

  bytes(bytes: Uint8Array): void {
    this.#handler.onBytes(bytes);
  }

  send(bytes: Uint8Array): void {
    this.sends.push(bytes);
    if (this.stuck) this.bufferedBytes += bytes.length;
    this.#parser.parse(Buffer.from(bytes));
  }

  /** The peer has read everything. */
  drain(): void {
    this.bufferedBytes = 0;
    this.#handler.onDrain();
  }

  spoke(): void {}

  identified(): boolean {
    return true;
  }

  lose(): void {
    this.#handler.onClose();
  }

  end(): void {
    this.ended ??= "end";
  }

  abort(): void {
    this.ended ??= "abort";
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}
