import type { DeviceSocket } from "../../platform/device-socket.ts";
import { FrameReader } from "../flow/frame-reader.ts";
import type { MemoryUse } from "../flow/memory-use.ts";
import type { PacketCounts } from "../flow/packet-counts.ts";
import type { Reading } from "../flow/reading.ts";
import { HELD_BYTES_MAX } from "../limits.ts";
import { CLOSING, type Closing } from "../wire/closing.ts";

/** What the inbound side needs of its connection. */
type InboundPort = {
  /** Takes a packet. What it throws comes back by `fault`. */
  process(frame: Uint8Array): void;
  isClosed(): boolean;
  fault(error: unknown): void;
  close(closing: Closing): void;
};

type Source = {
  socket: DeviceSocket;
  reading: Reading;
  memory: MemoryUse;
  /** The packets that all connections received. */
  received: PacketCounts;
  packetBytesMax: number;
};

/** The direction from the client: its bytes, the packets in them, and what is still in work of these. It pauses the socket while more has to wait. */
export class Inbound {
  /** The packet that is being worked on, or the one that ended the connection. */
  frame: Uint8Array | null = null;
  /** Packets and bytes since `counted` was called; at first the CONNECT, which came before its hub was known. */
  packets = 0;
  bytes = 0;
  readonly #frames: FrameReader;
  /** Nothing is read until the CONNECT is answered. */
  #isHeld = false;
  /** The server stops: nothing is read any more. */
  #isDeaf = false;

  constructor({ socket, reading, memory, received, packetBytesMax }: Source, port: InboundPort) {
    this.#frames = new FrameReader(reading, socket, packetBytesMax, {
      process: (frame) => {
        received.add(frame);
        this.packets++;
        this.bytes += frame.length;
        this.frame = frame;
        port.process(frame);
        this.frame = null;
      },
      isClosed: port.isClosed,
      isHeld: () => this.#isHeld || this.#isDeaf,
      failed: port.fault,
      // What waits is charged to its account. A client that the transport cannot hold back, or whose account has no memory left for it, ends.
      waiting: (unreadBytes, memoryBytes) => {
        const isFlooding = unreadBytes > HELD_BYTES_MAX + packetBytesMax;
        if (isFlooding || !memory.set("unread", memoryBytes)) port.close(CLOSING.flooding);
      },
    });
  }

  /** The client is not read: it may have sent something that we have not heard. */
  get isPaused(): boolean {
    return this.#frames.isPaused;
  }

  /** Packets that are not done. */
  get inWork(): number {
    return this.#frames.inWork;
  }

  received(bytes: Uint8Array): void {
    this.#frames.received(bytes);
  }

  /** A packet of so many bytes is in work; returns what is to be called when it is done. If too much is in work, the client is not read any further. */
  begin(bytes: number): () => void {
    return this.#frames.begin(bytes);
  }

  /** Keeps what comes from now on until `belongsTo` and `readOn` are called. */
  hold(): void {
    this.#isHeld = true;
  }

  /** It is known whose connection it is. */
  belongsTo(account: string, device: string): void {
    this.#isHeld = false;
    this.#frames.belongsTo(account, device);
  }

  readOn(): void {
    this.#frames.readOn();
  }

  /** Stops reading; what is in work is finished. */
  stop(): void {
    this.#isDeaf = true;
    this.#frames.pause();
  }

  /** `packets` and `bytes` have been counted. */
  counted(): void {
    this.packets = this.bytes = 0;
  }

  end(): void {
    this.#frames.end();
  }
}
