import { createHash, randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";

// The transport of a device's bytes, for tests that look at each of them. The WebSocket is implemented here, so that
// frames can be cut, mixed and spoiled, and so that a reader can stop reading.

export type WireAddress = {
  transport: "tcp" | "tls" | "websocket";
  port: number;
  host?: string;
  /** A client certificate, both PEM. TLS only. */
  certificate?: { cert: string; key: string };
  /** WebSocket only. */
  path?: string;
  /** The subprotocols to offer, as in the header. WebSocket only. */
  protocols?: string;
};

export type WireStream = {
  /** One write; over a WebSocket one binary frame. */
  write(bytes: Uint8Array): void;
  /** Resolves when everything written is with the system, or the connection is closed. */
  flushed(): Promise<void>;
  /** Stops reading: what the server sends fills the system's buffers, and then the server's. */
  pause(): void;
  resume(): void;
  end(): void;
  /** Ends with a reset if the transport has one, like a client that is gone. */
  abort(): void;
  /** WebSocket only: one frame as given; `final: false` leaves the message open. */
  writeFrame(opcode: number, bytes: Uint8Array, options?: { final?: boolean; masked?: boolean }): void;
};

type WireListener = {
  onBytes(bytes: Buffer): void;
  /** Called last, once. For a WebSocket with the server's status code, if there was one. */
  onClose(closeCode: number | undefined): void;
};

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Connects; rejects if no server listens, or the WebSocket is refused. */
export async function openStream(address: WireAddress, listener: WireListener): Promise<WireStream> {
  const socket = await openSocket(address);
  if (address.transport === "websocket") return upgrade(socket, address, listener);
  socket.on("data", (bytes: Buffer) => listener.onBytes(bytes));
  socket.on("close", () => listener.onClose(undefined));
  return streamOf(
    socket,
    (bytes) => socket.write(bytes),
    () => {
      throw new Error("only a WebSocket has frames");
    },
  );
}

function openSocket({ transport, host = "127.0.0.1", port, certificate }: WireAddress): Promise<Socket> {
  const tls = transport === "tls";
  const socket = tls
    ? connectTls({ host, port, rejectUnauthorized: false, ...certificate })
    : connect({ host, port, noDelay: true });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once(tls ? "secureConnect" : "connect", () => {
      socket.off("error", reject);
      // Some connections are meant to end with a reset; only that they ended is reported.
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

function streamOf(
  socket: Socket,
  write: WireStream["write"],
  writeFrame: WireStream["writeFrame"],
  end: WireStream["end"] = () => socket.end(),
): WireStream {
  return {
    write,
    writeFrame,
    end,
    flushed: () =>
      new Promise((resolve) => {
        if (socket.destroyed) resolve();
        else socket.write(new Uint8Array(0), () => resolve());
      }),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    abort: () => void (socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy()),
  };
}

async function upgrade(socket: Socket, address: WireAddress, listener: WireListener): Promise<WireStream> {
  const { path = "/mqtt", protocols = "mqtt", port } = address;
  const key = randomBytes(16).toString("base64");
  socket.write(
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n` +
      `${protocols && `sec-websocket-protocol: ${protocols}\r\n`}\r\n`,
  );
  const { head, rest } = await readHead(socket);
  const accepted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const chosen = /^sec-websocket-protocol: *(\S+)/im.exec(head)?.[1];
  if (!head.startsWith("HTTP/1.1 101") || !head.includes(accepted)) {
    socket.destroy();
    throw new Error(`no WebSocket: ${head.split("\r\n")[0]}`);
  }
  if (protocols && !protocols.split(", ").includes(chosen ?? "")) {
    socket.destroy();
    throw new Error(`the server chose the subprotocol ${chosen}`);
  }

  let closeCode: number | undefined;
  const writeFrame: WireStream["writeFrame"] = (opcode, bytes, { final = true, masked = true } = {}) =>
    void socket.write(frameBytes(opcode, bytes, final, masked));
  const onFrame = (opcode: number, bytes: Buffer) => {
    if (opcode === OPCODE.ping) writeFrame(OPCODE.pong, bytes);
    else if (opcode === OPCODE.close) {
      closeCode = bytes.length >= 2 ? bytes.readUInt16BE(0) : undefined;
      writeFrame(OPCODE.close, bytes.subarray(0, 2));
      socket.end();
    } else if (opcode === OPCODE.binary || opcode === OPCODE.continuation) listener.onBytes(bytes);
    else if (opcode === OPCODE.text) throw new Error("the server sent a text frame"); // [MQTT-6.0.0-1]
  };
  const receive = frameReader(onFrame);
  socket.on("data", receive);
  socket.on("close", () => listener.onClose(closeCode));
  if (rest.length > 0) receive(rest);
  const end = () => writeFrame(OPCODE.close, Buffer.from([1000 >> 8, 1000 & 0xff]));
  return streamOf(socket, (bytes) => writeFrame(OPCODE.binary, bytes), writeFrame, end);
}

function readHead(socket: Socket): Promise<{ head: string; rest: Buffer }> {
  let received = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const onEnd = () => reject(new Error(`the connection ended after ${received.toString("latin1")}`));
    const onData = (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      socket.off("data", onData);
      socket.off("close", onEnd);
      resolve({ head: received.toString("latin1", 0, headEnd + 2), rest: received.subarray(headEnd + 4) });
    };
    socket.on("data", onData);
    socket.once("close", onEnd);
  });
}

function frameBytes(opcode: number, bytes: Uint8Array, final: boolean, masked: boolean): Buffer {
  const length = bytes.length;
  const short = length < 126 ? length : length < 65_536 ? 126 : 127;
  const extended = Buffer.alloc(short === 126 ? 2 : short === 127 ? 8 : 0);
  if (short === 126) extended.writeUInt16BE(length);
  if (short === 127) extended.writeBigUInt64BE(BigInt(length));
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, (masked ? 0x80 : 0) | short]);
  if (!masked) return Buffer.concat([head, extended, bytes]);
  const mask = randomBytes(4);
  return Buffer.concat([head, extended, mask, Buffer.from(bytes.map((byte, i) => byte ^ (mask[i & 3] as number)))]);
}

/** Takes bytes as they arrive and reports each frame of the server, which is never masked. */
function frameReader(onFrame: (opcode: number, bytes: Buffer) => void): (bytes: Buffer) => void {
  let parts: Buffer[] = [];
  let received = 0;
  let needed = 2;
  return (bytes) => {
    parts.push(bytes);
    received += bytes.length;
    while (received >= needed) {
      const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      parts = [all];
      const short = (all[1] as number) & 0x7f;
      const start = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (received < start) {
        needed = start;
        return;
      }
      const length = short === 126 ? all.readUInt16BE(2) : short === 127 ? Number(all.readBigUInt64BE(2)) : short;
      needed = start + length;
      if (received < needed) return;
      parts = [all.subarray(needed)];
      received -= needed;
      onFrame((all[0] as number) & 0x0f, all.subarray(start, needed));
      needed = 2;
    }
  };
}
