import type { DeviceSocket } from "../../platform/device-socket.ts";
import type { ConnectionMemory } from "../flow/connection-memory.ts";
import { FrameReader } from "../flow/frame-reader.ts";
import type { PacketCounts } from "../flow/packet-counts.ts";
import type { ReadScheduler } from "../flow/read-scheduler.ts";
import { HELD_BYTES_MAX } from "../limits.ts";
import { CLOSING, type Closing } from "../wire/closing.ts";

/** What the inbound side needs of its connection. */
type InboundPort = {
  /** Handles a packet. An error that it throws is reported to `fault`. */
  process(frame: Uint8Array): void;
  isClosed(): boolean;
  fault(error: unknown): void;
  close(closing: Closing): void;
};

type Source = {
  socket: DeviceSocket;
  reading: ReadScheduler;
  memory: ConnectionMemory;
  /** The packets that all connections received. */
  received: PacketCounts;
  packetBytesMax: number;
};

/**
 * The direction from the client: its bytes, the packets in them, and the packets still in work. Pauses the socket while
 * more would have to wait.
 */
export class Inbound {
  /** The packet being handled, or the one that ended the connection. */
  frame: Uint8Array | null = null;
  /** Packets and bytes since the last call of `counted`; at first the CONNECT, which arrives before its hub is known. */
  packets = 0;
  bytes = 0;
  readonly #frames: FrameReader;
  /** Nothing is read until the CONNECT is answered. */
  #isHeld = false;
  /** The server stops: nothing is read any more. */
  #isStopped = false;

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
      isHeld: () => this.#isHeld || this.#isStopped,
      failed: port.fault,
      // Waiting bytes are charged to the account. The connection ends if the transport cannot hold the client back, or if
      // the account has no memory left.
      waiting: (unreadBytes, memoryBytes) => {
        const isFlooding = unreadBytes > HELD_BYTES_MAX + packetBytesMax;
        if (isFlooding || !memory.set("unread", memoryBytes)) port.close(CLOSING.flooding);
      },
    });
  }

  /** Reading is paused: the client may have sent packets that were not read yet. */
  get isPaused(): boolean {
    return this.#frames.isPaused;
  }

  /** Number of packets still in work. */
  get inWork(): number {
    return this.#frames.inWork;
  }

  received(bytes: Uint8Array): void {
    this.#frames.received(bytes);
  }

  /**
   * Registers a packet of `bytes` bytes as in work. Returns a function to call when it is done. While too much is in work,
   * the client is not read.
   */
  begin(bytes: number): () => void {
    return this.#frames.begin(bytes);
  }

  /** Holds what arrives from now on until `belongsTo` and `readOn` are called. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Sets the account and device once they are known. */
  belongsTo(account: string, device: string): void {
    this.#isHeld = false;
    this.#frames.belongsTo(account, device);
  }

  readOn(): void {
    this.#frames.readOn();
  }

  /** Stops reading; packets in work are finished. */
  stop(): void {
    this.#isStopped = true;
    this.#frames.pause();
  }

  /** Resets `packets` and `bytes` after they were counted. */
  counted(): void {
    this.packets = this.bytes = 0;
  }

  end(): void {
    this.#frames.end();
  }
}
