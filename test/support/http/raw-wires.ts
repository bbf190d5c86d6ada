import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** A peer's end of a connection, as raw as its transport allows. */
export type Wire = {
  send(bytes: Uint8Array): void;
  /** Received bytes so far, without frame headers. */
  readonly bytes: number;
  /** Resolves with all received bytes, once there are this many. */
  until(bytes: number): Promise<Buffer>;
  /** Resolves when the connection is closed, with the code of a WebSocket's close if there was one. */
  readonly closed: Promise<number | undefined>;
  readonly socket: Socket;
};

/** Collects received bytes until a caller has waited for enough of them. */
class Inflow {
  bytes = 0;
  #parts: Uint8Array[] = [];
  #waiting: { bytes: number; done: (all: Buffer) => void }[] = [];

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.bytes += part.length;
    if (this.#waiting.every(({ bytes }) => bytes > this.bytes)) return;
    const all = Buffer.concat(this.#parts);
    for (const { bytes, done } of this.#waiting) if (bytes <= this.bytes) done(all);
    this.#waiting = this.#waiting.filter(({ bytes }) => bytes > this.bytes);
  }

  until(bytes: number): Promise<Buffer> {
    return new Promise((done) => {
      this.#waiting.push({ bytes, done });
      this.add(new Uint8Array());
    });
  }
}

export async function dialTcp(port: number): Promise<Wire> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await opened(socket, "connect");
  return plainWire(socket);
}

type TlsWire = Wire & {
  /** The TLS session for resumption on another connection. */
  readonly session: Promise<Buffer>;
  readonly resumed: boolean;
};

export async function dialTls(port: number, options: ConnectionOptions = {}): Promise<TlsWire> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  const session = new Promise<Buffer>((done) => socket.once("session", done));
  await opened(socket, "secureConnect");
  return Object.assign(plainWire(socket), { session, resumed: socket.isSessionReused() });
}

function plainWire(socket: Socket): Wire {
  const inflow = new Inflow();
  socket.on("data", (part: Buffer) => inflow.add(part));
  return {
    send: (bytes) => void socket.write(bytes),
    get bytes() {
      return inflow.bytes;
    },
    until: (bytes) => inflow.until(bytes),
    closed: closing(socket).then(() => undefined),
    socket,
  };
}

const opened = (socket: Socket, event: string) =>
  new Promise<void>((done, fail) => {
    socket.once(event, () => done());
    socket.once("error", fail);
    socket.on("error", () => {});
    socket.once("close", () => fail(new Error("closed before it was open")));
  });

const closing = (socket: Socket) => new Promise<void>((done) => socket.once("close", () => done()));

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** One frame of a WebSocket client, masked with zeros, which leaves the payload readable. */
export function frame(opcode: number, payload: Uint8Array, { final = true } = {}): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + extended + 4);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) head.writeUInt16BE(length, 2);
  if (extended === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

type WebSocketWire = Wire & {
  /** The response to the handshake, before anything else arrived. */
  readonly head: string;
  /** Opcodes and payloads of frames that carry no data. */
  readonly control: { opcode: number; payload: Buffer }[];
  /** Opcodes of the frames that carried data. */
  readonly opcodes: number[];
  sendRaw(bytes: Uint8Array): void;
};

type Handshake = {
  path?: string;
  subprotocols?: string;
  headers?: Record<string, string>;
  /** For TLS. */
  tls?: ConnectionOptions;
};

/** Requests a WebSocket over a socket of its own, and returns the response, whatever it is. */
export async function dialWebSocket(
  port: number,
  { path = "/", subprotocols = "mqtt", headers = {}, tls }: Handshake = {},
): Promise<WebSocketWire> {
  const socket = tls
    ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...tls })
    : connect({ port, host: "127.0.0.1", noDelay: true });
  await opened(socket, tls ? "secureConnect" : "connect");
  const all: Record<string, string> = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    ...(subprotocols && { "Sec-WebSocket-Protocol": subprotocols }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  const inflow = new Inflow();
  const control: WebSocketWire["control"] = [];
  const opcodes: number[] = [];
  let code: number | undefined;
  const frames = new Frames((opcode, payload) => {
    if (opcode < OPCODE.close) {
      opcodes.push(opcode);
      inflow.add(payload);
      return;
    }
    control.push({ opcode, payload });
    if (opcode === OPCODE.close && payload.length >= 2) code = payload.readUInt16BE();
  });
  const head = await readHead(socket, (rest) => frames.push(rest));
  return {
    head,
    control,
    opcodes,
    socket,
    send: (bytes) => void socket.write(frame(OPCODE.binary, bytes)),
    sendRaw: (bytes) => void socket.write(bytes),
    get bytes() {
      return inflow.bytes;
    },
    until: (bytes) => inflow.until(bytes),
    closed: closing(socket).then(() => code),
  };
}

function readHead(socket: Socket, onRest: (bytes: Buffer) => void): Promise<string> {
  return new Promise((done) => {
    let text = Buffer.alloc(0);
    const onData = (part: Buffer) => {
      text = Buffer.concat([text, part]);
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onData);
      socket.on("data", onRest);
      done(text.toString("latin1", 0, end));
      if (text.length > end + 4) onRest(text.subarray(end + 4));
    };
    socket.on("data", onData);
  });
}

/** Parses a server's frames, which are never masked. */
class Frames {
  #parts: Buffer[] = [];
  #bytes = 0;
  #wanted = 2;
  readonly #onFrame: (opcode: number, payload: Buffer) => void;

  constructor(onFrame: (opcode: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes < this.#wanted) return;
    let rest = Buffer.concat(this.#parts);
    for (;;) {
      this.#wanted = frameLength(rest);
      if (rest.length < this.#wanted) break;
      const head = headLength(rest);
      this.#onFrame((rest[0] as number) & 15, rest.subarray(head, this.#wanted));
      rest = rest.subarray(this.#wanted);
    }
    this.#parts = [rest];
    this.#bytes = rest.length;
  }
}

const headLength = (bytes: Buffer) => 2 + (bytes[1] === 126 ? 2 : bytes[1] === 127 ? 8 : 0);

/** The length of the frame that begins here, or how many bytes are needed to know it. */
function frameLength(bytes: Buffer): number {
  if (bytes.length < 2) return 2;
  const head = headLength(bytes);
  if (bytes.length < head || head === 2) return head + (head === 2 ? (bytes[1] as number) : 0);
  return head + (head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)));
}
