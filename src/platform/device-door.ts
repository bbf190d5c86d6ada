import type { Cidr } from "../kernel/address.ts";
import { isTrusted, throttleKey } from "../kernel/client-address.ts";
import type { DeviceConnection } from "./device-connection.ts";
import type { AcceptDevice } from "./device-socket.ts";
import { HandshakeRate } from "./handshake-rate.ts";
import { type Place, Places } from "./places.ts";

/** Devices that come in by one address. Those that came in stay when it stops; the door ends them. */
export type DeviceListener = {
  readonly port: number;
  /** Accepts nothing new. */
  stop(): void;
};

type Options = {
  /** Connections at a time, over all listeners; unfinished handshakes count. */
  connectionsMax: number;
  /** How many there can be, so that descriptors are left for all else. */
  roomMax?: number;
  trustedProxies?: readonly Cidr[];
  /** Called for each connection that there was no room for, or that had to make room for another. */
  onRefused(): void;
  /** The session layer threw, which is a bug of ours; the connection is aborted. */
  onFault(error: unknown): void;
};

/** What all listeners share: who is called for a connection, how many there may be, and their end. */
export class DeviceDoor {
  readonly accept: AcceptDevice;
  readonly onFault: Options["onFault"];
  readonly #places: Places;
  readonly #trustedProxies: readonly Cidr[];
  readonly #handshakes = new HandshakeRate();
  readonly #onRefused: () => void;
  readonly #connections = new Set<DeviceConnection<unknown>>();
  #closing = false;
  #onEmpty: (() => void) | undefined;

  constructor(accept: AcceptDevice, { connectionsMax, roomMax, trustedProxies = [], onRefused, onFault }: Options) {
    this.#trustedProxies = trustedProxies;
    this.accept = accept;
    this.onFault = onFault;
    this.#places = new Places(connectionsMax, roomMax);
    this.#onRefused = onRefused;
  }

  /**
   * Takes a place for a connection from this address, before anything is known of it; undefined if there is none. `evict` is to end it
   * at once, where another one needs its place.
   */
  enter(host: string, evict: () => void): Place | undefined {
    const refused = () => {
      this.#onRefused();
      evict();
    };
    const place = this.#closing ? undefined : this.#places.enter(throttleKey(host), refused);
    if (!place) this.#onRefused();
    return place;
  }

  /** Whether this address may begin another TLS handshake. A proxy passes on those of many. */
  mayHandshake(host: string): boolean {
    const may = isTrusted(host, this.#trustedProxies) || this.#handshakes.take(throttleKey(host));
    if (!may) this.#onRefused();
    return may;
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
