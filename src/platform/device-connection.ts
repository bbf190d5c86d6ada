import type { DeviceDoor } from "./device-door.ts";
import type { DeviceSocket, DeviceSocketHandler } from "./device-socket.ts";
import type { Place } from "./places.ts";
import { SendQueue } from "./send-queue.ts";

/** The system accepted all bytes, and accepts no more until the socket is writable. */
export const FULL = -1;
/** The connection is closed, and the bytes are lost. */
export const LOST = -2;

/** A transport's operations on its own kind of socket. */
export type Carrier<Socket> = {
  readonly transport: DeviceSocket["transport"];
  /** Returns how many bytes were accepted (the rest is offered again when the socket is writable), `FULL` or `LOST`. */
  write(socket: Socket, bytes: Uint8Array): number;
  /** Bytes that `write` accepted and that have not reached the system yet. */
  bufferedBytes(socket: Socket): number;
  /** Ends this side of the connection; `closed` is called when the peer has ended its side. */
  finish(socket: Socket): void;
  destroy(socket: Socket): void;
  pause(socket: Socket): void;
  resume(socket: Socket): void;
};

/**
 * After a read this large a connection rests, so that others get their turn: it is read at 64 MB a second. The runtime
 * reads 512 kB at a time and stays with the same connection while it gets that much: 6 MB of a fast client, while every
 * other connection waits. And a client that sends a gigabyte a second makes the runtime collect garbage for a good part
 * of it, which also delays every connection.
 */
const LARGE_READ_BYTES = 256 * 1024;
const REST_BYTES_PER_MS = 64 * 1024;

/** How long a peer may take to read the rest of its data and to close its side. */
const END_MS = 5_000;

/**
 * A device's connection over any transport. It buffers what the system does not accept, and guarantees the order of
 * calls to its handler. The transport calls `received`, `writable`, `peerEnded` and `closed`. After `end`, the handler
 * is called for the close and for nothing else.
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
  /** Paused by its handler. (`#resting` is the pause after a large read.) */
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

  /** Passes the connection to the session layer. */
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
    // Only a socket that is being read notices that its peer closes.
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

  /** Called when bytes have arrived. */
  received(bytes: Uint8Array): void {
    if (bytes.length >= LARGE_READ_BYTES) this.#rest(bytes.length / REST_BYTES_PER_MS);
    if (this.#state === "open") this.#guard(() => this.#handler?.onBytes(bytes));
  }

  /** Called when the system accepts more. */
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

  /** Called when the connection has closed. The handler is called in a microtask, never inside a call of its own. */
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

  /** Pauses reading so that other connections get their turn. */
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
