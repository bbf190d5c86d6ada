/** One device's connection as the session layer sees it, over any transport. */
export type DeviceSocket = {
  readonly transport: "tcp" | "tls" | "websocket" | "secure_websocket";
  /**
   * The device's address, `address:port`; behind a trusted proxy `address` alone, since the proxy does not report the
   * port.
   */
  readonly peer: string;
  /** The key for per-address limits: an IPv4 address, or the /64 of an IPv6 one. */
  readonly origin: string;
  /** Must be called when the device has sent its credentials: from then on the connection cannot be evicted. */
  spoke(): void;
  /** Counts the connection against the device's account. Returns false if the account has reached its limit. */
  identified(accountId: string): boolean;
  /** The client's certificates as DER, its own first; empty without mutual TLS. */
  readonly certificates: readonly Uint8Array[];
  /**
   * Queues all bytes for sending, in the order of the calls; ignored after the connection has ended. The bytes are not
   * copied: the caller must not change them afterwards.
   */
  send(bytes: Uint8Array): void;
  /** Bytes passed to `send` that have not reached the system yet. */
  readonly bufferedBytes: number;
  /** Closes once everything sent has reached the system, or after a few seconds. Nothing more is read. */
  end(): void;
  /** Closes at once. */
  abort(): void;
  /** Stops reading until `resume`, where the transport can (a WebSocket on Deno cannot, and continues). */
  pause(): void;
  resume(): void;
};

/**
 * How the session layer handles a connection's events. `onClose` is called last and exactly once, never inside `end` or
 * `abort` but soon after; after these two, no other event is delivered.
 */
export type DeviceSocketHandler = {
  onBytes(bytes: Uint8Array): void;
  /** Called when everything that was buffered has reached the system. */
  onDrain(): void;
  onClose(): void;
};

/** Called for each connection, before any of its bytes. */
export type AcceptDevice = (socket: DeviceSocket) => DeviceSocketHandler;
