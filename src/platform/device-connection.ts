import type { DeviceDoor } from "./device-door.ts";
import type { DeviceSocket, DeviceSocketHandler } from "./device-socket.ts";
import type { Place } from "./places.ts";
import { SendQueue } from "./send-queue.ts";

/** The system took all of it, and wants no more until it is writable. */
export const FULL = -1;
/** The connection is gone, and so are the bytes. */
export const LOST = -2;

/** What a transport does with a socket of its own kind. */
export type Carrier<Socket> = {
  readonly transport: DeviceSocket["transport"];
  /** How many of the bytes were taken (if fewer than given, the rest is offered again when it is writable), `FULL` or `LOST`. */
  write(socket: Socket, bytes: Uint8Array): number;
  /** Bytes taken by `write` that are not with the system yet. */
  bufferedBytes(socket: Socket): number;
  /** Tells the peer that nothing more comes; `closed` follows when it has answered. */
  finish(socket: Socket): void;
  destroy(socket: Socket): void;
  pause(socket: Socket): void;
  resume(socket: Socket): void;
};

/**
 * After a read this large a connection rests, so that others have their turn: it is read at 64 MB a second. The runtime reads 512 kB at a
 * time, and goes on with the same connection for as long as it gets that much: 6 MB of a fast client, while everybody else waits. And
 * who sends a gigabyte a second has the runtime collect garbage for a good part of it, for which everybody waits too.
 */
const LARGE_READ_BYTES = 256 * 1024;
const REST_BYTES_PER_MS = 64 * 1024;

/** How long a peer may take to read what is left for it, and to close in its turn. */
const END_MS = 5_000;

/**
 * A device's connection over any transport: buffers what the system does not take, and keeps what its handler is promised. The
 * transport calls `received`, `writable`, `peerEnded` and `closed`. Once it was told to end, its handler hears of its close and of nothing else.
 */
export class DeviceConnection<Socket> implements DeviceSocket {
  readonly transport: DeviceSocket["transport"];
  readonly peer: string;
  readonly certificates: readonly Uint8Array[];
  readonly #place: Place;
  readonly #door: DeviceDoor;
  readonly #carrier: Carrier<Socket>;
  readonly #socket: Socket;
  readonly #queue = new SendQueue();
  #handler: DeviceSocketHandler | undefined;
  #state: "open" | "ending" | "ended" = "open";
  #full = false;
  #timer: Timer | undefined;
  /** By the handler, and because it has had its share of this turn. */
  #paused = false;
  #resting = false;

  constructor(
    door: DeviceDoor,
    carrier: Carrier<Socket>,
    socket: Socket,
    { place, peer }: { place: Place; peer: string },
    certificates: readonly Uint8Array[] = [],
  ) {
    this.transport = carrier.transport;
    this.peer = peer;
    this.#place = place;
    this.certificates = certificates;
    this.#door = door;
    this.#carrier = carrier;
    this.#socket = socket;
  }

  /** Hands the connection to the session layer. */
  start(): void {
    this.#door.add(this);
    this.#guard(() => {
      this.#handler = this.#door.accept(this);
    });
  }

  get origin(): string {
    return this.#place.origin;
  }

  spoke(): void {
    this.#place.spoke();
  }

  identified(accountId: string): boolean {
    return this.#place.identified(accountId);
  }

  get bufferedBytes(): number {
    if (this.#state === "ended") return 0;
    return this.#queue.bytes + this.#carrier.bufferedBytes(this.#socket);
  }

  send(bytes: Uint8Array): void {
    if (this.#state !== "open" || bytes.length === 0) return;
    if (this.#full) this.#queue.push(bytes);
    else this.#offer(bytes);
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#timer = setTimeout(() => this.abort(), END_MS);
    // Only a socket that is read notices that its peer closes.
    this.#paused = false;
    this.#carrier.resume(this.#socket);
    if (!this.#full) this.#carrier.finish(this.#socket);
  }

  abort(): void {
    if (this.#state === "ended") return;
    this.closed();
    this.#carrier.destroy(this.#socket);
  }

  pause(): void {
    if (this.#state !== "open") return;
    this.#paused = true;
    this.#carrier.pause(this.#socket);
  }

  resume(): void {
    if (this.#state !== "open") return;
    this.#paused = false;
    if (!this.#resting) this.#carrier.resume(this.#socket);
  }

  /** Bytes have come. */
  received(bytes: Uint8Array): void {
    if (bytes.length >= LARGE_READ_BYTES) this.#rest(bytes.length / REST_BYTES_PER_MS);
    if (this.#state === "open") this.#guard(() => this.#handler?.onBytes(bytes));
  }

  /** The system takes more. */
  writable(): void {
    if (!this.#full || this.#state === "ended") return;
    this.#full = false;
    for (let next = this.#queue.take(); next; next = this.#queue.take()) {
      this.#offer(next);
      if (this.#full) return;
    }
    if (this.#state === "ending") this.#carrier.finish(this.#socket);
    else if (this.#state === "open") this.#guard(() => this.#handler?.onDrain());
  }

  /** The connection is gone. Its handler learns that in a turn of its own, never inside a call that it made. */
  closed(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    clearTimeout(this.#timer);
    this.#queue.clear();
    queueMicrotask(() => {
      this.#guard(() => this.#handler?.onClose());
      this.#door.delete(this);
    });
  }

  /** Lets others have their turn. */
  #rest(ms: number): void {
    if (this.#resting || this.#state === "ended") return;
    this.#resting = true;
    this.#carrier.pause(this.#socket);
    setTimeout(() => {
      this.#resting = false;
      if (this.#state !== "ended" && !this.#paused) this.#carrier.resume(this.#socket);
    }, ms);
  }

  #offer(bytes: Uint8Array): void {
    const taken = this.#carrier.write(this.#socket, bytes);
    if (taken === bytes.length) return;
    if (taken === LOST) this.abort();
    else {
      this.#full = true;
      if (taken !== FULL) this.#queue.putBack(bytes.subarray(taken));
    }
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#door.onFault(error);
      this.abort();
    }
  }
}
