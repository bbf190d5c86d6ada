import { type Address, formatAddress } from "../kernel/address.ts";
import { type Carrier, DeviceConnection, FULL } from "./device-connection.ts";
import type { DeviceDoor, DeviceListener } from "./device-door.ts";
import { listening } from "./listen-error.ts";
import type { Place } from "./places.ts";
import type { DenoConnection, DenoRuntime } from "./runtime.ts";

const READ_BYTES = 64 * 1024;

/** One connection; Deno's reads and writes are promises. */
class Wire {
  readonly raw: DenoConnection;
  readonly device: DeviceConnection<Wire>;
  unsentBytes = 0;
  /** Resolved while the connection is read; a paused one awaits the next. */
  #reading = Promise.withResolvers<void>();
  /** Resolved once nothing more will be sent. */
  readonly #finished = Promise.withResolvers<void>();

  constructor(door: DeviceDoor, place: Place, raw: DenoConnection) {
    this.raw = raw;
    const { hostname, port } = raw.remoteAddr;
    this.device = new DeviceConnection(door, TCP, this, { place, peer: formatAddress({ host: hostname, port }) });
    this.resume();
  }

  /** Resolves when both sides have ended. */
  async serve(): Promise<void> {
    this.device.start();
    const into = new Uint8Array(READ_BYTES);
    for (;;) {
      await this.#reading.promise;
      const count = await this.raw.read(into);
      if (count === null) break;
      this.device.received(into.slice(0, count));
    }
    // Sends what is still queued for the peer before ending this side too.
    this.device.end();
    await this.#finished.promise;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.unsentBytes += bytes.length;
    for (let sent = 0; sent < bytes.length; ) sent += await this.raw.write(bytes.subarray(sent));
    this.unsentBytes -= bytes.length;
    this.device.writable();
  }

  pause(): void {
    this.#reading = Promise.withResolvers();
  }

  resume(): void {
    this.#reading.resolve();
  }

  async finish(): Promise<void> {
    await this.raw.closeWrite();
    this.#finished.resolve();
  }

  destroy(): void {
    this.resume();
    this.#finished.resolve();
    try {
      this.raw.close();
    } catch {
      // It is already closed.
    }
  }
}

const TCP: Carrier<Wire> = {
  transport: "tcp",
  write(wire, bytes) {
    wire.write(bytes).catch(() => wire.device.abort());
    return FULL;
  },
  bufferedBytes: (wire) => wire.unsentBytes,
  finish: (wire) => void wire.finish().catch(() => wire.device.abort()),
  destroy: (wire) => wire.destroy(),
  pause: (wire) => wire.pause(),
  resume: (wire) => wire.resume(),
};

/** MQTT over TCP on Deno. */
export function listenTcpOnDeno(deno: DenoRuntime, address: Address, door: DeviceDoor): DeviceListener {
  const listener = listening(address, () => deno.listen({ hostname: address.host, port: address.port }));
  const accept = async () => {
    for await (const raw of listener) {
      const place = door.enter(raw.remoteAddr.hostname, () => raw.close());
      if (place) void serve(door, place, raw);
      else raw.close();
    }
  };
  // Accepting ends with an error when the listener is closed.
  accept().catch(() => undefined);
  return { port: listener.addr.port, stop: () => listener.close() };
}

async function serve(door: DeviceDoor, place: Place, raw: DenoConnection): Promise<void> {
  const wire = new Wire(door, place, raw);
  try {
    raw.setNoDelay(true);
    raw.setKeepAlive(true);
    await wire.serve();
  } catch {
    // The connection broke or was aborted.
  }
  wire.device.closed();
  wire.destroy();
  place.leave();
}
