import { Wire } from "../../../test/support/http/http-connection.ts";

/** Callers of the REST API over as many connections as are needed at a time; they are kept, and end when they are told to. */
export class Caller {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #wires: Wire[] = [];
  #free: Wire[] = [];

  constructor(url: string, { secret, token }: { secret: string; token: string }) {
    this.#url = url;
    this.#headers = { authorization: secret, "x-auth-token": token };
  }

  /** Answers the text; refuses any other status than the expected one. */
  async call(method: string, path: string, expected: number, body?: string): Promise<string> {
    const wire = this.#next() ?? (await this.#open());
    const { status, text } = await wire.call(method, path, { headers: this.#headers, ...(body && { body }) });
    this.#free.push(wire);
    if (status !== expected) throw new Error(`${method} ${path} is answered ${status} ${text.slice(0, 300)}`);
    return text;
  }

  async close(): Promise<void> {
    for (const wire of this.#wires) wire.close();
    await Promise.all(this.#wires.map(({ ended }) => ended));
    this.#free = [];
  }

  /** In turn, so that none is idle for as long as makes the server close it. */
  #next(): Wire | undefined {
    for (;;) {
      const wire = this.#free.shift();
      if (!wire || wire.isUsable) return wire;
    }
  }

  async #open(): Promise<Wire> {
    const wire = await Wire.open(this.#url);
    this.#wires.push(wire);
    return wire;
  }
}
