import type { Socket } from "bun";

/** A response: status, headers, and the body as received. */
export type Answer = { status: number; headers: Headers; text: string };

/** The connection ended where a response was expected. */
export class ConnectionEnded extends Error {
  override name = "ConnectionEnded";
}

type Waiting = { resolve: (answer: Answer) => void; reject: (error: Error) => void };
type Request = { headers?: Record<string, string>; body?: string | Uint8Array };

const CRLF = "\r\n";

/**
 * One HTTP/1.1 connection that sends exactly what it is given and returns exactly what it receives: no retries, no
 * pool, no repair. Responses arrive in the order of their requests.
 */
export class Wire {
  /** Resolves when the connection is closed, for whatever reason. */
  readonly ended: Promise<void>;
  #socket!: Socket<undefined>;
  #end!: () => void;
  #open = true;
  #last = false;
  #parts: Buffer[] = [];
  #received = 0;
  #needed = 0;
  #unsent: Uint8Array[] = [];
  #sent: (() => void)[] = [];
  #waiting: Waiting[] = [];
  #unclaimed: Answer[] = [];

  private constructor() {
    this.ended = new Promise((end) => {
      this.#end = end;
    });
  }

  static async open(url: string): Promise<Wire> {
    const { hostname, port } = new URL(url);
    const wire = new Wire();
    wire.#socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, bytes) => wire.#receive(bytes),
        drain: () => wire.#flush(),
        end: () => wire.close(),
        close: () => wire.#lose(),
        error: () => wire.#lose(),
      },
    });
    return wire;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether another request may be sent: it is open, and no response has said that it is the last. */
  get isUsable(): boolean {
    return this.#open && !this.#last;
  }

  /** One request and its response. */
  call(method: string, path: string, request: Request = {}): Promise<Answer> {
    this.send(...requestBytes(method, path, request));
    return this.answer();
  }

  /** Sends raw bytes. */
  send(...parts: (string | Uint8Array)[]): void {
    for (const part of parts) this.#unsent.push(typeof part === "string" ? Buffer.from(part, "latin1") : part);
    this.#flush();
  }

  /** Resolves when everything sent has been handed to the system, or the connection is closed. */
  async flushed(): Promise<void> {
    if (this.#unsent.length > 0 && this.#open) await new Promise<void>((done) => this.#sent.push(done));
  }

  /** The next response; rejects if the connection ends before it. */
  answer(): Promise<Answer> {
    const unclaimed = this.#unclaimed.shift();
    if (unclaimed) return Promise.resolve(unclaimed);
    if (!this.#open) return Promise.reject(new ConnectionEnded("the connection had ended"));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Stops reading: what the server sends fills the system's buffers, and then the server's. */
  pause(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.end();
  }

  /** Ends with a reset, like a caller that is gone. */
  abort(): void {
    this.#socket.terminate();
  }

  #flush(): void {
    while (this.#open && this.#unsent.length > 0) {
      const part = this.#unsent[0] as Uint8Array;
      const taken = Math.max(0, this.#socket.write(part));
      if (taken < part.length) {
        this.#unsent[0] = part.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
    for (const done of this.#sent.splice(0)) done();
  }

  #receive(bytes: Uint8Array): void {
    this.#parts.push(Buffer.from(bytes));
    this.#received += bytes.length;
    while (this.#received >= this.#needed) {
      const received = Buffer.concat(this.#parts.splice(0));
      const taken = this.#takeAnswer(received);
      if (taken > 0) this.#needed = 0;
      this.#received = received.length - taken;
      this.#parts.push(received.subarray(taken));
      if (taken === 0) return;
    }
  }

  /** Delivers the response at the beginning of the bytes, and returns its length; 0 if it is not complete. */
  #takeAnswer(received: Buffer): number {
    const headEnd = received.indexOf(CRLF + CRLF);
    if (headEnd < 0) return 0;
    const [statusLine = "", ...lines] = received.toString("latin1", 0, headEnd).split(CRLF);
    const headers = new Headers(lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]));
    const status = Number(statusLine.split(" ")[1]);
    const bodyStart = headEnd + 4;
    const bodyEnd = bodyStart + (status < 200 ? 0 : Number(headers.get("content-length") ?? 0));
    // A long response need not be parsed again until it is complete.
    this.#needed = bodyEnd;
    if (received.length < bodyEnd) return 0;
    // 100 Continue precedes the response and is not one.
    if (status >= 200) this.#deliver({ status, headers, text: received.toString("utf8", bodyStart, bodyEnd) });
    return bodyEnd;
  }

  #deliver(answer: Answer): void {
    if (answer.headers.get("connection") === "close") this.#last = true;
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(answer);
    else this.#unclaimed.push(answer);
  }

  #lose(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#unsent = [];
    const said = this.#received > 0 ? ` after ${Buffer.concat(this.#parts).toString("latin1", 0, 200)}` : "";
    for (const { reject } of this.#waiting.splice(0)) reject(new ConnectionEnded(`no answer${said}`));
    for (const done of this.#sent.splice(0)) done();
    this.#end();
  }
}

/** A request with the length of its body. */
export function requestBytes(method: string, path: string, { headers, body }: Request = {}): Uint8Array[] {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const lines = Object.entries({
    host: "twinpost.test",
    ...(bytes && { "content-length": String(bytes.length) }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}${CRLF}`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1${CRLF}${lines.join("")}${CRLF}`, "latin1");
  return bytes ? [Buffer.concat([head, bytes])] : [head];
}
