import { type Address, formatAddress } from "../kernel/address.ts";
import { listenTcpOnDeno } from "./deno-tcp.ts";
import { type Carrier, DeviceConnection, LOST } from "./device-connection.ts";
import type { DeviceDoor, DeviceListener } from "./device-door.ts";
import { listening } from "./listen-error.ts";
import type { Place } from "./places.ts";
import { deno } from "./runtime.ts";

/** The idle time after which the system checks whether the peer is still there. */
export const KEEP_ALIVE_MS = 60_000;

type Entered = { place: Place; connection: DeviceConnection<Socket> };
type Socket = Bun.Socket<Entered | undefined>;

const TCP: Carrier<Socket> = {
  transport: "tcp",
  write(socket, bytes) {
    const taken = socket.write(bytes);
    return taken < 0 ? LOST : taken;
  },
  bufferedBytes: () => 0,
  // Not `end`, which closes at once: later bytes of the peer would cause a reset, which can discard data that the peer
  // has not read yet.
  finish: (socket) => socket.shutdown(),
  destroy: (socket) => socket.terminate(),
  pause: (socket) => socket.pause(),
  resume: (socket) => socket.resume(),
};

/** MQTT over TCP. */
export function listenTcp(address: Address, door: DeviceDoor): DeviceListener {
  if (deno) return listenTcpOnDeno(deno, address, door);
  const server = listening(address, () =>
    Bun.listen<Entered | undefined>({
      hostname: address.host,
      port: address.port,
      // A peer that has finished sending may still wait for responses.
      allowHalfOpen: true,
      socket: {
        open: (socket) => open(socket, door),
        data: (socket, bytes) => socket.data?.connection.received(bytes),
        drain: (socket) => socket.data?.connection.writable(),
        end: (socket) => socket.data?.connection.end(),
        close(socket) {
          if (!socket.data) return;
          socket.data.connection.closed();
          socket.data.place.leave();
        },
        // A close event follows.
        error() {},
      },
    }),
  );
  return { port: server.port, stop: () => server.stop() };
}

function open(socket: Socket, door: DeviceDoor): void {
  // A peer that closed before accept() has no remote address.
  const place = socket.remoteAddress ? door.enter(socket.remoteAddress, () => socket.terminate()) : undefined;
  if (!place) {
    socket.terminate();
    return;
  }
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const peer = formatAddress({ host: socket.remoteAddress, port: socket.remotePort });
  const connection = new DeviceConnection(door, TCP, socket, { place, peer });
  socket.data = { place, connection };
  connection.start();
}
