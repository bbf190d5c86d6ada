/** One device's connection as the session layer sees it, whatever carries it. */
export type DeviceSocket = {
  readonly transport: "tcp" | "tls" | "websocket" | "secure_websocket";
  /** Where the device is, `address:port`; where a trusted proxy tells, `address` alone, since it does not tell the port. */
  readonly peer: string;
  /** What its address is counted by: an IPv4 address, or the /64 of an IPv6 one. */
  readonly origin: string;
  /** It says who it is; that is being looked up. */
  spoke(): void;
  /** It is known whose it is: from now on it counts among that account's connections. False if that has as many as it may. */
  identified(accountId: string): boolean;
  /** The certificates that the client presented, as DER, its own first; empty without mutual TLS. */
  readonly certificates: readonly Uint8Array[];
  /**
   * Sends all of it, sooner or later, in the order of the calls; nothing once the connection has ended. The bytes are not copied:
   * whoever sends them does not change them any more.
   */
  send(bytes: Uint8Array): void;
  /** Bytes that were sent here and are not with the system yet. */
  readonly bufferedBytes: number;
  /** Ends once what was sent is with the system, or a few seconds have passed. Nothing is read any more. */
  end(): void;
  /** Ends at once. */
  abort(): void;
  /** Reads nothing more until `resume`, where the transport can (a WebSocket on Deno cannot, and goes on). */
  pause(): void;
  resume(): void;
};

/**
 * What the session layer does when something happens on a connection. `onClose` comes last, exactly once, never inside a call of
 * `end` or `abort` but soon after; whoever called those hears of nothing else any more.
 */
export type DeviceSocketHandler = {
  onBytes(bytes: Uint8Array): void;
  /** All that was buffered is with the system. */
  onDrain(): void;
  onClose(): void;
};

/** Called for each connection, before any of its bytes. */
export type AcceptDevice = (socket: DeviceSocket) => DeviceSocketHandler;
