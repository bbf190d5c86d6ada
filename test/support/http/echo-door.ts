import { DeviceDoor } from "../../../src/platform/device-door.ts";
import type { DeviceSocket } from "../../../src/platform/device-socket.ts";

/** A connection as the session layer sees it, which here sends back what it receives. */
export type Echoed = {
  socket: DeviceSocket;
  /** Events in order: `bytes 5`, `drain`, `close`. */
  events: string[];
  closed: Promise<void>;
};

/** `known`: each connection belongs at once to an account of its own; otherwise all stay unauthenticated. */
type Behaviour = {
  echo?: boolean;
  known?: boolean;
  connectionsMax?: number;
  onAccept?: (socket: DeviceSocket) => void;
};

/** A device listener whose sessions echo. */
export function openEchoDoor({ echo = true, known = true, connectionsMax = 10_000, onAccept }: Behaviour = {}) {
  const faults: unknown[] = [];
  const connections: Echoed[] = [];
  const waiting: ((next: Echoed) => void)[] = [];
  let refused = 0;
  const door = new DeviceDoor(
    (socket) => {
      const closed = Promise.withResolvers<void>();
      const echoed: Echoed = { socket, events: [], closed: closed.promise };
      connections.push(echoed);
      if (known) socket.identified(`account ${connections.length}`);
      onAccept?.(socket);
      waiting.shift()?.(echoed);
      return {
        onBytes(bytes) {
          echoed.events.push(`bytes ${bytes.length}`);
          if (echo) socket.send(bytes);
        },
        onDrain: () => void echoed.events.push("drain"),
        onClose() {
          echoed.events.push("close");
          closed.resolve();
        },
      };
    },
    { connectionsMax, onRefused: () => (refused += 1), onFault: (error) => faults.push(error) },
  );
  return {
    door,
    faults,
    connections,
    refused: () => refused,
    /** The next incoming connection. */
    next: () => new Promise<Echoed>((done) => waiting.push(done)),
  };
}
