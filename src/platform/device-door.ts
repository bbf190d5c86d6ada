import type { DeviceConnection } from "./device-connection.ts";
import type { AcceptDevice } from "./device-socket.ts";

/** Devices that come in by one address. Those that came in stay when it stops; the door ends them. */
export type DeviceListener = {
  readonly port: number;
  /** Accepts nothing new. */
  stop(): void;
};

type Options = {
  /** Connections at a time, over all listeners; unfinished handshakes count. */
  connectionsMax: number;
  /** Called for each connection that there was no room for. */
  onRefused(): void;
  /** The session layer threw, which is a bug of ours; the connection is aborted. */
  onFault(error: unknown): void;
};

/** What all listeners share: who is called for a connection, how many there may be, and their end. */
export class DeviceDoor {
  readonly accept: AcceptDevice;
  readonly onFault: Options["onFault"];
  readonly #connectionsMax: number;
  readonly #onRefused: () => void;
  readonly #connections = new Set<DeviceConnection<unknown>>();
  #inside = 0;
  #closing = false;
  #onEmpty: (() => void) | undefined;

  constructor(accept: AcceptDevice, { connectionsMax, onRefused, onFault }: Options) {
    this.accept = accept;
    this.onFault = onFault;
    this.#connectionsMax = connectionsMax;
    this.#onRefused = onRefused;
  }

  /** Takes a place for a connection, before anything is known of it. False if there is none; else `leave` gives it back. */
  enter(): boolean {
    const admitted = !this.#closing && this.#inside < this.#connectionsMax;
    if (admitted) this.#inside += 1;
    else this.#onRefused();
    return admitted;
  }

  leave(): void {
    this.#inside -= 1;
  }

  add(connection: DeviceConnection<unknown>): void {
    this.#connections.add(connection);
  }

  delete(connection: DeviceConnection<unknown>): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  /**
   * Lets nobody in any more, ends every connection, and aborts those that have not ended when `drainMs` is over. Resolves when
   * every handler has heard of its close.
   */
  async close(drainMs: number): Promise<void> {
    this.#closing = true;
    for (const connection of this.#connections) connection.end();
    if (this.#connections.size === 0) return;
    let timer: Timer | undefined;
    await new Promise<void>((done) => {
      this.#onEmpty = done;
      timer = setTimeout(done, drainMs);
    });
    clearTimeout(timer);
    for (const connection of this.#connections) connection.abort();
    // Handlers hear of it in the next turn.
    await Promise.resolve();
  }
}
