import type { Socket } from "bun";
import { binaryFrame, frameReader, upgradeRequest } from "./frames.ts";
import { connect, packetReader, type QoS, type Seen, subscribe, TYPE } from "./packets.ts";

/** A broker under load: its address, and the processes whose time is reported. */
export type Target = { url: string; pids: readonly number[] };

/** The credentials of a client. */
export type Login = { clientId: string; userName?: string; persistent?: boolean };

/** One connection to a broker, which reads and writes prepared bytes. */
export type Client = {
  /** Writes bytes made by `wrap`. They must fit into the system's buffer, or the load is lower than requested. */
  write(bytes: Uint8Array): void;
  /** Wraps a packet for the transport: over WebSocket each packet is a frame of its own, as in common clients. */
  wrap(packet: Buffer): Buffer;
  subscribe(filter: string, qos: QoS): Promise<void>;
  onPacket: (seen: Seen) => void;
  close(): void;
};

type OnPacket = (seen: Seen, client: Client) => void;

/**
 * Connects over TCP or WebSocket, as the URL says; resolves when the broker has accepted. `onLost` is called for any
 * end but `close`. Queued messages of a session arrive at once, so a caller that resumes one passes `onPacket`.
 */
export async function openClient(
  { url }: Pick<Target, "url">,
  login: Login,
  onLost: (why: string) => void,
  onPacket: OnPacket = () => {},
): Promise<Client> {
  const { protocol, hostname, port, host } = new URL(url);
  const overWebSocket = protocol === "ws:";
  const wrap = overWebSocket ? binaryFrame : (packet: Buffer) => packet;
  let waiting: { type: number; done: (seen: Seen) => void } | undefined;
  let open = true;
  let unsent: Buffer | undefined;
  const lost = (why: string) => {
    if (open) onLost(why);
    open = false;
  };
  const upgraded = Promise.withResolvers<void>();
  const reader = packetReader((seen) => {
    if (seen.type !== waiting?.type) client.onPacket(seen);
    else waiting.done(seen);
  });
  const read = overWebSocket ? frameReader(reader, () => upgraded.resolve()) : reader;
  const socket: Socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_socket, chunk) => read(chunk),
      drain(socket) {
        const rest = unsent;
        unsent = undefined;
        if (rest) write(socket, rest);
      },
      close: () => lost("the broker closed a connection"),
      error: (_socket, error) => lost(error.message),
    },
  });
  socket.setNoDelay(true);
  function write(to: Socket, bytes: Uint8Array): void {
    if (unsent) {
      unsent = Buffer.concat([unsent, bytes]);
      return;
    }
    const sent = to.write(bytes);
    if (sent < bytes.length) unsent = Buffer.from(bytes.subarray(Math.max(0, sent)));
  }
  async function ask(packet: Buffer, type: number, refusalAt: number): Promise<void> {
    const answer = Promise.withResolvers<number>();
    waiting = { type, done: ({ bytes, body }) => answer.resolve(bytes[body + refusalAt] as number) };
    write(socket, wrap(packet));
    const code = await answer.promise;
    waiting = undefined;
    if (code > 2 || (type === TYPE.connack && code > 0)) throw new Error(`the broker refuses with ${code}`);
  }
  const client: Client = {
    wrap,
    write: (bytes) => write(socket, bytes),
    // The position after the session flag, or after the packet identifier.
    subscribe: (filter, qos) => ask(subscribe(filter, qos), TYPE.suback, 2),
    onPacket: (seen) => onPacket(seen, client),
    close() {
      open = false;
      socket.end();
    },
  };
  if (overWebSocket) {
    socket.write(upgradeRequest(host));
    await upgraded.promise;
  }
  await ask(connect(login), TYPE.connack, 1);
  return client;
}
