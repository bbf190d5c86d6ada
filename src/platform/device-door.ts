import type { Cidr } from "../kernel/address.ts";
import { isTrusted, throttleKey } from "../kernel/client-address.ts";
import type { DeviceConnection } from "./device-connection.ts";
import type { AcceptDevice } from "./device-socket.ts";
import { HandshakeRate } from "./handshake-rate.ts";
import { type Place, Places } from "./places.ts";

/** A listener for devices. Stopping it keeps open connections; the door ends those. */
export type DeviceListener = {
  readonly port: number;
  /** Stops accepting connections. */
  stop(): void;
};

type Options = {
  /** The limit of connections, over all listeners; unfinished handshakes count. */
  connectionsMax: number;
  /** How many connections the descriptors allow, with enough left for everything else. */
  roomMax?: number;
  trustedProxies?: readonly Cidr[];
  /** Called for each connection that was refused or evicted for lack of room. */
  onRefused(): void;
  /** Called when the session layer throws, which is an internal error; the connection is aborted. */
  onFault(error: unknown): void;
};

/** What all listeners share: the session layer's `accept`, the limits on connections, and shutdown. */
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
   * Takes a place for a connection from this address before anything else is known of it; undefined if none is free.
   * `evict` must close the connection at once; it is called when another connection needs the place.
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

  /**
   * Whether this address may begin another TLS handshake. Trusted proxies may always: they forward those of many
   * clients.
   */
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
   * Refuses new connections, ends all open ones, and aborts those that have not closed after `drainMs`. Resolves when
   * every handler has been called for its close.
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
    // Handlers are called in the next microtask.
    await Promise.resolve();
  }
}
